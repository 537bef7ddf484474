"""What all clusters of a study share: how they are called, set up, reached and paid."""

import asyncio
import base64
import hashlib
import io
import json
import secrets
import shlex
import shutil
import tarfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoresearch_tui.backends.base import Job
from autoresearch_tui.backends.skypilot.blind import Blind
from autoresearch_tui.backends.skypilot.calls import Calls
from autoresearch_tui.backends.skypilot.fleet import Member
from autoresearch_tui.backends.skypilot.link import Pipe
from autoresearch_tui.backends.skypilot.pace import Pace
from autoresearch_tui.backends.skypilot.reach import Reach, agent_at
from autoresearch_tui.backends.skypilot.registry import Registry
from autoresearch_tui.backends.skypilot.script import (
    SETUP,
    WORKER,
    job_name,
    ready_script,
    run_script,
    worker_script,
)
from autoresearch_tui.backends.skypilot.sdk import Record, SkyPilot, SkyTask
from autoresearch_tui.backends.task import Task

_NOT_OF_A_JOB = ("name", "resources", "setup", "workdir", "run", "envs", "file_mounts", "volumes")


@dataclass(slots=True)
class Plan:
    """How a study's clusters are made, reached and told apart.

    `setup_dir` makes the directory in which the task's set-up runs, and gives it away; `commit`
    names its contents. `stage` is where files lie on their way to a cluster, `setup_log` where the
    output of a cluster's set-up is kept. `prices` are in dollars an hour by accelerator.
    """

    uid: str
    study: str
    task: Task
    setup_dir: Callable[[], Awaitable[Path]]
    commit: str
    stage: Path
    setup_log: Callable[[str], Path]
    sky: SkyPilot
    calls: Calls
    reach: Reach
    registry: Registry
    prices: Mapping[str, float]
    idle_minutes: int
    setup_seconds: float
    pace: Pace = field(default_factory=Pace)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)
    _made: Path | None = None

    @property
    def asked(self) -> str:
        """The accelerators that the task asks for, in words."""
        return " or ".join(self.task.accelerators) or "CPU"

    @property
    def idle_seconds(self) -> float:
        """After which a cluster without a job goes down by itself."""
        return 60.0 * self.idle_minutes

    @property
    def token(self) -> str:
        """The name of the set-up that runs need: another one when what it does changes."""
        parts = [self.task.setup, dict(self.task.envs), self.commit]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def price(self, accelerators: str | None) -> float:
        """Dollars an hour where SkyPilot's catalogue knows none."""
        accelerators = accelerators or "CPU"
        name, _, count = accelerators.partition(":")
        if accelerators in self.prices:
            return self.prices[accelerators]
        return self.prices.get(name, 0.0) * float(count or 1)

    @property
    def setup_key(self) -> str:
        """How the folder names of the set-up that runs need begin."""
        return f"{SETUP}_{self.token[:8]}"

    def blind(self, cluster: str) -> Pipe:
        """What stands for the agent on a cluster where SSH is closed."""
        return Blind(self.sky, self.calls, cluster, self.uid, self.setup_key).pipe

    def agent(self, record: Record) -> str:
        """The shell command that starts the agent on a cluster."""
        return agent_at(record, self.uid, self.token)

    async def setup_task(self, cluster: str, member: Member, record: Record | None) -> SkyTask:
        """The task that brings a cluster up and proves its set-up."""
        accelerators, infra = member.accelerators, member.infra
        if not member.ours and record is not None:
            # What is adopted is taken as it is.
            accelerators, infra = _asked(record.accelerators), None
        return SkyTask(
            name=job_name(self.uid, f"{self.setup_key}{secrets.token_hex(3)}"),
            run=ready_script(self.uid, self.token),
            workdir=await self._files(),
            envs=self.task.envs,
            setup=self.task.setup or None,
            accelerators=accelerators,
            infra=infra,
            image=member.image,
            raw=self.task.raw,
        )

    async def _files(self) -> Path:
        """The files of the set-up; they stay, for SkyPilot reads them when it comes to them."""
        async with self._making:
            if self._made is None:
                found = await self.setup_dir()
                place = self.stage / SETUP
                await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
                await asyncio.to_thread(shutil.move, found, place)
                self._made = place
        return self._made

    def job_task(self, job: Job, key: str, record: Record) -> SkyTask:
        """The task of one job; its files are moved to where only it has any."""
        root = self._staged(job, key)
        run = run_script(job, self.uid, key, self.token)
        return self._task(record, key, root, run, job.envs)

    def spooled_job(self, job: Job, key: str) -> dict[str, str]:
        """One job as a worker takes it: its files in an archive, and its script."""
        root = self._staged(job, key)
        into = io.BytesIO()
        with tarfile.open(fileobj=into, mode="w:gz", compresslevel=1) as archive:
            archive.add(root / "runs", "")
        shutil.rmtree(root, ignore_errors=True)
        exports = [f"export {name}={shlex.quote(value)}\n" for name, value in job.envs.items()]
        script = "".join(exports) + run_script(job, self.uid, key, self.token)
        files = base64.b64encode(into.getvalue()).decode()
        return {"key": key, "files": files, "script": script}

    def _staged(self, job: Job, key: str) -> Path:
        root = self.stage / key
        shutil.rmtree(root, ignore_errors=True)
        runs = root / "runs"
        runs.mkdir(parents=True)
        shutil.move(job.workdir, runs / key)
        (runs / f"{key}.sh").write_text(job.script)
        return root

    def worker_task(self, record: Record) -> SkyTask:
        """The task of a worker, which will execute jobs on its cluster."""
        key = f"{WORKER}_{secrets.token_hex(3)}"
        root = self.stage / key
        root.mkdir(parents=True)
        return self._task(record, key, root, worker_script(self.uid, key), {})

    def _task(
        self, record: Record, key: str, workdir: Path, run: str, envs: Mapping[str, str]
    ) -> SkyTask:
        raw = {name: value for name, value in self.task.raw.items() if name not in _NOT_OF_A_JOB}
        return SkyTask(
            name=job_name(self.uid, key),
            run=run,
            workdir=workdir,
            envs=envs,
            accelerators=_asked(record.accelerators),
            raw=raw,
        )


def _asked(accelerators: str) -> str | None:
    if accelerators in ("", "CPU"):
        return None
    return accelerators if ":" in accelerators else f"{accelerators}:1"
