"""What every backend promises; each test runs on all of them."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autoresearch_tui.backends.base import Backend, Job, JobState, JobStatus
from autoresearch_tui.backends.simulated import (
    Outcome,
    SimulatedBackend,
    SimulatedWorld,
    Spec,
)
from autoresearch_tui.backends.skypilot.backend import SkyPilotBackend
from autoresearch_tui.backends.skypilot.pace import Pace
from autoresearch_tui.backends.skypilot.registry import Registry
from autoresearch_tui.config import Settings
from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import BackendError, RefusedError
from tests.backends.conftest import Study, processes_of
from tests.backends.imitation import Imitation

DEADLINE = 30.0
SCRIPT = 'echo "$NAME" >> "$RECORD"; printf %s "$SAYS"; sleep "$SECONDS_A_RUN"; exit "$CODE"'


class Harness:
    """A backend with one cluster that is up, whose jobs put their names on record."""

    cluster: str

    def __init__(self, root: Path) -> None:
        self.root = root
        self.record = root / "executed"
        self.backend: Backend

    def job(self, name: str, *, seconds: float = 0.0, says: str = "", code: int = 0) -> Job:
        workdir = self.root / "incoming" / name
        workdir.mkdir(parents=True, exist_ok=True)
        envs = {
            "NAME": name,
            "RECORD": str(self.record),
            "SAYS": says,
            "SECONDS_A_RUN": str(seconds),
            "CODE": str(code),
        }
        return Job(name, workdir, SCRIPT, envs)

    def executed(self) -> list[str]:
        return self.record.read_text().split() if self.record.exists() else []

    async def submit(self, *jobs: Job) -> None:
        for job in jobs:
            await self.backend.submit(self.cluster, job)

    async def until(self, find: Callable[[dict[str, JobState]], bool]) -> dict[str, JobState]:
        """All jobs, once they are as `find` wants them."""
        deadline = time.monotonic() + DEADLINE
        jobs: dict[str, JobState] = {}
        async with contextlib.aclosing(self.backend.watch()) as watch:
            async for looks in watch:
                jobs = {job.name: job for look in looks for job in look.jobs or ()}
                if find(jobs):
                    return jobs
                assert time.monotonic() < deadline, jobs
        raise AssertionError("a watch never ends")

    async def ended(self, *names: str) -> list[JobState]:
        jobs = await self.until(
            lambda jobs: all(name in jobs and jobs[name].status.is_final for name in names)
        )
        return [jobs[name] for name in names]

    async def running(self, name: str) -> JobState:
        """The job, once it runs and has put its name on record."""
        jobs = await self.until(
            lambda jobs: name in jobs and jobs[name].status is JobStatus.RUNNING
        )
        async with asyncio.timeout(DEADLINE):
            while name not in self.executed():  # noqa: ASYNC110 - a file says nothing by itself
                await asyncio.sleep(0.01)
        return jobs[name]

    async def lose(self, name: str) -> None:
        """Have the machine under a running job die."""
        raise NotImplementedError

    async def again(self) -> None:
        """Go on with another backend on the same clusters, as after a crash."""
        raise NotImplementedError


class Slots(Harness):
    cluster = "cpu-01"

    def __init__(self, study: Study) -> None:
        super().__init__(study.root)
        self.study = study

    async def lose(self, name: str) -> None:
        assert processes_of(self.root)
        for pid in processes_of(self.root):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self.again()

    async def again(self) -> None:
        await self.backend.close()
        self.backend = await self.study.backend()


class Imagined(Harness):
    cluster = "sim-01"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        root.mkdir()
        specs = [Spec(self.cluster, "H100")]
        self.world = SimulatedWorld(specs, self.execute, time.time)
        self.backend = SimulatedBackend(self.world)

    def execute(self, job: Job, files: Mapping[str, str], accelerator: str) -> Outcome:
        with self.record.open("a") as file:
            file.write(f"{job.envs['NAME']}\n")
        seconds = float(job.envs["SECONDS_A_RUN"])
        return Outcome(seconds, job.envs["SAYS"].encode(), int(job.envs["CODE"]))

    async def lose(self, name: str) -> None:
        self.world.interrupt(self.cluster, name, JobStatus.LOST, "by the test")

    async def again(self) -> None:
        await self.backend.close()
        self.backend = SimulatedBackend(self.world)


@asynccontextmanager
async def slots(study: Study) -> AsyncGenerator[Harness]:
    harness = Slots(study)
    harness.backend = await study.backend()
    yield harness


@asynccontextmanager
async def imagined(study: Study) -> AsyncGenerator[Harness]:
    harness = Imagined(study.root / "world")
    async with harness.world:
        yield harness


class Clusters(Harness):
    """SkyPilot's backend, with an imitation of SkyPilot below it."""

    cluster = "study-01"

    def __init__(self, study: Study, pilot: str = "never") -> None:
        super().__init__(study.root)
        self.study = study
        self.pilot = pilot
        self.sky = Imitation(study.root)

    async def start(self) -> None:
        wanted = {"clusters": [{"accelerator": "H100:1"}], "pilot": self.pilot}
        self.backend = SkyPilotBackend(
            self.study.paths,
            Settings.model_validate({"skypilot": wanted}),
            self.study.task(),
            self.study.setup_dir,
            sky=self.sky,
            reach=self.sky.reach,
            registry=Registry(self.root / "registry"),
        )
        await self.backend.start()

    async def lose(self, name: str) -> None:
        self.sky.lose(self.cluster)

    async def again(self) -> None:
        await self.backend.close()
        await self.start()


