"""Executes one job: its limits, its end and what it leaves behind; standard library only.

The supervisor of a slot forks a keeper for each job. The keeper lives in a session of its own, so
that a job and its limits go on when the supervisor or the engine die, and its end is recorded.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from typing import Any, NoReturn

from autoresearch_tui.backends.local import confine
from autoresearch_tui.backends.local.slot_files import (
    JobFiles,
    SlotFiles,
    boot_id,
    drain_pipe,
    ignore_signal,
    open_pipe,
    poke,
    process_stat,
    read_json,
    write_json,
)

# Seconds between the request to end and the kill.
GRACE = 5.0
# Seconds between two looks at the output's size.
TICK = 1.0
# Seconds given to killed processes to vanish; one stuck in the kernel must not block the slot.
SWEEP = 10.0

_PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None)


def keep(slot: SlotFiles, name: str, lock: int) -> NoReturn:
    """Execute the claimed job `name` in this process, a fresh fork that holds `lock`; then exit."""
    try:
        _detach()
        _Keeper(slot, slot.job(name)).run()
        with contextlib.suppress(OSError):
            os.close(lock)
        poke(slot.wake)
        poke(slot.changed)
        _make_durable(slot.job(name))
    except BaseException as error:  # noqa: BLE001 - a fork must never return into its parent's code
        note(f"{name}: {type(error).__name__}: {error}")
        os._exit(1)
    os._exit(0)


def note(text: str) -> None:
    """Say something in the slot's log, as far as the disk lets."""
    with contextlib.suppress(OSError):
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} [{os.getpid()}] {text}\n"
        os.write(2, line.encode(errors="replace"))


class _Keeper:
    def __init__(self, slot: SlotFiles, job: JobFiles) -> None:
        self._slot = slot
        self._job = job
        self._wake = open_pipe(slot.wake_job)
        self._terminated = False
        self._started_at: float | None = None
        self._code: int | None = None
        # Status and reason once the job has been asked to end, and when it is killed.
        self._stopping: tuple[str, str] | None = None
        self._kill_at = 0.0

    def run(self) -> None:
        self._listen()
        if self._job.cancel.exists():
            self._record("cancelled", "cancelled before it started", time.time())
            return
        try:
            spec, pid, log = self._launch()
        except (OSError, KeyError, ValueError) as error:
            self._record("failed", f"it could not start: {error}", time.time())
            return
        poke(self._slot.changed)
        self._watch(spec, pid, log)
        ended_at = time.time()
        _sweep(pid)
        self._record(*self._outcome(), ended_at)

    def _listen(self) -> None:
        def terminate(*_: object) -> None:
            self._terminated = True

        signal.signal(signal.SIGCHLD, ignore_signal)
        signal.signal(signal.SIGTERM, terminate)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def _launch(self) -> tuple[dict[str, Any], int, int]:
        """Start the job: what is executed, its pid and its output."""
        spec, env = read_json(self._job.job), read_json(self._job.env)
        if spec is None or env is None:
            raise ValueError("its description is missing or damaged")
        log = _open_log(spec.get("log") or str(self._job.log))
        go, start = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become_job(self._job, spec, env, log, go, start)
        os.close(go)
        try:
            with contextlib.suppress(OSError):
                os.setpgid(pid, pid)
            # Without this record the job has not started, and a new supervisor starts it afresh:
            # so it stands before the job's first command, whatever dies when.
            self._record_start(pid)
            os.write(start, b"!")
        finally:
            os.close(start)
        return spec, pid, log

    def _record_start(self, pid: int) -> None:
        self._started_at = time.time()
        stat = process_stat(pid)
        record = {
            "started_at": self._started_at,
            "pid": pid,
            "start": stat and stat[1],
            "boot": boot_id(),
        }
        write_json(self._job.process, record)
        self._job.env.unlink(missing_ok=True)

    def _watch(self, spec: dict[str, Any], pid: int, log: int) -> None:
        """Return when the job has ended, by itself or because a limit or the engine ended it."""
        deadline = time.monotonic() + float(spec["time_limit"])
        while not self._is_over(pid):
            now = time.monotonic()
            if self._stopping is None:
                self._stopping = self._reason(spec, deadline, log)
                if self._stopping:
                    self._kill_at = now + GRACE
                    _signal_group(pid, signal.SIGTERM)
            elif now >= self._kill_at:
                _signal_group(pid, signal.SIGKILL)
            next_event = self._kill_at if self._stopping else deadline
            pause = max(0.01, min(TICK, next_event - time.monotonic()))
            select.select([self._wake], [], [], pause)
            drain_pipe(self._wake)

    def _is_over(self, pid: int) -> bool:
        """Reap; True when the job has ended, or all of its group once it was asked to end."""
        while (reaped := _reap()) is not None:
            child, code = reaped
            if child == pid:
                self._code = code
        if self._code is None:
            return False
        if self._stopping is None or time.monotonic() >= self._kill_at:
            return True
        return not _signal_group(pid, 0)

    def _reason(self, spec: dict[str, Any], deadline: float, log: int) -> tuple[str, str] | None:
        """Why the job has to end now, as status and text; None while it may go on."""
        if not self._job.root.exists():
            return "failed", "its directory has been removed"
        if self._job.cancel.exists():
            return "cancelled", "cancelled while it ran"
        if self._terminated:
            return "lost", "stopped from outside (SIGTERM)"
        if time.monotonic() >= deadline:
            return "timed_out", f"stopped at its time limit of {spec['time_limit']:g} s"
        if os.fstat(log).st_size > spec["output_limit"]:
            megabytes = f"{spec['output_limit'] / 1e6:g} MB"
            return "failed", f"stopped because it printed more than {megabytes}"
        return None

    def _outcome(self) -> tuple[str, str]:
        if self._stopping:
            return self._stopping
        code = self._code
        if code == 0:
            return "succeeded", ""
        if code is not None and code < 0:
            return "failed", f"killed by {_signal_name(-code)}"
        if code is not None and code > 128 and (name := _signal_name(code - 128)):
            return "failed", f"its last command was killed by {name}"
        return "failed", ""

    def _record(self, status: str, why: str, ended_at: float) -> None:
        code = self._code if self._code is not None and self._code >= 0 else None
        while self._job.root.exists():
            try:
                self._job.record_end(
                    status, why, started_at=self._started_at, ended_at=ended_at, exit_code=code
                )
            except OSError as error:
                # A lost end is worse than a slot that waits for the disk.
                note(f"{self._job.root.name}: cannot record its end, trying again: {error}")
                time.sleep(TICK)
            else:
                return


