"""Prints the log of a run, to its end if wanted."""

import time
from collections.abc import Callable
from pathlib import Path

from autoresearch_tui.domain import Run
from autoresearch_tui.errors import StudyError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Reader, open_reader
from autoresearch_tui.tail import Tail

_POLL_SECONDS = 0.25


def follow_log(paths: StudyPaths, name: str, *, follow: bool, write: Callable[[str], None]) -> None:
    """Write the output of a run, or of the newest run of an experiment; with `follow` to its end.

    The name `setup` stands for the newest set-up.

    Raises:
        StudyError: there is no such run, or it has no output yet.
    """
    if name == "setup":
        write(_setup_log(paths).read_text(encoding="utf-8", errors="replace"))
        return
    with open_reader(paths.database) as reader:
        run = _find(reader, name)
        path = paths.run_log(run.id)
        if not follow:
            if not path.exists():
                raise StudyError(f"{run.id}: no output yet; it is {run.status}")
            write(path.read_text(encoding="utf-8", errors="replace"))
            return
        _follow(reader, run, path, write)


def _follow(reader: Reader, run: Run, path: Path, write: Callable[[str], None]) -> None:
    tail = Tail(path)
    while True:
        now = reader.run(run.id)
        has_ended = now is None or now.status.is_final
        _, lines = tail.read()
        for line in lines:
            write(f"{line}\n")
        if has_ended:
            write(tail.rest)
            return
        time.sleep(_POLL_SECONDS)


def _setup_log(paths: StudyPaths) -> Path:
    found = sorted(paths.logs.glob("setup-*.log"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise StudyError("setup: no set-up has run yet, or the task has none")
    return found[-1]


def _find(reader: Reader, name: str) -> Run:
    run = reader.run(name)
    if run is None and (runs := reader.runs_of(name)):
        run = runs[-1]
    if run is None:
        raise StudyError(f"{name}: there is no such run or experiment; see `list`")
    return run
