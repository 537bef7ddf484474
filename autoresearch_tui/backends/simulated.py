"""Clusters that exist in memory alone, with the faults of real ones drawn from a seed.

Time is the event loop's, so that on a virtual clock a night takes seconds.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from autoresearch_tui.backends.base import (
    ClusterState,
    FixedFleet,
    Job,
    JobState,
    JobStatus,
    Look,
)
from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import BackendError, RefusedError

_LOOK_SECONDS = 30.0
"""Between two looks where nothing happens."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A cluster to be simulated; `price` in dollars an hour."""

    name: str
    accelerator: str
    price: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job would do if nothing came between: seconds, raw output, exit code."""

    seconds: float
    output: bytes
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong, and how long things take; spans are in seconds, the rest are chances.

    A submission that is `unanswered` arrived in half of the cases. `preempted` is how often a
    cluster is taken away, a time an hour; it comes back after `outage`.
    """

    provisioning: tuple[float, float] = (0.0, 0.0)
    submission: tuple[float, float] = (0.0, 0.0)
    outage: tuple[float, float] = (60.0, 600.0)
    launch_failed: float = 0.0
    refused: float = 0.0
    unanswered: float = 0.0
    job_lost: float = 0.0
    preempted: float = 0.0


NIGHT = Faults(
    provisioning=(60.0, 600.0),
    submission=(0.5, 10.0),
    launch_failed=0.1,
    refused=0.01,
    unanswered=0.02,
    job_lost=0.01,
    preempted=0.05,
)
"""An ordinary night: one launch in ten fails, each cluster is preempted once in twenty hours."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a job, from when to when, in seconds of the loop's clock."""

    job: str
    cluster: str
    started_at: float
    ended_at: float
    status: JobStatus


@dataclass(slots=True)
class _Job:
    job: Job
    files: Mapping[str, str]
    submitted_at: float
    status: JobStatus = JobStatus.QUEUED
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    why: str = ""
    output: bytes = b""
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Place:
    spec: Spec
    status: ClusterStatus = ClusterStatus.PROVISIONING
    note: str = ""
    launches: int = 0
    queue: deque[str] = field(default_factory=deque[str])
    jobs: dict[str, _Job] = field(default_factory=dict[str, _Job])
    news: asyncio.Event = field(default_factory=asyncio.Event)


