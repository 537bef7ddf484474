"""An imitation of SkyPilot on this machine: real job tables, files and processes, no API server.

A cluster is a directory with the layout that SkyPilot gives a real one, and a thread that works
its queue off in order. What is imitated was seen on a real one (`tests/e2e/skypilot`).
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from autoresearch_tui.backends.skypilot.link import Pipe
from autoresearch_tui.backends.skypilot.sdk import (
    QueuedJob,
    Record,
    Request,
    SkyError,
    SkyTask,
    Trouble,
)
from autoresearch_tui.errors import BackendError

_TABLE = """\
CREATE TABLE IF NOT EXISTS jobs (
    job_id INTEGER PRIMARY KEY AUTOINCREMENT, job_name TEXT, username TEXT, submitted_at FLOAT,
    status TEXT, run_timestamp TEXT, start_at FLOAT DEFAULT -1, end_at FLOAT, resources TEXT,
    pid INTEGER DEFAULT -1, metadata TEXT DEFAULT '{}', exit_codes TEXT)"""
_OVER = ("SUCCEEDED", "FAILED", "FAILED_SETUP", "FAILED_DRIVER", "CANCELLED")


class Allocation:
    """One cluster: a home directory, a job table, and a thread that executes what is queued."""

    def __init__(self, root: Path, accelerators: str, generation: int) -> None:
        self.home = root
        self.accelerators = accelerators
        self.generation = generation
        (root / ".sky").mkdir(parents=True, exist_ok=True)
        (root / "sky_workdir").mkdir(exist_ok=True)
        self._tasks: dict[int, SkyTask] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self._current = 0
        self._over = False
        self._wake = threading.Event()
        self.change("PRAGMA journal_mode=WAL")
        self.change(_TABLE)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def change(self, statement: str, *values: object) -> int:
        connection = sqlite3.connect(
            self.home / ".sky" / "jobs.db", timeout=10, isolation_level=None
        )
        with contextlib.closing(connection):
            return connection.execute(statement, values).lastrowid or 0

    def rows(self) -> list[tuple[int, str, str]]:
        connection = sqlite3.connect(self.home / ".sky" / "jobs.db", timeout=10)
        with contextlib.closing(connection):
            return connection.execute("SELECT job_id, job_name, status FROM jobs").fetchall()

    def add(self, task: SkyTask, status: str = "PENDING") -> int:
        shutil.copytree(task.workdir, self.home / "sky_workdir", dirs_exist_ok=True)
        add = "INSERT INTO jobs (job_name, submitted_at, status) VALUES (?, ?, ?)"
        job = self.change(add, task.name, time.time(), "INIT")
        self._tasks[job] = task
        self.change("UPDATE jobs SET status = ? WHERE job_id = ?", status, job)
        self._wake.set()
        return job

    def cancel(self, jobs: Sequence[int]) -> None:
        for job in jobs:
            self.change(
                "UPDATE jobs SET status = 'CANCELLED', end_at = ? WHERE job_id = ? AND status NOT "
                "IN ('SUCCEEDED', 'FAILED')",
                time.time(),
                job,
            )
            if job == self._current:
                self._kill()

    def die(self) -> None:
        """Everything on it ends at once, and the job table says nothing of that."""
        self._over = True
        self._kill()
        self._wake.set()
        self._thread.join()

    def _kill(self) -> None:
        """End a job and all below it, wherever that has gone to."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        mark = f"AUTORESEARCH_WORKER={self.home}/".encode()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if mark in (entry / "environ").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)

    def _work(self) -> None:
        while not self._over:
            pending = [job for job, _, status in self.rows() if status == "PENDING"]
            if not pending:
                self._wake.wait(0.02)
                self._wake.clear()
                continue
            self._execute(pending[0])

    def _execute(self, job: int) -> None:
        task = self._tasks[job]
        logs = self.home / "sky_logs" / f"{job}-{task.name}" / "tasks"
        logs.mkdir(parents=True)
        env = {**os.environ, **task.envs, "HOME": str(self.home)}
        parts = ((task.setup, "SETTING_UP", "setup-head"), (task.run, "RUNNING", "run"))
        for part, status, name in parts:
            if not part:
                continue
            start = "UPDATE jobs SET status = ?, start_at = ? WHERE job_id = ? AND status != ?"
            self.change(start, status, time.time(), job, "CANCELLED")
            with (logs / f"{name}.log").open("ab") as log:
                self.process = subprocess.Popen(
                    ["bash", "-c", part],
                    cwd=self.home / "sky_workdir",
                    env=env,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._current = job
            if any(row[0] == job and row[2] == "CANCELLED" for row in self.rows()):
                self._kill()
            code = self.process.wait()
            self._current = 0
            if self._over:
                return
            if code != 0:
                failed = "FAILED" if status == "RUNNING" else "FAILED_SETUP"
                self._end(job, failed, json.dumps([code if code >= 0 else 128 - code]))
                return
        self._end(job, "SUCCEEDED", None)

    def _end(self, job: int, status: str, codes: str | None) -> None:
        end = (
            "UPDATE jobs SET status = ?, end_at = ?, exit_codes = ? "
            "WHERE job_id = ? AND status != ?"
        )
        self.change(end, status, time.time(), codes, job, "CANCELLED")


@dataclass
class Imitation:
    """SkyPilot's calls, on clusters below `root`. `before` is called with each call's name."""

    root: Path
    ssh_is_closed: bool = False
    before: Callable[[str], None] = lambda call: None
    allocations: dict[str, Allocation] = field(default_factory=dict[str, Allocation])
    launches: list[str] = field(default_factory=list[str])
    asked: list[Request] = field(default_factory=list[Request])
    failures: dict[str, SkyError] = field(default_factory=dict[str, SkyError])
    prices: dict[str, float] = field(default_factory=dict[str, float])
    connections: dict[str, list[asyncio.subprocess.Process]] = field(default_factory=dict)

    def home(self, cluster: str) -> Path:
        return self.root / "clusters" / cluster

    def status(self, names: Sequence[str], *, refresh: bool = False) -> Sequence[Record]:
        self.before("status")
        return [
            Record(
                name,
                "UP",
                name,
                "Imitation",
                its.accelerators,
                node=f"node-{name}",
                generation=str(its.generation),
                price=self.prices.get(its.accelerators, 0.0),
            )
            for name in names
            if (its := self.allocations.get(name))
        ]

    def launch(self, cluster: str, task: SkyTask, idle_minutes: int | None) -> str:
        self.before("launch")
        self.launches.append(cluster)
        if failure := self.failures.get(cluster):
            return self._ask("sky.launch", cluster, task, "FAILED", failure)
        asked = (task.accelerators or "CPU").removesuffix(":1")
        if cluster not in self.allocations:
            generation = len(self.launches)
            self.allocations[cluster] = Allocation(self.home(cluster), asked, generation)
        self.allocations[cluster].add(task)
        return self._ask("sky.launch", cluster, task)

    def execute(self, cluster: str, task: SkyTask) -> str:
        self.before("execute")
        its = self._allocation(cluster)
        if task.accelerators and task.accelerators.removesuffix(":1") != its.accelerators:
            raise SkyError(Trouble.ABSENT, f"ResourcesMismatchError: {task.accelerators}")
        its.add(task)
        self.before("executed")
        return self._ask("sky.exec", cluster, task)

    def wait(self, request: str) -> None:
        self.before("wait")
        if failure := self.failures.get(request):
            raise failure

    def requests(self, cluster: str) -> Sequence[Request]:
        self.before("requests")
        return [each for each in self.asked if cluster in each.body]

    def abort(self, request: str) -> None:
        self.before("abort")

    def cancel(self, cluster: str, jobs: Sequence[int]) -> None:
        self.before("cancel")
        self._allocation(cluster).cancel(jobs)

    def down(self, cluster: str) -> None:
        self.before("down")
        self._allocation(cluster).die()
        del self.allocations[cluster]

    def queue(self, cluster: str) -> Sequence[QueuedJob]:
        self.before("queue")
        path = self._allocation(cluster).home / ".sky" / "jobs.db"
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection:
            rows = connection.execute(
                "SELECT job_id, job_name, status, submitted_at, start_at, end_at FROM jobs"
            )
            return [QueuedJob(*row[:4], row[4] if row[4] > 0 else None, row[5]) for row in rows]

    def output(self, cluster: str, job: int) -> bytes:
        self.before("output")
        (log,) = self.home(cluster).glob(f"sky_logs/{job}-*/tasks/run.log")
        return log.read_bytes()

    def lose(self, cluster: str) -> None:
        """Its allocation ends, as by preemption."""
        self.allocations.pop(cluster).die()
        self.break_off(cluster)

    def break_off(self, cluster: str) -> None:
        """End the connections to it."""
        for process in self.connections.pop(cluster, []):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> None:
        for each in self.allocations.values():
            each.die()

    def _allocation(self, cluster: str) -> Allocation:
        found = self.allocations.get(cluster)
        if found is None:
            raise SkyError(Trouble.ABSENT, f"Cluster {cluster!r} does not exist")
        return found

    def _ask(
        self,
        name: str,
        cluster: str,
        task: SkyTask,
        status: str = "SUCCEEDED",
        failure: SkyError | None = None,
    ) -> str:
        request = f"{name}-{len(self.asked)}"
        body = json.dumps({"cluster": cluster, "task": task.name})
        self.asked.append(Request(request, name, status, body, time.time()))
        if failure is not None:
            self.failures[request] = failure
        return request

    @asynccontextmanager
    async def reach(self, record: Record, command: str) -> AsyncGenerator[Pipe]:
        """A shell on a cluster."""
        if self.ssh_is_closed:
            raise BackendError("cannot be reached by SSH: Connection refused")
        env = {**os.environ, "HOME": str(self.home(record.name))}
        process = await asyncio.create_subprocess_shell(
            command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=env,
            limit=2**24,
            start_new_session=True,
        )
        self.connections.setdefault(record.name, []).append(process)
        assert process.stdin and process.stdout and process.stderr
        errors = process.stderr

        async def last_words() -> str:
            return (await errors.read()).decode()[-300:]

        try:
            yield Pipe(process.stdin.write, aiter(process.stdout), last_words)
        finally:
            process.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
