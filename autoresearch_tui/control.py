"""The engine's socket: its lines of JSON, and the client that every other process uses."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from autoresearch_tui.errors import ControlError
from autoresearch_tui.paths import StudyPaths

LINE_LIMIT = 16 * 2**20
"""Longest request or answer, in bytes."""

_ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """One act that a client asks the engine for. `actor` goes into the study's record."""

    id: int
    do: str
    args: Mapping[str, object]
    actor: str


def encode(message: Mapping[str, object]) -> bytes:
    """One line of the protocol."""
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Read a request.

    Raises:
        ControlError: the line is none.
    """
    try:
        message = cast(dict[str, object], json.loads(line))
        args = cast(dict[str, object], message.get("args") or {})
        return Request(
            int(cast(int, message["id"])), str(message["do"]), args, str(message.get("actor") or "")
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ControlError("not a request: expected one JSON object with `id` and `do`") from None


async def request(
    paths: StudyPaths, do: str, args: Mapping[str, object] | None = None, actor: str = "operator"
) -> object:
    """Ask the engine of a study to act; returns its answer once the act is on record.

    Raises:
        ControlError: no engine answers, or it refuses; the message says why.
    """
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await _exchange(paths, do, args or {}, actor)
    except TimeoutError:
        raise ControlError(f"the engine gave no answer for {_ANSWER_SECONDS:.0f} s") from None
    except (FileNotFoundError, ConnectionRefusedError):
        raise ControlError(
            "no engine is running for this study; `autoresearch-tui` starts it"
        ) from None
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        raise ControlError(f"the engine broke off the request: {error}") from None


async def _exchange(paths: StudyPaths, do: str, args: Mapping[str, object], actor: str) -> object:
    reader, writer = await asyncio.open_unix_connection(str(paths.socket), limit=LINE_LIMIT)
    try:
        writer.write(encode({"id": 1, "do": do, "args": args, "actor": actor}))
        await writer.drain()
        answer = cast(dict[str, object], json.loads(await reader.readuntil(b"\n")))
    finally:
        writer.close()
    if not answer.get("ok"):
        raise ControlError(str(answer.get("error")))
    return answer.get("result")