def _detach() -> None:
    os.setsid()
    if _LINUX:
        # What the job leaves behind becomes a child of this process, which can then end it.
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _open_log(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
    return os.open(path, flags, 0o600)


def _become_job(
    job: JobFiles, spec: dict[str, Any], env: dict[str, Any], log: int, go: int, start: int
) -> NoReturn:
    try:
        os.close(start)
        if os.read(go, 1) != b"!":
            os._exit(1)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if spec["cpus"] and hasattr(os, "sched_setaffinity"):
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, spec["cpus"])
        os.chdir(job.files)
        command = ["bash", str(job.script)]
        if box := spec.get("sandbox"):
            command = _confine(box, job, env) + command
        os.execvpe(command[0], command, env)
    except BaseException as error:  # noqa: BLE001 - a fork must never return into its parent's code
        note(f"cannot start bash: {error}")
    os._exit(127)


def _confine(box: dict[str, Any], job: JobFiles, env: dict[str, Any]) -> list[str]:
    """Shut this process in, or give the command that shuts in what follows it."""
    job.tmp.mkdir(exist_ok=True)
    if box["kind"] == "bubblewrap":
        return confine.bubblewrap(box, job.files, job.script, job.tmp)
    confine.landlock(box, job.files, job.script, job.tmp)
    env["TMPDIR"] = str(job.tmp)
    return []


def _signal_group(group: int, number: int) -> bool:
    """Signal a process group; whether there is one."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS answers so where only zombies are left.
        return sys.platform != "darwin"
    return True


def _reap() -> tuple[int, int] | None:
    """Pid and exit code (negative: the signal) of a child that has ended; None if none has."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def _sweep(group: int) -> None:
    """End what the job left behind, also what has left its process group."""
    _signal_group(group, signal.SIGKILL)
    deadline = time.monotonic() + SWEEP
    pause = 0.001
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            continue
        for child in _children():
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        time.sleep(pause)
        pause = min(pause * 2, 0.1)
    note(f"processes of group {group} cannot be killed")


def _children() -> list[int]:
    if not _LINUX:
        return []
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    me = os.getpid()
    return [pid for pid in pids if (stat := process_stat(pid)) and stat[0] == me]


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    return f"{name} (out of memory?)" if number == signal.SIGKILL else name


def _make_durable(job: JobFiles) -> None:
    """Write the recorded end to the disk; after the news of it, because this can take long."""
    with contextlib.suppress(OSError):
        fd = os.open(job.end, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