@asynccontextmanager
async def clusters(study: Study, harness: Clusters | None = None) -> AsyncGenerator[Harness]:
    harness = harness or Clusters(study)
    await harness.start()
    try:
        yield harness
    finally:
        await harness.backend.close()
        harness.sky.close()


@asynccontextmanager
async def workers(study: Study) -> AsyncGenerator[Harness]:
    """The same where every job is a short one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pace, "is_short", True)
        async with clusters(study, Clusters(study, "auto")) as harness:
            yield harness


@pytest.fixture(
    params=[slots, imagined, clusters, workers],
    ids=["local", "simulated", "skypilot", "skypilot-worker"],
)
async def harness(request: pytest.FixtureRequest, study: Study) -> AsyncIterator[Harness]:
    async with request.param(study) as harness:
        await until_up(harness)
        yield harness


async def until_up(harness: Harness) -> None:
    async with asyncio.timeout(DEADLINE), contextlib.aclosing(harness.backend.watch()) as watch:
        async for looks in watch:
            if any(look.cluster.status is ClusterStatus.UP for look in looks):
                return


async def test_jobs_are_executed_once_in_their_order(harness: Harness):
    first, second = harness.job("a", says="hello"), harness.job("b", code=3)
    await harness.submit(first, second)
    await harness.submit(harness.job("a", says="hello"))
    a, b = await harness.ended("a", "b")
    assert (a.status, a.exit_code) == (JobStatus.SUCCEEDED, 0)
    assert (b.status, b.exit_code) == (JobStatus.FAILED, 3)
    assert a.started_at is not None
    assert b.started_at is not None
    assert a.started_at <= (a.ended_at or 0) <= b.started_at
    assert harness.executed() == ["a", "b"]


async def test_an_unknown_cluster_refuses(harness: Harness):
    with pytest.raises(RefusedError):
        await harness.backend.submit("elsewhere", harness.job("a"))


async def test_what_is_there_is_found_and_what_is_not_is_not(harness: Harness):
    await harness.submit(harness.job("a", seconds=60), harness.job("b"))
    await harness.running("a")
    for name, status in (("a", JobStatus.RUNNING), ("b", JobStatus.QUEUED)):
        found = await harness.backend.find(harness.cluster, name)
        assert found is not None
        assert (found.name, found.status) == (name, status)
    assert await harness.backend.find(harness.cluster, "c") is None


async def test_only_what_waits_can_be_withdrawn(harness: Harness):
    await harness.submit(harness.job("a", seconds=60), harness.job("b"), harness.job("c"))
    await harness.running("a")
    assert not await harness.backend.withdraw(harness.cluster, "a")
    assert await harness.backend.withdraw(harness.cluster, "b")
    assert not await harness.backend.withdraw(harness.cluster, "b")
    assert not await harness.backend.withdraw(harness.cluster, "never there")
    assert await harness.backend.find(harness.cluster, "b") is None
    await harness.backend.cancel(harness.cluster, "a")
    await harness.ended("c")
    assert harness.executed() == ["a", "c"]


async def test_a_job_that_is_withdrawn_while_it_starts_does_one_of_the_two(harness: Harness):
    taken: list[str] = []
    for number in range(12):
        name = f"j{number}"
        await harness.submit(harness.job(name))
        if number % 3:
            await asyncio.sleep(0)
        if await harness.backend.withdraw(harness.cluster, name):
            taken.append(name)
        else:
            await harness.ended(name)
    left = [f"j{number}" for number in range(12) if f"j{number}" not in taken]
    assert harness.executed() == left


async def test_a_cancelled_job_ends_running_or_not(harness: Harness):
    await harness.submit(harness.job("a", seconds=60), harness.job("b"))
    await harness.running("a")
    await harness.backend.cancel(harness.cluster, "b")
    await harness.backend.cancel(harness.cluster, "a")
    a, b = await harness.ended("a", "b")
    assert {a.status, b.status} == {JobStatus.CANCELLED}
    await harness.backend.cancel(harness.cluster, "a")
    assert "b" not in harness.executed()


async def test_an_ended_job_is_seen_until_it_is_forgotten(harness: Harness):
    await harness.submit(harness.job("a"))
    assert await harness.ended("a") == await harness.ended("a")
    await harness.submit(harness.job("b", seconds=60))
    await harness.running("b")
    with pytest.raises(BackendError):
        await harness.backend.forget(harness.cluster, "b")
    await harness.backend.forget(harness.cluster, "a")
    await harness.backend.forget(harness.cluster, "a")
    await harness.until(lambda jobs: "a" not in jobs and "b" in jobs)
    await harness.backend.cancel(harness.cluster, "b")


async def test_output_is_read_from_anywhere_while_it_comes_and_later(harness: Harness):
    await harness.submit(harness.job("a", says="0123456789", seconds=0.3))

    async def read(offset: int) -> bytes:
        chunks = harness.backend.log(harness.cluster, "a", offset)
        return b"".join([chunk async for chunk in chunks])

    async with asyncio.timeout(DEADLINE):
        assert await asyncio.gather(read(0), read(4)) == [b"0123456789", b"456789"]
        assert await read(7) == b"789"
        assert await read(10) == b""
    with pytest.raises(BackendError):
        async for _ in harness.backend.log(harness.cluster, "never there", 0):
            pass


async def test_what_its_machine_took_along_is_lost_and_no_failure(harness: Harness):
    await harness.submit(harness.job("a", seconds=60))
    await harness.running("a")
    await harness.lose("a")
    (a,) = await harness.ended("a")
    assert a.status is JobStatus.LOST
    assert a.exit_code is None
    assert a.why


async def test_another_engine_finds_what_the_last_one_left(harness: Harness):
    await harness.submit(harness.job("a", seconds=0.5), harness.job("b"))
    await harness.running("a")
    await harness.again()
    a, b = await harness.ended("a", "b")
    assert {a.status, b.status} == {JobStatus.SUCCEEDED}
    assert harness.executed() == ["a", "b"]


async def test_a_submission_that_is_broken_off_arrives_once_or_never(harness: Harness):
    names = [f"j{number}" for number in range(12)]
    for number, name in enumerate(names):
        task = asyncio.create_task(harness.submit(harness.job(name)))
        for _ in range(number % 4):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await harness.again()
        await until_up(harness)
        # Whether it arrived is looked up, and what did not is submitted again.
        if await harness.backend.find(harness.cluster, name) is None:
            await harness.submit(harness.job(name))
        await harness.ended(name)
    assert harness.executed() == names
