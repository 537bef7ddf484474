"""The supervisor of a slot: its first-in-first-out queue. Standard library only.

    python -m autoresearch_tui.backends.local.slot DIRECTORY IDLE_SECONDS

Returns at once with a detached process behind, which starts the next job the moment the last one
ends, whether or not an engine lives. Everything it knows stands in files (`slot_files`), so it may
be killed at any instant and started again. It ends when told to, when its directory is removed, or
after IDLE_SECONDS without a job and without an engine.
"""

import contextlib
import fcntl
import os
import select
import signal
import sys
import time
from pathlib import Path

from autoresearch_tui.backends.local.keeper import keep, note
from autoresearch_tui.backends.local.slot_files import (
    JobFiles,
    SlotFiles,
    boot_id,
    drain_pipe,
    ignore_signal,
    is_locked,
    open_pipe,
    poke,
    process_stat,
    read_json,
    try_lock,
    unlock,
    wait_for_lock,
)

# Seconds between two looks: for an engine and the directory while idle; at a job that another
# supervisor started, whose death makes no signal here; after trouble with the disk.
IDLE_TICK = 30.0
ADOPTED_TICK = 1.0
RETRY = 1.0

HELD = 3
"""Exit code: another supervisor has the slot."""


class Supervisor:
    """Serves the queue of the slot `files`, whose lock it holds as `lock`."""

    def __init__(self, files: SlotFiles, lock: int, idle_seconds: float) -> None:
        self._files = files
        self._lock = lock
        self._idle_seconds = idle_seconds
        self._wake = open_pipe(files.wake)
        self._own: str | None = None
        self._busy_at = time.monotonic()

    def run(self) -> None:
        """Serve until it is time to leave."""
        signal.signal(signal.SIGCHLD, ignore_signal)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        while self._has_home():
            try:
                pause = self._step()
                if pause is None:
                    if self._may_leave() and self._leave():
                        return
                    pause = min(IDLE_TICK, self._idle_seconds)
                else:
                    self._busy_at = time.monotonic()
            except OSError as error:
                note(f"trying again: {error}")
                pause = RETRY
            select.select([self._wake], [], [], pause)
            drain_pipe(self._wake)
            _reap()

    def _step(self) -> float | None:
        """Do what can be done; seconds until the next look, None when there is no job."""
        self._end_cancelled()
        while True:
            for name in self._files.claimed():
                pause = self._attend(self._files.job(name))
                if pause is not None:
                    return pause
            queued = self._files.queued()
            if not queued:
                return None
            self._claim(*queued[0])

    def _end_cancelled(self) -> None:
        for name, entry in self._files.queued():
            if JobFiles(entry).cancel.exists() and self._claim(name, entry):
                job = self._files.job(name)
                job.record_end("cancelled", "cancelled before it started", ended_at=time.time())
                poke(self._files.changed)

    def _claim(self, name: str, entry: Path) -> bool:
        """Take a job out of the queue; False where the engine has withdrawn it this moment."""
        try:
            entry.rename(self._files.jobs / name)
        except FileNotFoundError:
            return False
        return True

    def _attend(self, job: JobFiles) -> float | None:
        """Start, wait for or give up a claimed job; None when it has ended."""
        if job.has_ended():
            return None
        lock = try_lock(job.lock)
        if lock is None:
            # Its keeper has recorded the end and is about to go, or will say so by a byte.
            return IDLE_TICK if self._own == job.root.name else ADOPTED_TICK
        if job.has_ended():
            unlock(lock)
            return None
        if not job.process.exists() and self._own != job.root.name:
            self._start(job, lock)
            return IDLE_TICK
        try:
            self._give_up(job, read_json(job.process) or {})
        finally:
            unlock(lock)
        return None

    def _start(self, job: JobFiles, lock: int) -> None:
        try:
            if os.fork() == 0:
                os.close(self._lock)
                os.close(self._wake)
                keep(self._files, job.root.name, lock)
        finally:
            # The keeper's copy holds the lock from here on.
            os.close(lock)
        self._own = job.root.name

    def _give_up(self, job: JobFiles, process: dict[str, object]) -> None:
        """Record the end of a job whose keeper is gone, and end what is left of it."""
        pid = process.get("pid")
        if pid is None:
            why = "it could not start: its keeper died; supervisor.log may say why"
        elif process.get("boot") != boot_id():
            why = "the machine restarted while it ran"
        else:
            why = "its keeper was killed from outside"
            stat = process_stat(pid) if isinstance(pid, int) else None
            if isinstance(pid, int) and stat and stat[1] == process.get("start"):
                with contextlib.suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)
        started_at = process.get("started_at")
        job.record_end(
            "lost",
            why,
            ended_at=time.time(),
            started_at=started_at if isinstance(started_at, float) else None,
        )
        poke(self._files.changed)

    def _has_home(self) -> bool:
        """Whether the directory is still the one that this process was started for."""
        try:
            there = self._files.lock.stat()
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(self._lock))

    def _may_leave(self) -> bool:
        if self._files.stop.exists():
            return True
        if time.monotonic() - self._busy_at < self._idle_seconds:
            return False
        return not is_locked(self._files.attached)

    def _leave(self) -> bool:
        """Give up the slot; False when a job has slipped in and the slot is still ours."""
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        # Whoever published a job before this line saw the lock held, and counts on it being seen.
        waits = self._files.queued() or [
            name for name in self._files.claimed() if not self._files.job(name).has_ended()
        ]
        if not waits:
            return True
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> int:
    """Leave a detached supervisor behind; 0 when it serves, 3 when another one does."""
    files = SlotFiles(Path(sys.argv[1]))
    lock = wait_for_lock(files.lock)
    if lock is None:
        return HELD
    supervisor = Supervisor(files, lock, float(sys.argv[2]))
    # A grandchild of the engine, so that the engine need not reap it.
    pid = os.fork()
    if pid:
        with contextlib.suppress(OSError):
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{pid}\n".encode(), 0)
        os._exit(0)
    supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
