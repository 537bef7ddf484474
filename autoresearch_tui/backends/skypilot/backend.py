"""The backend of clusters that SkyPilot brings up: their queues are filled by `sky exec`."""

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from autoresearch_tui.backends.base import ClusterState, Job, JobState, Look
from autoresearch_tui.backends.skypilot.apart import apart
from autoresearch_tui.backends.skypilot.calls import Calls
from autoresearch_tui.backends.skypilot.cluster import SkyCluster
from autoresearch_tui.backends.skypilot.fleet import Fleet
from autoresearch_tui.backends.skypilot.plan import Plan
from autoresearch_tui.backends.skypilot.reach import Reach, by_ssh
from autoresearch_tui.backends.skypilot.registry import Registry
from autoresearch_tui.backends.skypilot.rows import Row
from autoresearch_tui.backends.skypilot.script import SETUP, job_name
from autoresearch_tui.backends.skypilot.sdk import SkyError, SkyPilot
from autoresearch_tui.backends.skypilot.submitting import Submitting
from autoresearch_tui.backends.task import Task
from autoresearch_tui.config import Settings
from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import BackendError, RefusedError
from autoresearch_tui.paths import StudyPaths

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0

_RELEASE_SECONDS = 600.0
"""For which the end of a study waits for clusters to go down; they do so by themselves later."""


