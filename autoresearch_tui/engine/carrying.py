"""Carries out what the heart has decided to have done, and reports what came of it."""

import asyncio
import logging
import shutil
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

from autoresearch_tui.backends.base import Job
from autoresearch_tui.domain import Experiment, Run, RunStatus
from autoresearch_tui.engine.admission import Admission
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.jobs import run_envs, run_script
from autoresearch_tui.engine.publishing import Publisher
from autoresearch_tui.errors import (
    AutoresearchError,
    BackendError,
    RefusedError,
    WorkspaceError,
)
from autoresearch_tui.lifecycle.events import (
    Answer,
    Done,
    Event,
    Failed,
    LookedUp,
    Submitted,
    Withdrawn,
)
from autoresearch_tui.lifecycle.moving import is_moving
from autoresearch_tui.lifecycle.running import is_wanted
from autoresearch_tui.outbox import Do, Instruction

log = logging.getLogger(__name__)


class Carrier:
    """Does each instruction of the outbox, as many at once as there are."""

    def __init__(self, engine: Engine, admission: Admission, publisher: Publisher) -> None:
        self._engine = engine
        self._in_flight: set[str] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ways: Mapping[Do, Callable[[Instruction], Awaitable[Event]]] = {
            Do.SUBMIT: self._submit,
            Do.FIND: self._find,
            Do.WITHDRAW: self._withdraw,
            Do.CANCEL: self._cancel,
            Do.EVICT: self._evict,
            Do.FORGET: self._forget,
            Do.WAKE: self._wake,
            Do.PUBLISH: publisher.publish,
            Do.COMBINE: admission.combine,
            Do.REBASE: admission.rebase,
        }

    async def run(self) -> None:
        """Carry out; never returns."""
        engine = self._engine
        async with asyncio.TaskGroup() as group:
            while True:
                ticket, now = engine.changed.ticket, engine.clock()
                later = now + 1.0
                for order in list(engine.state.outbox.values()):
                    if order.key in self._in_flight:
                        continue
                    if order.not_before <= now:
                        self._in_flight.add(order.key)
                        group.create_task(self._carry_out(order))
                    else:
                        later = min(later, order.not_before)
                await engine.changed.wait(ticket, timeout=max(later - now, 0.01))

    async def _carry_out(self, order: Instruction) -> None:
        try:
            event = await self._ways[order.do](order)
        except (AutoresearchError, OSError) as error:
            log.warning("%s: %s", order.key, error)
            event = Failed(order.key, str(error))
        except Exception as error:
            log.exception("%s", order.key)
            event = Failed(order.key, f"{type(error).__name__}: {error}")
        self._engine.tell(event)
        # Only now, or it would be begun a second time.
        self._in_flight.discard(order.key)
        self._engine.changed.set()

    async def _submit(self, order: Instruction) -> Event:
        engine = self._engine
        # One after the other, so that a cluster's queue has the order of the decisions.
        async with self._turns[order.target]:
            run = engine.run(order.subject)
            if run is None or run.status is not RunStatus.SUBMITTING:
                return Done(order.key)
            if not is_wanted(engine.state, run) or is_moving(engine.state, run.experiment):
                return Submitted(run.job, order.target, Answer.REFUSED)
            answer, why = await self._answer(order.target, run)
        if why:
            log.warning("submission of %s to %s: %s", run.job, order.target, why)
        return Submitted(run.job, order.target, answer, why)

    async def _answer(self, cluster: str, run: Run) -> tuple[Answer, str]:
        engine = self._engine
        try:
            experiment = engine.state.experiments[run.experiment]
            job = await engine.offload(self._stage, experiment, run)
        except WorkspaceError as error:
            return Answer.UNFIT, str(error)
        except OSError as error:
            return Answer.REFUSED, f"its files cannot be written: {error}"
        try:
            await engine.backend.submit(cluster, job)
        except RefusedError as error:
            return Answer.REFUSED, str(error)
        except BackendError as error:
            return Answer.UNKNOWN, str(error)
        return Answer.ACCEPTED, ""

    def _stage(self, experiment: Experiment, run: Run) -> Job:
        engine = self._engine
        if run.commit is None:
            raise WorkspaceError(f"{run.id}: has no commit")
        directory = engine.paths.snapshots / run.job
        shutil.rmtree(directory, ignore_errors=True)
        engine.workspace.materialise(run.commit, directory)
        limits, study = engine.settings.limits, engine.settings.study
        files = engine.workspace.files(run.commit)
        return Job(
            name=run.job,
            workdir=directory,
            script=run_script(engine.task.run, engine.workspace.editable, files, study.protected),
            envs=run_envs(engine.task.envs, experiment, run),
            time_limit=limits.run_minutes * 60,
            output_limit=int(limits.log_mb * 10_000_000),
        )

    async def _find(self, order: Instruction) -> Event:
        job = self._job(order)
        found = await self._engine.backend.find(order.target, job)
        return LookedUp(job, order.target, found is not None)

    async def _withdraw(self, order: Instruction) -> Event:
        job = self._job(order)
        taken = await self._engine.backend.withdraw(order.target, job)
        return Withdrawn(job, order.target, taken)

    async def _cancel(self, order: Instruction) -> Event:
        await self._engine.backend.cancel(order.target, self._job(order))
        return Done(order.key)

    async def _evict(self, order: Instruction) -> Event:
        await self._engine.backend.cancel(order.target, order.subject)
        return Done(order.key)

    async def _forget(self, order: Instruction) -> Event:
        await self._engine.backend.forget(order.target, order.subject)
        return Done(order.key)

    async def _wake(self, order: Instruction) -> Event:
        await self._engine.backend.wake(order.target)
        return Done(order.key)

    def _job(self, order: Instruction) -> str:
        run = self._engine.run(order.subject)
        return run.job if run is not None else order.subject
