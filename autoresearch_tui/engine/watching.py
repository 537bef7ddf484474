"""Watches clusters and jobs, and tells the heart what differs from what it knows."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autoresearch_tui.backends.base import ClusterState, JobState, JobStatus, Look
from autoresearch_tui.domain import ClusterStatus, Run, RunStatus
from autoresearch_tui.engine.bell import Bell
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.following import Follower
from autoresearch_tui.engine.jobs import conclude
from autoresearch_tui.errors import BackendError, WorkspaceError
from autoresearch_tui.lifecycle.events import ClusterSeen, JobEnded, JobSeen

log = logging.getLogger(__name__)

_FLUSH_SECONDS = 0.25

_MISSED_LOOKS = 3
_MISSED_SECONDS = 3.0
"""A job that is in so many looks in a row, over so long a time, not found counts as lost."""


@dataclass(slots=True)
class _Watched:
    """A job of ours whose output is read."""

    run: Run
    follower: Follower
    task: asyncio.Task[None] | None = None


class Watcher:
    """The only reader of a backend's looks: follows every job to its end."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: dict[str, dict[str, JobState]] = {}
        self._watched: dict[str, _Watched] = {}
        self._missed: dict[str, tuple[int, float]] = {}
        # What the heart has heard already of jobs that are not its own any more.
        self._told: dict[str, set[str]] = {}
        self._looked = Bell()
        self._telemetry: dict[str, str] = {}
        self._measured: dict[str, str] = {}

    async def run(self) -> None:
        """Watch; never returns."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._flush())
            async for looks in self._engine.backend.watch():
                for event in cluster_news(self._engine, [look.cluster for look in looks]):
                    self._engine.tell(event)
                for look in looks:
                    self._see(look, group)
                    self._telemetry[look.cluster.name] = look.telemetry
                self._looked.set()

    def _see(self, look: Look, group: asyncio.TaskGroup) -> None:
        if look.jobs is None:
            return
        cluster = look.cluster.name
        jobs = {job.name: job for job in look.jobs}
        self._jobs[cluster] = jobs
        self._told[cluster] = self._told.get(cluster, set()) & jobs.keys()
        for job in look.jobs:
            self._see_job(job, group)
        runs = [run for runs in self._engine.state.runs.values() for run in runs]
        for run in runs:
            is_expected = run.status in (RunStatus.QUEUED, RunStatus.RUNNING)
            if is_expected and run.cluster == cluster and run.job not in jobs:
                self._miss(run, cluster)

    def _see_job(self, job: JobState, group: asyncio.TaskGroup) -> None:
        self._missed.pop(job.name, None)
        run = self._ours(job)
        if run is None:
            self._tell_stranger(job)
            return
        is_running = job.status is JobStatus.RUNNING
        started = (job.started_at or self._engine.clock()) if is_running else None
        is_news = run.status is RunStatus.PENDING or (
            is_running and run.status is not RunStatus.RUNNING
        )
        if is_news and not job.status.is_final:
            self._engine.tell(JobSeen(job.name, job.cluster, started))
        if job.status is not JobStatus.QUEUED and job.name not in self._watched:
            self._follow(run, job, group)

    def _ours(self, job: JobState) -> Run | None:
        """The run whose newest attempt a job is, if it has not ended and may be on that cluster."""
        run = self._engine.run_of(job.name)
        if run is None or run.status.is_final:
            return None
        return run if run.status is RunStatus.PENDING or run.cluster == job.cluster else None

    def _tell_stranger(self, job: JobState) -> None:
        if job.name in self._told[job.cluster] or job.name in self._watched:
            return
        self._told[job.cluster].add(job.name)
        if job.status.is_final:
            self._engine.tell(JobEnded(job.name, job.cluster, RunStatus.LOST))
        else:
            self._engine.tell(JobSeen(job.name, job.cluster, job.started_at))

    def _miss(self, run: Run, cluster: str) -> None:
        now = self._engine.clock()
        count, since = self._missed.get(run.job, (0, now))
        self._missed[run.job] = (count + 1, since)
        if count + 1 < _MISSED_LOOKS or now - since < _MISSED_SECONDS:
            return
        del self._missed[run.job]
        if (watched := self._watched.pop(run.job, None)) and watched.task is not None:
            watched.task.cancel()
        why = f"{cluster} does not know it any more"
        ended = JobEnded(
            run.job, cluster, RunStatus.LOST, why=why, started_at=run.started_at, ended_at=now
        )
        self._engine.tell(ended)

    def _follow(self, run: Run, job: JobState, group: asyncio.TaskGroup) -> None:
        engine = self._engine
        follower = Follower(
            run,
            engine.settings.study.metric,
            engine.paths.run_log(run.id),
            int(engine.settings.limits.log_mb * 1_000_000),
            engine.clock,
            engine.store.reading(run.id),
            engine.store.curve(run.id),
        )
        watched = _Watched(run, follower)
        self._watched[job.name] = watched
        watched.task = group.create_task(self._to_its_end(watched, job))

    async def _to_its_end(self, watched: _Watched, job: JobState) -> None:
        backend = self._engine.backend
        try:
            follower = watched.follower
            await follower.follow(backend.log(job.cluster, job.name, follower.offset))
            ended = await self._ended(job)
            event = await self._conclude(watched, ended)
        except (BackendError, OSError) as error:
            log.warning("the output of %s broke off: %s", job.name, error)
            # The next look at the cluster goes on where this one came to.
            self._write([watched.follower])
            self._watched.pop(job.name, None)
            return
        except Exception as error:
            # A defect of ours: the run is tried again, which costs less than the night.
            log.exception("%s: its output was not understood", job.name)
            why = f"a defect: {type(error).__name__}: {error}; see engine.log"
            event = JobEnded(
                job.name, job.cluster, RunStatus.LOST, why=why, started_at=job.started_at
            )
        self._write([watched.follower])
        self._told[job.cluster].add(job.name)
        self._watched.pop(job.name, None)
        self._engine.tell(event)

    async def _ended(self, job: JobState) -> JobState:
        """The job's final state, once its cluster reports it."""
        while True:
            ticket = self._looked.ticket
            found = self._jobs[job.cluster].get(job.name)
            if found is not None and found.status.is_final:
                return found
            await self._looked.wait(ticket, timeout=60.0)

    async def _conclude(self, watched: _Watched, job: JobState) -> JobEnded:
        engine, summary = self._engine, watched.follower.summary
        workspace, protected = engine.workspace, engine.settings.study.protected
        try:
            status, value, why = conclude(
                job, summary, await self._hashes(watched.run, job), workspace.editable, protected
            )
        except WorkspaceError as error:
            # That is no fault of the experiment's; it will be tried again.
            status, value = RunStatus.LOST, None
            why = f"what it executed cannot be compared to its commit: {error}"
        return JobEnded(
            job.name,
            job.cluster,
            status,
            value,
            summary.metrics,
            why,
            job.exit_code,
            job.started_at,
            job.ended_at,
        )

    async def _hashes(self, run: Run, job: JobState) -> dict[str, str]:
        """The hash of each file that a run which succeeded was to execute."""
        if job.status is not JobStatus.SUCCEEDED or run.commit is None:
            return {}
        workspace, commit = self._engine.workspace, run.commit
        files = await self._engine.offload(workspace.files, commit)
        return await self._engine.offload(workspace.hashes, commit, files)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            if self._telemetry != self._measured:
                self._measured = dict(self._telemetry)
                self._engine.store.put_telemetry(self._measured)
            self._write([watched.follower for watched in self._watched.values()])

    def _write(self, followers: Sequence[Follower]) -> None:
        found = [(each.run, each.news()) for each in followers if self._is_open(each.run)]
        readings = [news.reading for _, news in found if news.reading is not None]
        curves = {run: news.curve for run, news in found if news.curve}
        progress = [p for run, news in found if (p := news.progress) and self._is_running(run)]
        if readings:
            self._engine.store.put_read(progress, curves, readings)

    def _is_open(self, name: str) -> bool:
        run = self._engine.run(name)
        return run is not None and not run.status.is_final

    def _is_running(self, name: str) -> bool:
        run = self._engine.run(name)
        return run is not None and run.status is RunStatus.RUNNING


def cluster_news(
    engine: Engine, states: Iterable[ClusterState], *, are_all: bool = True
) -> list[ClusterSeen]:
    """What differs from the clusters that the heart knows; those missing from `states` are gone."""
    known, backend = engine.state.clusters, engine.backend.name
    news: list[ClusterSeen] = []
    names: set[str] = set()
    for state in states:
        names.add(state.name)
        its = known.get(state.name)
        now = (state.accelerator, state.status, state.note, state.price, state.node)
        if its is None or (its.accelerator, its.status, its.note, its.price, its.node) != now:
            news.append(ClusterSeen(state.name, backend, *now))
    missing = [c for c in known.values() if c.name not in names] if are_all else []
    for each in missing:
        if each.status is not ClusterStatus.GONE:
            # Of an earlier engine with more slots, say; it must neither get jobs nor give hope.
            note = "not there any more"
            gone = ClusterSeen(each.name, each.backend, each.accelerator, ClusterStatus.GONE, note)
            news.append(gone)
    return news
