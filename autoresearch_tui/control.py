"""The engine's socket: its lines of JSON, and the client that every other process uses."""

import asyncio
import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from autoresearch_tui.domain import Study
from autoresearch_tui.errors import ControlError
from autoresearch_tui.paths import StudyPaths

LINE_LIMIT = 16 * 2**20
"""Longest request or answer, in bytes."""

_ANSWER_SECONDS = 30.0

_NO_REQUEST = "not a request: expected one JSON object with a whole number `id` and a text `do`"


@dataclass(frozen=True, slots=True)
class Request:
    """One act that a client asks the engine for. The server fills in `actor`, for the record."""

    id: int
    do: str
    args: Mapping[str, object]
    actor: str = ""


ACTOR, ROLE = "AUTORESEARCH_ACTOR", "AUTORESEARCH_ROLE"
"""Variables in which the SSH server tells the cockpits that it opens who sits there, and what they
may do. Nobody else can set them there: there is no shell."""

VIEWER = "viewer"
"""The role that may only look."""


def may_act() -> bool:
    """Whether whoever sits at this process may change a study."""
    return os.environ.get(ROLE) != VIEWER


def encode(message: Mapping[str, object]) -> bytes:
    """One line of the protocol."""
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Read a request.

    Raises:
        ControlError: the line is none.
    """
    try:
        message: object = json.loads(line)
    except (ValueError, RecursionError):
        raise ControlError(_NO_REQUEST) from None
    if not isinstance(message, dict):
        raise ControlError(_NO_REQUEST)
    fields = cast(dict[str, object], message)
    number, do, args = fields.get("id"), fields.get("do"), fields.get("args", {})
    if not isinstance(number, int) or not isinstance(do, str):
        raise ControlError(_NO_REQUEST)
    if not isinstance(args, dict):
        raise ControlError(f"{do[:40]}: `args` must be a JSON object")
    by = fields.get("by", "")
    return Request(number, do, cast(dict[str, object], args), by if isinstance(by, str) else "")


def process_lives(pid: int | None) -> bool:
    """Whether a process of this machine lives; one that is not known may.

    One that has ended is dead though its parent has not asked for its exit code.
    """
    if pid is None:
        return True
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[0] not in ("Z", "X")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def engine_lives(study: Study, now: float) -> bool:
    """Whether a study's engine said lately that it lives, and its process is there."""
    return study.is_alive(now) and process_lives(study.engine_pid)


async def request(
    paths: StudyPaths,
    do: str,
    args: Mapping[str, object] | None = None,
    seconds: float = _ANSWER_SECONDS,
) -> object:
    """Ask the engine of a study to act; returns its answer once the act is on record.

    It may take so many seconds.

    Raises:
        ControlError: no engine answers, or it refuses; the message says why.
    """
    if not may_act():
        raise ControlError("this key may only look; ask for the role `operator`")
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(paths, do, args or {})
    except TimeoutError:
        raise ControlError(f"the engine gave no answer for {seconds:.0f} s") from None
    except (FileNotFoundError, ConnectionRefusedError):
        raise ControlError(
            "no engine is running for this study; `autoresearch-tui` starts it"
        ) from None
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        raise ControlError(f"the engine broke off the request: {error}") from None


async def _exchange(paths: StudyPaths, do: str, args: Mapping[str, object]) -> object:
    reader, writer = await asyncio.open_unix_connection(str(paths.socket), limit=LINE_LIMIT)
    try:
        message = {"id": 1, "do": do, "args": args}
        if by := os.environ.get(ACTOR):
            message["by"] = by
        writer.write(encode(message))
        await writer.drain()
        answer = cast(dict[str, object], json.loads(await reader.readuntil(b"\n")))
    finally:
        writer.close()
    if not answer.get("ok"):
        raise ControlError(str(answer.get("error")))
    return answer.get("result")
