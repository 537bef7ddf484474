"""Which infrastructure SkyPilot can use here, in its own words."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoresearch_tui.errors import BackendError
from autoresearch_tui.plain import plain

_SECONDS = 180
"""That the check may take: it starts the API server where none runs."""

_HEAD = re.compile(r"\s{2}(\S.*): (enabled|disabled)\b.*")
_REASON = re.compile(r"\s+Reason(?: \[.*?\])?: (.*)")


@dataclass(frozen=True, slots=True)
class Infra:
    """One kind of infrastructure; `reason` says why it cannot be used, if it cannot."""

    name: str
    is_usable: bool
    reason: str = ""


def check_infra() -> Sequence[Infra]:
    """Ask `sky check`.

    Raises:
        BackendError: it is not installed, or fails.
    """
    sky = Path(sys.executable).with_name("sky")
    env = {**os.environ, "NO_COLOR": "1"}
    try:
        done = subprocess.run(
            [str(sky), "check"], env=env, capture_output=True, text=True, timeout=_SECONDS
        )
    except FileNotFoundError:
        raise BackendError("not installed: pip install 'autoresearch-tui[skypilot]'") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendError(f"`sky check` fails: {error}") from error
    found = parse_check(done.stdout)
    if not found:
        said = [line for line in plain(done.stderr or done.stdout).split("\n") if line.strip()]
        raise BackendError(f"`sky check` fails: {said[-1].strip() if said else done.returncode}")
    return found


def parse_check(text: str) -> Sequence[Infra]:
    """What `sky check` prints: a line for each infrastructure, and below it why it is disabled."""
    found: list[Infra] = []
    in_traceback = False
    for line in plain(text).split("\n"):
        if head := _HEAD.fullmatch(line.rstrip()):
            found.append(Infra(head[1].strip(), head[2] == "enabled"))
            in_traceback = False
        elif found and not found[-1].is_usable:
            reason = _REASON.fullmatch(line.rstrip())
            if reason is not None and not found[-1].reason:
                in_traceback = reason[1].startswith("Traceback")
                found[-1] = Infra(found[-1].name, False, reason[1].strip())
            elif found[-1].reason.endswith(":") and line.strip().startswith("$ "):
                # What it says to do is the part that helps.
                found[-1] = Infra(found[-1].name, False, f"{found[-1].reason} {line.strip()[2:]}")
            elif in_traceback and line[:1].strip():
                # The last line of a traceback is the one that says something.
                found[-1] = Infra(found[-1].name, False, line.strip())
    return found
