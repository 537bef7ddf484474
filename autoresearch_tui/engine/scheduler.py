"""Keeps every cluster's queue full."""

import asyncio
import logging
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence

from autoresearch_tui.backends.base import Job
from autoresearch_tui.domain import Cluster, ClusterStatus, Experiment, Run, RunStatus
from autoresearch_tui.engine.assignment import Need, Room, assign
from autoresearch_tui.engine.context import Context, counts
from autoresearch_tui.engine.jobs import run_envs, run_script
from autoresearch_tui.errors import BackendError, WorkspaceError

log = logging.getLogger(__name__)

ACTIVE = (RunStatus.PENDING, RunStatus.SUBMITTING, RunStatus.QUEUED, RunStatus.RUNNING)

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 120.0


class Scheduler:
    """Submits runs as long as the study works and a cluster has room."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._paused_until: dict[str, float] = {}
        self._failures: Counter[str] = Counter()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self) -> None:
        """Submit whenever something has changed; never returns."""
        context = self._context
        async with asyncio.TaskGroup() as group:
            while True:
                ticket = context.changed.ticket
                for experiment, cluster in self._next():
                    run = self._create(experiment, cluster)
                    group.create_task(self._submit(experiment, run))
                await context.changed.wait(ticket, timeout=1.0)

    def _next(self) -> list[tuple[Experiment, Cluster]]:
        context = self._context
        if not context.is_working():
            return []
        waiting = {experiment.id: experiment for experiment in context.waiting()}
        needs = [need for e in waiting.values() if (need := self._need(e)).runs > 0]
        if not needs:
            return []
        clusters = {cluster.name: cluster for cluster in context.store.clusters()}
        pairs = assign(needs, self._rooms(list(clusters.values())))
        return [(waiting[experiment], clusters[cluster]) for experiment, cluster in pairs]

    def _need(self, experiment: Experiment) -> Need:
        runs = self._context.store.runs_of(experiment.id)
        wanted = experiment.runs_wanted - sum(1 for run in runs if counts(run))
        return Need(experiment.id, wanted, experiment.accelerator)

    def _rooms(self, clusters: Sequence[Cluster]) -> list[Room]:
        context = self._context
        load = Counter(run.cluster for run in context.store.runs(ACTIVE))
        limit = 1 + context.settings.scheduler.queue_depth
        now = context.clock()
        return [
            Room(cluster.name, cluster.accelerator, load[cluster.name], limit)
            for cluster in clusters
            if cluster.status is ClusterStatus.UP
            and self._paused_until.get(cluster.name, 0.0) <= now
        ]

    def _create(self, experiment: Experiment, cluster: Cluster) -> Run:
        store, now = self._context.store, self._context.clock()
        ordinal = len(store.runs_of(experiment.id)) + 1
        run = Run(
            id=f"{experiment.id}-r{ordinal}",
            experiment=experiment.id,
            ordinal=ordinal,
            status=RunStatus.SUBMITTING,
            # Each run has a seed of its own, so that luck is not confounded with a change.
            seed=experiment.number * 1000 + ordinal,
            created_at=now,
            cluster=cluster.name,
            accelerator=cluster.accelerator,
        )
        store.add_run(run)
        return run

    async def _submit(self, experiment: Experiment, run: Run) -> None:
        context = self._context
        assert run.cluster is not None
        try:
            # One after the other, so that a cluster's queue has the order of the decisions.
            async with self._turns[run.cluster]:
                job = await asyncio.to_thread(self._stage, experiment, run)
                await context.backend.submit(run.cluster, job)
        except (BackendError, WorkspaceError, OSError) as error:
            self._back_off(run, str(error))
        else:
            self._failures.pop(run.cluster, None)
            self._confirm(run)
        context.changed.set()

    def _confirm(self, run: Run) -> None:
        # A short run may have been seen running, or ended, before its submission returned.
        store = self._context.store
        now = store.run(run.id)
        if now is not None and now.status is RunStatus.SUBMITTING:
            store.change_run(run.id, RunStatus.QUEUED, submitted_at=self._context.clock())

    def _back_off(self, run: Run, why: str) -> None:
        assert run.cluster is not None
        log.warning("submission of %s to %s failed: %s", run.id, run.cluster, why)
        self._failures[run.cluster] += 1
        pause = min(_FIRST_PAUSE * 2 ** (self._failures[run.cluster] - 1), _LONGEST_PAUSE)
        self._paused_until[run.cluster] = self._context.clock() + pause
        self._context.store.change_run(
            run.id, RunStatus.CANCELLED, text=f"{why}; again in {pause:.0f} s", why=why
        )

    def _stage(self, experiment: Experiment, run: Run) -> Job:
        context = self._context
        assert experiment.commit is not None
        directory = context.paths.snapshots / run.id
        shutil.rmtree(directory, ignore_errors=True)
        context.workspace.materialise(experiment.commit, directory)
        limits = context.settings.limits
        return Job(
            name=run.id,
            workdir=directory,
            script=run_script(
                context.task.run,
                context.workspace.editable,
                context.workspace.files(experiment.commit),
                context.settings.study.protected,
            ),
            envs=run_envs(context.task.envs, experiment, run),
            time_limit=limits.run_minutes * 60,
            output_limit=int(limits.log_mb * 10_000_000),
        )