class SkyPilotBackend:
    """Executes jobs on the clusters of a study's `settings`; an implementation of `Backend`.

    `setup_dir` makes the directory in which the set-up of `task` runs, and gives it away; `commit`
    names its contents.
    """

    def __init__(
        self,
        paths: StudyPaths,
        settings: Settings,
        task: Task,
        setup_dir: Callable[[], Awaitable[Path]],
        *,
        commit: str = "",
        sky: SkyPilot | None = None,
        reach: Reach = by_ssh,
        registry: Registry | None = None,
    ) -> None:
        self._settings = settings.skypilot
        self._fleet = Fleet(paths.skypilot / "fleet.json", settings.study.tag.lower())
        self._plan = Plan(
            uid=self._fleet.uid,
            study=str(paths.root),
            task=task,
            setup_dir=setup_dir,
            commit=commit,
            stage=paths.skypilot.absolute() / "stage",
            setup_log=paths.setup_log,
            sky=sky if sky is not None else apart(),
            calls=Calls(),
            reach=reach,
            registry=registry if registry is not None else Registry(),
            prices=settings.prices.accelerator_hour,
            idle_minutes=settings.skypilot.idle_minutes,
            setup_seconds=settings.skypilot.setup_minutes * 60,
        )
        self._clusters: dict[str, SkyCluster] = {}
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._submitting = Submitting(self._plan, settings.skypilot.pilot)
        self._changed = asyncio.Event()

    @property
    def name(self) -> str:
        """Short name."""
        return "skypilot"

    @property
    def confinement(self) -> str:
        """How runs are confined, in words."""
        return "runs are confined by their clusters alone"

    async def start(self) -> None:
        """Begin to bring the clusters up; returns before they are."""
        if self._settings.is_used:
            self._fleet.declare(self._settings.clusters, self._settings.use)
        else:
            self._fleet.declare_again()
        await asyncio.to_thread(_tidy, self._plan.stage)
        self._populate()

    def _populate(self) -> None:
        """Have each member of the fleet live."""
        for member in list(self._fleet.members.values()):
            known = self._clusters.get(member.name)
            if known is None:
                cluster = SkyCluster(member, self._plan, self._changed.set)
                self._clusters[member.name] = cluster
                self._lives[member.name] = asyncio.create_task(self._live(cluster))
            elif known.face.member != member:
                known.leave(member)
        self._changed.set()

    async def _live(self, cluster: SkyCluster) -> None:
        await cluster.live()
        self._fleet.remove(cluster.face.name)

    async def clusters(self) -> Sequence[ClusterState]:
        """All clusters, also those still coming up."""
        return [cluster.face.state() for cluster in self._clusters.values()]

    async def watch(self) -> AsyncIterator[Sequence[Look]]:
        """Yield looks at all clusters whenever one has changed, and each second."""
        while True:
            self._changed.clear()
            yield [cluster.look() for cluster in list(self._clusters.values())]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._changed.wait()

    async def submit(self, cluster: str, job: Job) -> None:
        """Append `job` to the queue of `cluster`; a second time with the same name does nothing.

        Raises:
            RefusedError: it surely was not taken.
            BackendError: it may have been taken or not.
        """
        place = self._clusters.get(cluster)
        if place is None:
            raise RefusedError(f"{cluster}: no such cluster")
        await self._submitting.submit(place, job)

    async def find(self, cluster: str, name: str) -> JobState | None:
        """The job of that name; None when it surely is not on `cluster`, and will not arrive.

        Raises:
            BackendError: that cannot be said yet.
        """
        place = self._clusters.get(cluster)
        if place is None:
            return None
        if place.is_absent:
            return None
        row = place.jobs.row(name)
        if row is None and await self._submitting.may_arrive(cluster, name):
            raise BackendError(f"{name}: may still be on its way to {cluster}")
        row = row or place.jobs.row(name)
        if row is not None and place.jobs.is_stuck(row):
            # Its server died with it. What is claimed will not run, whenever it is let go.
            await self.withdraw(cluster, name)
            row = place.jobs.row(name)
        return None if row is None else place.jobs.job(row)

    async def withdraw(self, cluster: str, name: str) -> bool:
        """Take a job out of the queue; False when it has started, ended or is not known."""
        return await self._claim(cluster, name, "withdrawn") is not None

    async def cancel(self, cluster: str, name: str) -> None:
        """End a job, running or not; does nothing when it has ended."""
        if await self._claim(cluster, name, "cancelled") is not None:
            return
        place = self._clusters.get(cluster)
        row = place.jobs.row(name) if place is not None else None
        if place is None or row is None or row.is_over:
            return
        if row.spooled:
            await place.jobs.answering().ask("stop", key=row.key)
        else:
            await self._plan.calls(self._plan.sky.cancel, cluster, [row.job])

    async def _claim(self, cluster: str, name: str, mark: str) -> Row | None:
        """Take a waiting job's leave to run, and have it leave the queue when it may."""
        place = self._clusters.get(cluster)
        row = place.jobs.row(name) if place is not None else None
        if place is None or row is None or row.is_over or row.marks:
            return None
        link = place.jobs.answering()
        if not await link.ask("claim", key=row.key, mark=mark):
            return None
        await link.until(lambda: any(r.key == row.key and r.marks for r in link.rows or ()))
        if row.spooled:
            return row
        dequeue = asyncio.create_task(self._dequeue(cluster, row))
        self._others.add(dequeue)
        dequeue.add_done_callback(self._others.discard)
        return row

    async def _dequeue(self, cluster: str, row: Row) -> None:
        """Spare the queue the seconds that it takes a job to find that it may not run."""
        try:
            await self._plan.calls(self._plan.sky.cancel, cluster, [row.job])
        except SkyError as error:
            log.warning(
                "%s: %s stays in the queue, and will do nothing: %s", cluster, row.key, error
            )

    async def log(self, cluster: str, name: str, offset: int) -> AsyncIterator[bytes]:
        """Yield the job's raw output from byte `offset`, as it comes, until the job has ended.

        Raises:
            BackendError: the job is not known, or its cluster does not answer.
        """
        place = self._clusters.get(cluster)
        row = place.jobs.row(name) if place is not None else None
        if place is None or row is None:
            raise BackendError(f"{cluster}: no job {name}")
        async for chunk in place.jobs.answering().log(row, offset):
            yield chunk

    async def forget(self, cluster: str, name: str) -> None:
        """Remove an ended job's files from the cluster; it is no longer in `jobs`.

        Raises:
            BackendError: the job has not ended, or its cluster does not answer.
        """
        place = self._clusters.get(cluster)
        if place is None or place.jobs.link is None:
            # What is gone has taken its files along.
            if place is not None and place.face.status is ClusterStatus.UP:
                raise BackendError(f"{cluster}: does not answer")
            return
        for row in place.jobs.link.rows or ():
            if row.key.rpartition("_")[0] == name and row.here:
                if not place.jobs.job(row).status.is_final:
                    raise BackendError(f"{name}: has not ended")
                sky_name = job_name(self._plan.uid, row.key)
                await place.jobs.link.ask("forget", job=row.job, key=row.key, name=sky_name)

    async def scale(self, accelerators: str, count: int) -> None:
        """Have `count` clusters of a kind."""
        idle = [
            name
            for name, place in self._clusters.items()
            if place.face.status is not ClusterStatus.UP or not place.jobs.jobs()
        ]
        self._fleet.scale(accelerators, count, idle)
        self._populate()

    async def drain(self, cluster: str) -> None:
        """Have a cluster finish what it runs, and go."""
        self._fleet.leave(cluster)
        self._populate()

    async def replace(self, cluster: str) -> str:
        """Have a cluster leave, and another one of its kind come; the other's name."""
        other = self._fleet.replace(cluster)
        self._populate()
        return other

    async def wake(self, cluster: str) -> None:
        """Bring up a cluster again that went down by itself, or try what failed again."""
        if place := self._clusters.get(cluster):
            place.retry()

    async def release(self) -> None:
        """Take down what the study has launched, where its settings say so."""
        if not self._settings.down_at_end:
            for place in self._clusters.values():
                place.jobs.take_note(f"kept; down after {self._settings.idle_minutes} idle minutes")
            return
        for member in list(self._fleet.members.values()):
            if member.ours:
                self._fleet.leave(member.name)
                self._clusters[member.name].leave(self._fleet.members[member.name], at_once=True)
        ours = {n: life for n, life in self._lives.items() if self._clusters[n].face.member.ours}
        if ours:
            await asyncio.wait(ours.values(), timeout=_RELEASE_SECONDS)
        for name in (name for name, life in ours.items() if not life.done()):
            log.warning("%s: %s", name, self._clusters[name].face.note)

    async def close(self) -> None:
        """End this side; clusters and jobs go on."""
        tasks = [*self._lives.values(), *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def has_fleet(paths: StudyPaths) -> bool:
    """Whether the study has run on SkyPilot's clusters before."""
    return (paths.skypilot / "fleet.json").exists()


def _tidy(stage: Path) -> None:
    """Remove the jobs that earlier engines staged; SkyPilot has taken them by now."""
    for entry in stage.iterdir() if stage.is_dir() else ():
        with contextlib.suppress(OSError):
            # A launch may wait for capacity for days, and reads the set-up's files after that.
            if entry.name != SETUP and time.time() - entry.stat().st_mtime > 3600:
                shutil.rmtree(entry, ignore_errors=True)
