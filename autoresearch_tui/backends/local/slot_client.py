"""The engine's side of one slot: submits, cancels, asks. Every method blocks on files."""

import contextlib
import errno
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
import uuid
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import autoresearch_tui
from autoresearch_tui.backends.base import Job, JobState, JobStatus
from autoresearch_tui.backends.local.environment import allowed
from autoresearch_tui.backends.local.slot import HELD
from autoresearch_tui.backends.local.slot_files import (
    END_SIZE,
    JobFiles,
    SlotFiles,
    is_locked,
    open_pipe,
    poke,
    read_json,
    sync_directory,
    write_file,
    write_json,
)
from autoresearch_tui.errors import BackendError
from autoresearch_tui.tail import last_line

# One directory's name on any file system, with room for the number before it.
_JOB_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_SPAWN_SECONDS = 60
_LOG_BYTES = 1_000_000


class Slot:
    """One slot, kept under `root` and known as `name`.

    Calls may come from several threads at once.
    """

    def __init__(self, name: str, root: Path, idle_seconds: float) -> None:
        self.name = name
        self.files = SlotFiles(root)
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._submitted: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._ended: dict[str, JobState] = {}

    def prepare(self, accelerator: str) -> None:
        """Make the slot's directories, ready for a supervisor that stays."""
        with self.refusals("its directory cannot be prepared"):
            files = self.files
            for directory in (files.tmp, files.queue, files.jobs):
                directory.mkdir(parents=True, exist_ok=True)
            for pipe in (files.wake, files.wake_job):
                os.close(open_pipe(pipe))
            write_json(files.description, {"accelerator": accelerator})
            files.stop.unlink(missing_ok=True)
            # Left by an engine that died; there is one engine a study.
            for leftover in files.tmp.iterdir():
                remove_tree(leftover)

    def accelerator(self) -> str:
        """The accelerator's name as last prepared."""
        return str((read_json(self.files.description) or {}).get("accelerator", ""))

    def submit(
        self,
        job: Job,
        env: Mapping[str, str],
        cpus: tuple[int, ...],
        now: float,
        log: Path | None = None,
        sandbox: Mapping[str, object] | None = None,
    ) -> None:
        """Append `job` to the queue, to run with `env` alone, pinned to `cpus` if there are any.

        Its output goes to `log` instead of the job's directory when that is given; `sandbox` says
        what it can reach, and without one it reaches everything.
        """
        if not _JOB_NAME.fullmatch(job.name):
            raise BackendError(f"{self.name}: {job.name!r} cannot be the name of a job")
        self.ensure()
        with self._lock, self.refusals(f"{job.name} cannot be queued"):
            if self._find(job.name) is None:
                self._publish(job, env, cpus, now, log, sandbox)
            elif job.workdir.exists():
                remove_tree(job.workdir)
            poke(self.files.wake)
        # It may have left just before the job was there to see.
        self.ensure()

    def _publish(
        self,
        job: Job,
        env: Mapping[str, str],
        cpus: tuple[int, ...],
        now: float,
        log: Path | None,
        sandbox: Mapping[str, object] | None,
    ) -> None:
        staged = JobFiles(self._tmp())
        staged.root.mkdir()
        try:
            description = {
                "name": job.name,
                "submitted_at": now,
                "time_limit": job.time_limit,
                "output_limit": job.output_limit,
                "cpus": cpus,
                "log": str(log) if log else None,
                "sandbox": sandbox,
            }
            write_file(staged.script, job.script.encode())
            write_json(staged.env, env)
            write_file(staged.end_room, b" " * END_SIZE)
            write_json(staged.job, description, durable=True)
            move_tree(job.workdir, staged.files)
            entry = self.files.next_entry(job.name)
            staged.root.rename(entry)
        except OSError:
            if staged.files.exists() and not job.workdir.exists():
                with contextlib.suppress(OSError):
                    staged.files.rename(job.workdir)
            remove_tree(staged.root)
            raise
        sync_directory(self.files.queue)

    def ensure(self) -> None:
        """Start a supervisor where none lives; it is there when this returns."""
        with self._lock, self.refusals("its supervisor cannot start"):
            if is_locked(self.files.lock):
                return
            log = self.files.supervisor_log
            too_long = log.exists() and log.stat().st_size > _LOG_BYTES
            with log.open("wb" if too_long else "ab") as output:
                done = subprocess.run(
                    self._command(),
                    cwd="/",
                    env=_supervisor_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    timeout=_SPAWN_SECONDS,
                    check=False,
                )
        if done.returncode not in (0, HELD):
            last = last_line(log) or f"exit code {done.returncode}"
            raise BackendError(f"{self.name}: its supervisor cannot start: {last}")

    def _command(self) -> list[str]:
        # Without site packages and the working directory: quick to start, and nothing in the
        # user's repository can shadow the standard library.
        options = [sys.executable, "-P", "-S", "-m", "autoresearch_tui.backends.local.slot"]
        return [*options, str(self.files.root.absolute()), str(self._idle_seconds)]

    def revive(self) -> None:
        """Start a supervisor where a job waits or runs without one."""
        if self.has_work():
            self.ensure()

    def has_work(self) -> bool:
        """Whether a job waits or runs."""
        with self.refusals("it cannot be looked at"):
            return bool(self.files.queued()) or any(
                not self.files.job(name).has_ended() for name in self.files.claimed()
            )

    def is_served(self) -> bool:
        """Whether a supervisor lives."""
        with self.refusals("it cannot be looked at"):
            return is_locked(self.files.lock)

    def states(self) -> list[JobState]:
        """All jobs that are not forgotten, waiting ones last."""
        with self.refusals("its jobs cannot be read"):
            # Jobs go from the queue to the claimed; looked at in this order, none is missed.
            waiting = self.files.queued()
            claimed = self.files.claimed()
            found = [self._claimed_state(name) for name in claimed]
            # One that is claimed between the two looks and this one is found where it has gone.
            found += [
                self._waiting_state(name, path) or self._claimed_state(name)
                for name, path in waiting
            ]
            states = {state.name: state for state in reversed(found) if state}
            for cache in (self._submitted, self._started, self._ended):
                for name in cache.keys() - states.keys():
                    cache.pop(name, None)
            return list(reversed(states.values()))

    def _waiting_state(self, name: str, path: Path) -> JobState | None:
        submitted = self._submitted_at(name, path / "job.json")
        if submitted is None:
            return None
        return JobState(name, self.name, JobStatus.QUEUED, submitted)

    def _claimed_state(self, name: str) -> JobState | None:
        if ended := self._ended.get(name):
            return ended
        job = self.files.job(name)
        submitted = self._submitted_at(name, job.job)
        if submitted is None:
            return None
        if job.has_ended() and (end := read_json(job.end)):
            self._ended[name] = _ended_state(name, self.name, submitted, end)
            return self._ended[name]
        started = self._started.get(name) or _time(read_json(job.process), "started_at")
        if started is None:
            return JobState(name, self.name, JobStatus.QUEUED, submitted)
        self._started[name] = started
        return JobState(name, self.name, JobStatus.RUNNING, submitted, started_at=started)

    def _submitted_at(self, name: str, description: Path) -> float | None:
        known = self._submitted.get(name)
        if known is None:
            known = _time(read_json(description), "submitted_at")
            if known is not None:
                self._submitted[name] = known
        return known

    def withdraw(self, name: str) -> bool:
        """Take a job out of the queue; False when it is not there any more."""
        with self.refusals(f"{name} cannot be withdrawn"):
            entry = self._find_queued(name)
            aside = self._tmp()
            if entry is None:
                return False
            try:
                entry.rename(aside)
            except FileNotFoundError:
                return False
            remove_tree(aside)
            return True

    def cancel(self, name: str) -> None:
        """Ask for the end of a job; does nothing when it is not known or has ended."""
        with self.refusals(f"{name} cannot be cancelled"):
            entry = self._find_queued(name)
            # A queued job can be claimed this moment: then it is found among those.
            found = entry is not None and _touch(JobFiles(entry).cancel)
            job = self.files.job(name)
            if not found and (job.has_ended() or not _touch(job.cancel)):
                return
        poke(self.files.wake)
        poke(self.files.wake_job)
        self.ensure()

    def forget(self, name: str) -> None:
        """Remove an ended job's files; does nothing when it is not known.

        Raises:
            BackendError: the job has not ended.
        """
        with self.refusals(f"{name} cannot be removed"):
            job = self.files.job(name)
            found = self._find(name)
            if found is None:
                return
            if not job.has_ended():
                raise BackendError(f"{self.name}: {name} has not ended and cannot be forgotten")
            aside = self._tmp()
            with contextlib.suppress(FileNotFoundError):
                job.root.rename(aside)
            remove_tree(aside)
            for cache in (self._submitted, self._started, self._ended):
                cache.pop(name, None)

    def abandon(self) -> None:
        """Ask for the end of all jobs, and of the supervisor."""
        for state in self.states():
            self.cancel(state.name)
        self.stop()

    def stop(self) -> None:
        """Let the supervisor end once nothing waits or runs."""
        with self.refusals("it cannot be stopped"):
            if _touch(self.files.stop):
                poke(self.files.wake)

    def find(self, name: str) -> JobFiles | None:
        """The files of a job, as they stand at this moment; None when it is not known."""
        with self.refusals(f"{name} cannot be looked for"):
            return self._find(name)

    def _find(self, name: str) -> JobFiles | None:
        entry = self._find_queued(name)
        if entry is not None:
            return JobFiles(entry)
        job = self.files.job(name)
        return job if job.root.exists() else None

    def _find_queued(self, name: str) -> Path | None:
        return next((path for waiting, path in self.files.queued() if waiting == name), None)

    def _tmp(self) -> Path:
        return self.files.tmp / uuid.uuid4().hex

    @contextlib.contextmanager
    def refusals(self, what: str) -> Generator[None]:
        """Turn what the disk refuses into one line for the operator."""
        try:
            yield
        except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            where = getattr(error, "filename", None) or self.files.root
            raise BackendError(f"{self.name}: {what}: {reason or error} ({where})") from error


