"""The files by which an engine and the processes of a slot speak; standard library only.

<slot>/lock             held by the supervisor while it lives; its text is the pid
<slot>/wake             named pipe: a byte makes the supervisor look again
<slot>/wake-job         named pipe: a byte makes the running job's keeper look again
<slot>/stop             asks the supervisor to end once nothing waits or runs
<slot>/slot.json        what the slot is
<slot>/supervisor.log   what its processes say of themselves
<slot>/tmp/             directories on their way in or out
<slot>/queue/<n>-<job>/ waits its turn, `n` orders; claimed or withdrawn by one rename
<slot>/jobs/<job>/      claimed: about to start, running or ended
    files/              the job's working directory
    tmp/                its /tmp, where it is confined
    job.json script     what to execute
    env.json            its environment; removed when it starts
    log                 its output
    cancel              asks for its end
    lock                held by its keeper while that lives
    process.json        it has started
    end.json            it has ended
<slot>/../changed       named pipe: a byte tells the engine that something changed
<slot>/../attached      shared lock, held by the engine while it lives
"""

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

_ENTRY = re.compile(r"(\d{10})-(.+)")

# Room for any end record: written beforehand, so that a full disk cannot lose how a job ended.
END_SIZE = 4096


class SlotFiles:
    """The paths of the slot at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = root / "lock"
        self.wake = root / "wake"
        self.wake_job = root / "wake-job"
        self.stop = root / "stop"
        self.description = root / "slot.json"
        self.supervisor_log = root / "supervisor.log"
        self.tmp = root / "tmp"
        self.queue = root / "queue"
        self.jobs = root / "jobs"
        self.changed = root.parent / "changed"
        self.attached = root.parent / "attached"

    def job(self, name: str) -> "JobFiles":
        """The files of the claimed job `name`."""
        return JobFiles(self.jobs / name)

    def queued(self) -> list[tuple[str, Path]]:
        """Names and directories of the jobs that wait, first in, first out."""
        entries = sorted(_names(self.queue))
        matches = ((_ENTRY.fullmatch(entry), entry) for entry in entries)
        return [(match[2], self.queue / entry) for match, entry in matches if match]

    def next_entry(self, name: str) -> Path:
        """Where `name` waits behind all others."""
        numbers = [int(path.name[:10]) for _, path in self.queued()]
        return self.queue / f"{max(numbers, default=0) + 1:010d}-{name}"

    def claimed(self) -> list[str]:
        """Names of the jobs that have left the queue to run."""
        return _names(self.jobs)


class JobFiles:
    """The paths of one job, wherever its directory stands."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = root / "files"
        self.tmp = root / "tmp"
        self.job = root / "job.json"
        self.script = root / "script"
        self.env = root / "env.json"
        self.log = root / "log"
        self.cancel = root / "cancel"
        self.lock = root / "lock"
        self.process = root / "process.json"
        self.end = root / "end.json"
        self.end_room = root / "end.part"

    def has_ended(self) -> bool:
        """Whether its end is recorded."""
        return self.end.exists()

    def record_end(
        self,
        status: str,
        why: str = "",
        *,
        ended_at: float,
        started_at: float | None = None,
        exit_code: int | None = None,
    ) -> None:
        """Record how the job ended, all at once. `why` is cut to 400 characters."""
        record = {
            "status": status,
            "why": why[:400],
            "started_at": started_at,
            "ended_at": ended_at,
            "exit_code": exit_code,
        }
        data = json.dumps(record).encode()
        room = os.open(self.end_room, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Over what was reserved, not truncated first: that would give the room away.
            os.pwrite(room, data.ljust(END_SIZE), 0)
            self.end_room.rename(self.end)
        finally:
            os.close(room)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`; None where there is none, or half of one after a power cut."""
    try:
        value: object = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def write_file(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Put `data` in `path` all at once, readable by its owner; `durable` outlasts a power cut."""
    part = path.with_name(path.name + ".part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(fd)
    part.rename(path)


def write_json(path: Path, value: Mapping[str, object], *, durable: bool = False) -> None:
    """Put `value` in `path` as `write_file` does."""
    write_file(path, json.dumps(value).encode(), durable=durable)


def sync_directory(path: Path) -> None:
    """Make the renames in the directory `path` outlast a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def open_pipe(path: Path) -> int:
    """Open the named pipe `path` to be woken by; made where it is missing.

    Opened for writing too, so that it never reads as ended when the last writer leaves.
    """
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def drain_pipe(fd: int) -> None:
    """Read all that waits in a pipe."""
    with contextlib.suppress(BlockingIOError):
        while os.read(fd, 4096):
            pass


def poke(path: Path) -> None:
    """Wake the reader of the named pipe `path`; that nobody reads it, or it is full, is fine."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(fd, b"!")
        finally:
            os.close(fd)


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """Lock `path` and return the descriptor that holds it; None where another process does."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        os.close(fd)
        raise
    return fd


def wait_for_lock(path: Path, *, shared: bool = False) -> int | None:
    """As `try_lock`, but for a moment longer: who merely asks about a lock holds it briefly."""
    for _ in range(10):
        fd = try_lock(path, shared=shared)
        if fd is not None:
            return fd
        time.sleep(0.03)
    return None


def unlock(fd: int) -> None:
    """Give up a lock, also on behalf of a fork in progress that has inherited it."""
    fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock `path`."""
    if not path.exists():
        return False
    # Shared, so that two who ask at once do not see each other.
    fd = try_lock(path, shared=True)
    if fd is None:
        return True
    unlock(fd)
    return False


def boot_id() -> str:
    """What changes when the machine restarts; empty where it cannot be told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def process_stat(pid: int) -> tuple[int, int] | None:
    """Parent and start time (clock ticks since boot) of `pid`; None if it is gone or unknowable."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command's name stands in parentheses and may hold anything, parentheses included.
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), int(fields[19])


def ignore_signal(*_: object) -> None:
    """A handler for signals that are only to wake a process up."""


def _names(directory: Path) -> list[str]:
    try:
        names = os.listdir(directory)  # noqa: PTH208 - names only, five times a second
    except FileNotFoundError:
        return []
    # What file systems and file managers leave (.nfs…, .DS_Store) is no job.
    return [name for name in names if not name.startswith(".")]