class SimulatedWorld:
    """The clusters themselves, which outlive whoever uses them.

    `execute` says what a job does with its files on an accelerator type; `clock` gives Unix
    seconds. All that was executed is in `executions`.
    """

    def __init__(
        self,
        specs: Sequence[Spec],
        execute: Callable[[Job, Mapping[str, str], str], Outcome],
        clock: Callable[[], float],
        faults: Faults | None = None,
        seed: int = 0,
    ) -> None:
        self.executions: list[Execution] = []
        self.submissions = 0
        self.faults = faults or Faults()
        self.clock = clock
        self.places = {spec.name: _Place(spec) for spec in specs}
        self.chance = Random(seed)
        self.changed = asyncio.Event()
        self._execute = execute
        self.flights: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._lives: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "SimulatedWorld":
        """Begin to bring the clusters up."""
        self._lives = [asyncio.create_task(self._live(place)) for place in self.places.values()]
        return self

    async def __aexit__(self, *_: object) -> None:
        """End everything."""
        tasks = [*self._lives, *self.flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def send(self, cluster: str, job: Job) -> asyncio.Task[None]:
        """A submission, which arrives or not whatever becomes of the one who made it."""
        self.submissions += 1
        key = (cluster, job.name)
        # Its folder may be gone by the time that it arrives.
        flight = asyncio.create_task(self._arrive(self.places[cluster], job, _files(job.workdir)))
        self.flights[key] = flight

        def land(done: asyncio.Task[None]) -> None:
            if self.flights.get(key) is done:
                del self.flights[key]
            if not done.cancelled():
                # It is no defect that nobody may have waited for the answer.
                done.exception()

        flight.add_done_callback(land)
        return flight

    async def _arrive(self, place: _Place, job: Job, files: Mapping[str, str]) -> None:
        faults, cluster = self.faults, place.spec.name
        await asyncio.sleep(self.chance.uniform(*faults.submission))
        if place.status is not ClusterStatus.UP:
            raise RefusedError(f"{cluster}: takes no jobs while {place.status}")
        if self.chance.random() < faults.refused:
            raise RefusedError(f"{cluster}: refused by the simulation")
        is_unanswered = self.chance.random() < faults.unanswered
        is_taken = not is_unanswered or self.chance.random() < 0.5
        if is_taken and job.name not in place.jobs:
            place.jobs[job.name] = _Job(job, files, self.clock())
            place.queue.append(job.name)
            place.news.set()
            self.ring()
        if is_unanswered:
            raise BackendError(f"{cluster}: no answer, by the simulation")

    def ring(self) -> None:
        """Say that something has changed."""
        self.changed.set()
        self.changed = asyncio.Event()

    def check(self) -> None:
        """Raise whatever has ended the life of a cluster: a defect of the simulation."""
        for life in self._lives:
            if life.done():
                life.result()

    def interrupt(self, cluster: str, name: str, status: JobStatus, why: str) -> None:
        """End a job, running or not, as cancelled or lost."""
        place = self.places[cluster]
        found = place.jobs.get(name)
        if found is None or found.status.is_final:
            return
        if found.status is JobStatus.QUEUED:
            place.queue.remove(name)
        else:
            began = found.started_at or self.clock()
            self.executions.append(Execution(name, cluster, began, self.clock(), status))
        found.interrupted.set()
        self._end(found, status, why)

    def preempt(self, cluster: str) -> None:
        """Take a cluster away, with all that it holds."""
        place = self.places[cluster]
        for name in list(place.jobs):
            self.interrupt(cluster, name, JobStatus.LOST, "preempted")
        place.jobs.clear()
        place.status, place.note = ClusterStatus.STOPPED, "preempted"
        self.ring()

    async def _live(self, place: _Place) -> None:
        while True:
            await self._come_up(place)
            hours = self.chance.expovariate(self.faults.preempted or 1e-12)
            try:
                async with asyncio.timeout(hours * 3600):
                    await self._work(place)
            except TimeoutError:
                self.preempt(place.spec.name)
                await asyncio.sleep(self.chance.uniform(*self.faults.outage))

    async def _come_up(self, place: _Place) -> None:
        while True:
            place.status, place.note = ClusterStatus.PROVISIONING, ""
            place.launches += 1
            self.ring()
            await asyncio.sleep(self.chance.uniform(*self.faults.provisioning))
            if self.chance.random() >= self.faults.launch_failed:
                break
            place.status, place.note = ClusterStatus.FAILED, "no capacity"
            self.ring()
            await asyncio.sleep(self.chance.uniform(*self.faults.outage))
        place.status = ClusterStatus.UP
        self.ring()

    async def _work(self, place: _Place) -> None:
        while True:
            while not place.queue:
                place.news.clear()
                await place.news.wait()
            await self._run(place, place.jobs[place.queue.popleft()])

    async def _run(self, place: _Place, found: _Job) -> None:
        found.status, found.started_at = JobStatus.RUNNING, self.clock()
        self.ring()
        outcome = self._execute(found.job, found.files, place.spec.accelerator)
        seconds = min(outcome.seconds, found.job.time_limit)
        is_lost = self.chance.random() < self.faults.job_lost
        share = self.chance.random() if is_lost else 1.0
        try:
            async with asyncio.timeout(seconds * share):
                await found.interrupted.wait()
            return
        except TimeoutError:
            pass
        if is_lost:
            self.interrupt(place.spec.name, found.job.name, JobStatus.LOST, "its machine died")
            return
        is_late = outcome.seconds > found.job.time_limit
        status = JobStatus.SUCCEEDED if outcome.exit_code == 0 else JobStatus.FAILED
        found.output = outcome.output
        found.exit_code = None if is_late else outcome.exit_code
        name, cluster = found.job.name, place.spec.name
        status = JobStatus.TIMED_OUT if is_late else status
        self.executions.append(Execution(name, cluster, found.started_at, self.clock(), status))
        self._end(found, status, "")

    def _end(self, found: _Job, status: JobStatus, why: str) -> None:
        found.status, found.why, found.ended_at = status, why, self.clock()
        found.done.set()
        self.ring()


class SimulatedBackend(FixedFleet):
    """One user of a simulated world; an implementation of `Backend`."""

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world

    @property
    def name(self) -> str:
        """Short name."""
        return "simulated"

    @property
    def confinement(self) -> str:
        """There is nothing to confine."""
        return "nothing is executed"

    async def start(self) -> None:
        """The world comes up by itself."""

    async def clusters(self) -> Sequence[ClusterState]:
        """All clusters."""
        return [_cluster(place) for place in self._world.places.values()]

    async def watch(self) -> AsyncIterator[Sequence[Look]]:
        """Yield all clusters with all their jobs whenever one has changed."""
        while True:
            self._world.check()
            changed = self._world.changed
            yield [_look(place) for place in self._world.places.values()]
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await changed.wait()
            except TimeoutError:
                continue

    async def submit(self, cluster: str, job: Job) -> None:
        """Append a job to the queue of a cluster.

        Raises:
            RefusedError: the cluster is not up, or was not in the mood.
            BackendError: no answer came.
        """
        self._place(cluster)
        await asyncio.shield(self._world.send(cluster, job))

    async def find(self, cluster: str, name: str) -> JobState | None:
        """The job of that name, if the cluster has it, once all that is on its way has arrived."""
        if (flight := self._world.flights.get((cluster, name))) is not None:
            await asyncio.wait([flight])
        found = self._place(cluster).jobs.get(name)
        return _state(cluster, found) if found is not None else None

    async def withdraw(self, cluster: str, name: str) -> bool:
        """Take a job out of the queue."""
        place = self._place(cluster)
        if name not in place.queue:
            return False
        place.queue.remove(name)
        place.jobs.pop(name).done.set()
        self._world.ring()
        return True

    async def cancel(self, cluster: str, name: str) -> None:
        """End a job at once."""
        self._place(cluster)
        self._world.interrupt(cluster, name, JobStatus.CANCELLED, "cancelled")

    async def log(self, cluster: str, name: str, offset: int) -> AsyncIterator[bytes]:
        """Yield the job's output from byte `offset` once it has ended.

        Raises:
            BackendError: the job is not known.
        """
        found = self._place(cluster).jobs.get(name)
        if found is None:
            raise BackendError(f"{cluster}: no job {name}")
        await found.done.wait()
        if data := found.output[offset:]:
            yield data

    async def forget(self, cluster: str, name: str) -> None:
        """Remove an ended job.

        Raises:
            BackendError: the job has not ended.
        """
        place = self._place(cluster)
        found = place.jobs.get(name)
        if found is not None and not found.status.is_final:
            raise BackendError(f"{cluster}: {name} has not ended")
        place.jobs.pop(name, None)

    async def release(self) -> None:
        """The world ends by itself."""

    async def close(self) -> None:
        """Nothing is held."""

    def _place(self, cluster: str) -> _Place:
        place = self._world.places.get(cluster)
        if place is None:
            raise RefusedError(f"{cluster}: there is no such cluster")
        return place


def _files(directory: Path) -> Mapping[str, str]:
    paths = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_text() for path in paths}


def _cluster(place: _Place) -> ClusterState:
    spec = place.spec
    return ClusterState(spec.name, spec.accelerator, place.status, place.note, spec.price)


def _look(place: _Place) -> Look:
    jobs = tuple(_state(place.spec.name, found) for found in place.jobs.values())
    return Look(_cluster(place), jobs)


def _state(cluster: str, found: _Job) -> JobState:
    return JobState(
        found.job.name,
        cluster,
        found.status,
        found.submitted_at,
        found.started_at,
        found.ended_at,
        found.exit_code,
        found.why,
    )