def move_tree(source: Path, target: Path) -> None:
    """Move a directory, by copying where the two are on different file systems."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copytree(source, target, symlinks=True)
        remove_tree(source)


def remove_tree(path: Path) -> None:
    """Remove a directory, also where a job has made parts of it read-only."""
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except OSError:
        with contextlib.suppress(OSError):
            path.chmod(stat.S_IRWXU)
            for parent, names, _ in os.walk(path):
                for name in names:
                    if not Path(parent, name).is_symlink():
                        Path(parent, name).chmod(stat.S_IRWXU)
        shutil.rmtree(path, ignore_errors=True)


def _touch(path: Path) -> bool:
    """Create an empty file; False where its directory is gone."""
    try:
        path.touch()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _ended_state(name: str, slot: str, submitted: float, end: Mapping[str, Any]) -> JobState:
    return JobState(
        name,
        slot,
        JobStatus(end["status"]),
        submitted,
        started_at=end["started_at"],
        ended_at=end["ended_at"],
        exit_code=end["exit_code"],
        why=end["why"],
    )


def _time(record: Mapping[str, object] | None, key: str) -> float | None:
    value = (record or {}).get(key)
    return float(value) if isinstance(value, int | float) else None


def _supervisor_environment() -> dict[str, str]:
    root = Path(autoresearch_tui.__file__).absolute().parents[1]
    return {**allowed(os.environ), "PYTHONPATH": str(root)}
