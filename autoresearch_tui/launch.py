"""Starts an engine as a process of its own, which outlives the terminal."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from autoresearch_tui.control import request
from autoresearch_tui.errors import ControlError, StudyError
from autoresearch_tui.paths import StudyPaths

_START_SECONDS = 60.0


async def start_detached(paths: StudyPaths, options: Sequence[str] = ()) -> None:
    """Start the engine of a study and return once it answers.

    Raises:
        StudyError: it ended before it answered; the message is its own.
    """
    paths.state.mkdir(parents=True, exist_ok=True)
    output = paths.state / "engine.out"
    command = [sys.executable, "-m", "autoresearch_tui", "engine", *options, str(paths.root)]
    process = await asyncio.to_thread(_spawn, command, output)
    loop = asyncio.get_running_loop()
    give_up = loop.time() + _START_SECONDS
    while True:
        try:
            await request(paths, "ping")
        except ControlError:
            code = process.poll()
            if code is not None:
                lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
                said = lines[-1].removeprefix("error: ") if lines else f"exit code {code}"
                raise StudyError(said) from None
            if loop.time() > give_up:
                raise StudyError(
                    f"the engine (process {process.pid}) gave no answer for "
                    f"{_START_SECONDS:.0f} s; see {paths.engine_log}"
                ) from None
            await asyncio.sleep(0.1)
        else:
            return


def _spawn(command: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
