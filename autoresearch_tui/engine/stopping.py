"""Ends things before their time: one run, or the whole study."""

import logging

from autoresearch_tui.domain import ExperimentStatus, Run, RunStatus, StudyStatus
from autoresearch_tui.engine.context import Context
from autoresearch_tui.engine.judging import Judging
from autoresearch_tui.engine.scheduler import ACTIVE
from autoresearch_tui.errors import BackendError, ControlError

log = logging.getLogger(__name__)


class Stopping:
    """Cancels runs, and winds a study down."""

    def __init__(self, context: Context, judging: Judging) -> None:
        self._context = context
        self._judging = judging

    async def cancel_run(self, name: str, actor: str) -> None:
        """Cancel a run and its experiment.

        Raises:
            ControlError: there is no such run, it has ended, or it is of the baseline.
            BackendError: its cluster does not answer.
        """
        store = self._context.store
        run = store.run(name)
        if run is None:
            raise ControlError(f"{name}: there is no such run; `autoresearch-tui list` shows them")
        if run.status.is_final:
            raise ControlError(f"{name}: has ended already ({run.status})")
        experiment = store.experiment(run.experiment)
        if experiment is not None and experiment.is_baseline:
            raise ControlError(f"{name}: belongs to the baseline, which everything is compared to")
        await self._cancel(run, actor)

    async def _cancel(self, run: Run, actor: str) -> None:
        store = self._context.store
        experiment = store.experiment(run.experiment)
        if experiment is not None and not experiment.status.is_final:
            store.change_experiment(
                experiment.id,
                ExperimentStatus.CANCELLED,
                actor=actor,
                text=f"{run.id} cancelled",
                why=f"cancelled by {actor}",
            )
        if await self._withdraw([run]):
            return
        assert run.cluster is not None
        # The monitor records the end once the cluster reports it.
        await self._context.backend.cancel(run.cluster, run.id)
        self._context.changed.set()

    async def _withdraw(self, runs: list[Run]) -> list[Run]:
        queued = [run for run in runs if run.status is RunStatus.QUEUED]
        return await self._judging.take_back(queued, "taken back", ended_at=self._context.clock())

    async def withdraw_queued(self) -> None:
        """Take back all runs that have not started; their experiments wait for the next engine."""
        await self._withdraw(self._context.store.runs((RunStatus.QUEUED,)))

    async def begin(self, reason: str, actor: str, *, cancel: bool = False) -> None:
        """Let running runs end (or with `cancel` end them), start no other, then finish."""
        context, store = self._context, self._context.store
        study = store.study()
        if study.status not in (StudyStatus.STOPPING, StudyStatus.FINISHED):
            with store.transaction():
                store.change_study(status=StudyStatus.STOPPING, end_reason=reason)
                store.record("study.stopping", reason, actor=actor)
        await self.withdraw_queued()
        if cancel:
            for run in store.runs(ACTIVE):
                try:
                    await self._end(run, actor)
                except BackendError as error:
                    log.warning("%s: %s", run.id, error)
        context.changed.set()

    async def _end(self, run: Run, actor: str) -> None:
        experiment = self._context.store.experiment(run.experiment)
        if experiment is not None and experiment.is_baseline:
            assert run.cluster is not None
            await self._context.backend.cancel(run.cluster, run.id)
        else:
            await self._cancel(run, actor)

    def is_done(self) -> bool:
        """Whether a study that winds down has nothing left to wait for."""
        store = self._context.store
        if store.study().status is not StudyStatus.STOPPING or store.runs(ACTIVE):
            return False
        if self._judging.is_busy:
            return False
        # The judge still has its say on runs that have just ended.
        running = store.experiments((ExperimentStatus.RUNNING,))
        return not running or self._context.incumbent() is None
