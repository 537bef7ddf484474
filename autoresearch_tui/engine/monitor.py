"""Watches clusters and jobs, and turns what they say into the states of runs."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from autoresearch_tui.backends.base import ClusterState, JobState, JobStatus
from autoresearch_tui.domain import (
    Cluster,
    ClusterStatus,
    ExperimentStatus,
    Run,
    RunStatus,
)
from autoresearch_tui.engine.context import Context
from autoresearch_tui.engine.follow import Follower
from autoresearch_tui.engine.jobs import conclude
from autoresearch_tui.engine.judging import Judging
from autoresearch_tui.engine.scheduler import ACTIVE
from autoresearch_tui.errors import BackendError

log = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
_FLUSH_SECONDS = 0.25

_MISSED_POLLS = 3
"""Polls in a row without a job before its run counts as lost."""


class Monitor:
    """Follows every job to its end and hands its run to the judge."""

    def __init__(self, context: Context, judging: Judging) -> None:
        self._context = context
        self._judging = judging
        self._jobs: Mapping[str, JobState] = {}
        self._clusters: dict[str, Cluster] = {c.name: c for c in context.store.clusters()}
        self._followers: dict[str, Follower] = {}
        self._missed: dict[str, int] = {}

    async def run(self) -> None:
        """Watch; never returns."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._flush())
            while True:
                try:
                    self._see_clusters(await self._context.backend.clusters())
                    self._jobs = {job.name: job for job in await self._context.backend.jobs()}
                except BackendError as error:
                    log.warning("the backend does not answer: %s", error)
                    await asyncio.sleep(_POLL_SECONDS)
                    continue
                for run in self._context.store.runs(ACTIVE):
                    self._see(run, group)
                await self._context.backend.wait(_POLL_SECONDS)

    def _see_clusters(self, states: Sequence[ClusterState]) -> None:
        context, now = self._context, self._context.clock()
        reported = {state.name for state in states}
        gone = [c for c in self._clusters.values() if c.name not in reported]
        for cluster in gone:
            if cluster.status is not ClusterStatus.GONE:
                # Of an earlier engine with more slots, say; it must neither get jobs nor give hope.
                self._clusters[cluster.name] = replace(
                    cluster, status=ClusterStatus.GONE, note="not there any more", updated_at=now
                )
                context.store.put_cluster(self._clusters[cluster.name])
        for state in states:
            known = self._clusters.get(state.name)
            if known is not None and _same(known, state):
                continue
            is_up = state.status is ClusterStatus.UP
            cluster = Cluster(
                state.name,
                context.backend.name,
                state.accelerator,
                state.status,
                created_at=known.created_at if known else now,
                note=state.note,
                price=state.price,
                up_at=(known.up_at if known else None) or (now if is_up else None),
                updated_at=now,
            )
            self._clusters[state.name] = cluster
            context.store.put_cluster(cluster)
            if known is None or known.status is not state.status:
                context.store.record(f"cluster.{state.status}", state.note, subject=state.name)
            context.changed.set()

    def _see(self, run: Run, group: asyncio.TaskGroup) -> None:
        job = self._jobs.get(run.id)
        if job is None:
            self._miss(run)
            return
        self._missed.pop(run.id, None)
        if job.status is JobStatus.QUEUED or run.id in self._followers:
            return
        if job.status is JobStatus.RUNNING or job.started_at is not None:
            self._start(run, job)
        self._followers[run.id] = Follower(
            run.id,
            self._context.settings.study.metric,
            self._context.paths.run_log(run.id),
            int(self._context.settings.limits.log_mb * 1_000_000),
            self._context.clock,
        )
        group.create_task(self._follow(run, self._followers[run.id]))

    def _miss(self, run: Run) -> None:
        if run.status in (RunStatus.PENDING, RunStatus.SUBMITTING):
            return
        self._missed[run.id] = self._missed.get(run.id, 0) + 1
        if self._missed[run.id] >= _MISSED_POLLS and run.id not in self._followers:
            self._missed.pop(run.id)
            why = f"{run.cluster} does not know it any more"
            self._judging.run_ended(run, RunStatus.LOST, why=why, ended_at=self._context.clock())

    def _start(self, run: Run, job: JobState) -> None:
        store = self._context.store
        with store.transaction():
            if run.status is not RunStatus.RUNNING:
                store.change_run(run.id, RunStatus.RUNNING, started_at=job.started_at)
            experiment = store.experiment(run.experiment)
            if experiment is not None and experiment.status is ExperimentStatus.QUEUED:
                store.change_experiment(
                    experiment.id, ExperimentStatus.RUNNING, text=f"on {run.cluster}"
                )
        self._context.changed.set()

    async def _follow(self, run: Run, follower: Follower) -> None:
        context = self._context
        assert run.cluster is not None
        try:
            await follower.follow(context.backend.log(run.cluster, run.id, 0))
            job = await self._ended(run)
        except BackendError as error:
            log.warning("the output of %s broke off: %s", run.id, error)
            # The next look at the cluster starts over, from the beginning of the output.
            del self._followers[run.id]
            return
        if job is None:
            why = f"{run.cluster} does not know it any more"
            self._judging.run_ended(run, RunStatus.LOST, why=why, ended_at=context.clock())
        else:
            await self._conclude(run, job, follower)
        self._write([follower])
        del self._followers[run.id]
        await self._forget(run)

    async def _ended(self, run: Run) -> JobState | None:
        """The job's final state, once its cluster reports it; None when it vanished."""
        while True:
            job = self._jobs.get(run.id)
            if job is None or job.status.is_final:
                return job
            await self._context.backend.wait(_POLL_SECONDS)
            self._jobs = {job.name: job for job in await self._context.backend.jobs()}

    async def _conclude(self, run: Run, job: JobState, follower: Follower) -> None:
        context = self._context
        experiment = context.store.experiment(run.experiment)
        assert experiment is not None
        assert experiment.commit is not None
        workspace = context.workspace
        files = await asyncio.to_thread(workspace.files, experiment.commit)
        expected = await asyncio.to_thread(workspace.hashes, experiment.commit, files)
        protected = context.settings.study.protected
        status, value, why = conclude(
            job, follower.summary, expected, workspace.editable, protected
        )
        self._judging.run_ended(
            run,
            status,
            value=value,
            metrics=follower.summary.metrics,
            why=why,
            exit_code=job.exit_code,
            started_at=job.started_at,
            ended_at=job.ended_at,
        )

    async def _forget(self, run: Run) -> None:
        assert run.cluster is not None
        try:
            await self._context.backend.forget(run.cluster, run.id)
        except BackendError as error:
            log.warning("%s was left on %s: %s", run.id, run.cluster, error)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            self._write(list(self._followers.values()))

    def _write(self, followers: Sequence[Follower]) -> None:
        news = [follower.news() for follower in followers]
        points = [point for _, found in news for point in found]
        newest = [p for p, _ in news if p is not None and self._is_active(p.run)]
        if points:
            self._context.store.add_curve(points)
        if newest:
            self._context.store.put_progress(newest)

    def _is_active(self, run: str) -> bool:
        found = self._context.store.run(run)
        return found is not None and not found.status.is_final


def _same(known: Cluster, state: ClusterState) -> bool:
    return (known.accelerator, known.status, known.note, known.price) == (
        state.accelerator,
        state.status,
        state.note,
        state.price,
    )
