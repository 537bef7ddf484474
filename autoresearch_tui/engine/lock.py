"""One engine a study: a file lock that says who holds it."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from autoresearch_tui.errors import StudyError


@contextmanager
def engine_lock(path: Path) -> Generator[None]:
    """Hold the lock of a study's engine; the system lets it go when the process ends.

    Raises:
        StudyError: another engine holds it, or the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StudyError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyError(
                f"another engine runs this study already: {_holder(file)}; "
                "`autoresearch-tui` shows it, `autoresearch-tui stop` ends it"
            ) from None
        about = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(about).encode(), 0)
        yield
    finally:
        os.close(file)


def _holder(file: int) -> str:
    try:
        about = cast(dict[str, object], json.loads(os.pread(file, 4096, 0)))
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(float(str(about["since"]))))
        return f"process {about['pid']} on {about['host']}, since {since}"
    except (ValueError, KeyError, OSError):
        return "it has not said yet which process it is"
