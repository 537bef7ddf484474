"""Asks the researcher for proposals before the queue runs dry."""

import asyncio
import logging
import math
import statistics
import time

from autoresearch_tui.domain import ApprovalMode, Experiment, ExperimentStatus, RunStatus
from autoresearch_tui.engine.context import Context, counts
from autoresearch_tui.engine.proposals import Proposals
from autoresearch_tui.engine.stopping import Stopping
from autoresearch_tui.errors import ExhaustedError, ResearcherError
from autoresearch_tui.researchers.base import Brief, Researcher

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0

_LONGEST_LEAD = 4

_OPEN = (ExperimentStatus.PROPOSED, ExperimentStatus.QUEUED, ExperimentStatus.RUNNING)

FIRM_RUNS = 8
"""Runs of the best and of the baseline, where a study repeats them at its end."""

_ALIVE = (
    ExperimentStatus.PROPOSED,
    ExperimentStatus.QUEUED,
    ExperimentStatus.RUNNING,
    ExperimentStatus.JUDGED,
)


class Research:
    """Keeps as many experiments ready as the clusters will soon ask for."""

    def __init__(self, context: Context, proposals: Proposals, stopping: Stopping) -> None:
        self._context = context
        self._stopping = stopping
        self._proposals = proposals
        # Up to where results were told, and up to where they were looked at.
        self._rev = self._seen = 0
        self._pause = _FIRST_PAUSE

    async def run(self) -> None:
        """Ask whenever the stock is low; returns only when there is no researcher."""
        context = self._context
        if context.researcher is None:
            return
        while True:
            ticket = context.changed.ticket
            wanted = self._wanted()
            if wanted > 0 and context.is_working():
                await self._ask(context.researcher, wanted)
            await context.changed.wait(ticket, timeout=1.0)

    def _wanted(self) -> int:
        store, settings = self._context.store, self._context.settings
        target = settings.scheduler.ahead or max(len(store.clusters()), 1) * self._lead()
        counted = store.experiment_counts()
        queued = store.experiments((ExperimentStatus.QUEUED,))
        stock = counted.get(ExperimentStatus.PROPOSED, 0) + sum(map(self._is_unassigned, queued))
        wanted = target - stock
        if (most := store.study().max_experiments) is not None:
            wanted = min(wanted, most - sum(counted.get(status, 0) for status in _ALIVE))
        return wanted

    def _lead(self) -> int:
        """Rounds of runs that pass while a proposal waits to be let through."""
        store = self._context.store
        mode = store.study().approval
        if mode is ApprovalMode.AUTO:
            return 1
        ended = [r for r in store.runs((RunStatus.SUCCEEDED,)) if r.started_at and r.ended_at]
        if mode is ApprovalMode.MANUAL or not ended:
            return 2
        took = statistics.median((r.ended_at or 0.0) - (r.started_at or 0.0) for r in ended)
        countdown = self._context.settings.approval.countdown_seconds
        return min(1 + math.ceil(countdown / max(took, 1.0)), _LONGEST_LEAD)

    def _is_unassigned(self, experiment: Experiment) -> bool:
        return not any(counts(run) for run in self._context.store.runs_of(experiment.id))

    async def _ask(self, researcher: Researcher, wanted: int) -> None:
        self._show(f"thinking of {wanted} more")
        try:
            admitted = await self._turn(researcher, wanted)
        except ExhaustedError as error:
            await self._rest(str(error))
        except ResearcherError as error:
            await self._back_off(str(error))
        except Exception as error:
            # Its defect must not leave clusters idle.
            log.exception("the researcher failed")
            await self._back_off(f"failed: {type(error).__name__}: {error}")
        else:
            if any(e.status is not ExperimentStatus.REJECTED for e in admitted):
                self._pause = _FIRST_PAUSE
                self._show("waiting for results")
            else:
                await self._back_off("had no proposal that could be run")

    async def _turn(self, researcher: Researcher, wanted: int) -> list[Experiment]:
        context, store = self._context, self._context.store
        loop, turn = asyncio.get_running_loop(), store.next_turn()

        def think(kind: str, text: str) -> None:
            # Researchers think in threads of their own; the database has one writer.
            loop.call_soon_threadsafe(store.add_thought, turn, researcher.name, kind, text)

        incumbent = context.incumbent() or context.baseline()
        changed = store.experiments_since(self._rev)
        rev = store.revision()
        assert incumbent.commit is not None
        files = await asyncio.to_thread(
            context.workspace.read_files, incumbent.commit, context.workspace.editable
        )
        brief = Brief(
            wanted=wanted,
            accelerator=context.accelerator,
            metric=context.settings.study.metric,
            minimize=context.settings.study.minimize,
            incumbent=incumbent,
            files=files,
            changed=changed,
            noise=context.noise(),
        )
        self._seen = rev
        started = time.monotonic()
        proposals = await researcher.propose(brief, think)
        log.info(
            "%s: %d of %d in %.2f s",
            researcher.name,
            len(proposals),
            wanted,
            time.monotonic() - started,
        )
        self._rev = rev
        return await self._proposals.admit(proposals, store.next_wave(), researcher.name)

    async def _rest(self, why: str) -> None:
        """Wait for a result that changes the picture; where none is to come, the study ends."""
        store = self._context.store
        if self._context.incumbent() is not None and not store.experiments(_OPEN):
            if self._context.settings.researcher.exhausted == "repeat" and self._repeat():
                return
            await self._stopping.begin(f"nothing more to propose: {why}", "engine")
            return
        ticket = self._context.changed.ticket
        self._show(f"has nothing more to propose: {why}")
        while not store.experiments_since(self._seen):
            await self._context.changed.wait(ticket, timeout=1.0)
            ticket = self._context.changed.ticket

    def _repeat(self) -> bool:
        """Have the best and the baseline measured more often; False when they have been."""
        context, store = self._context, self._context.store
        best = context.incumbent()
        few = [
            e
            for e in {e.id: e for e in (best, context.baseline()) if e is not None}.values()
            if e.runs_wanted < FIRM_RUNS
        ]
        for experiment in few:
            store.change_experiment(
                experiment.id,
                ExperimentStatus.RUNNING,
                text=f"measured again, {FIRM_RUNS} runs in all",
                runs_wanted=FIRM_RUNS,
            )
        context.changed.set()
        return bool(few)

    async def _back_off(self, why: str) -> None:
        self._show(f"{why}; asked again in {self._pause:.0f} s")
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _show(self, state: str) -> None:
        self._context.store.change_study(researcher_state=state)
