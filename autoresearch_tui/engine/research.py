"""Asks the researcher for proposals before the queue runs dry."""

import asyncio
import logging
import math
import statistics
import time

from autoresearch_tui.domain import ApprovalMode, ClusterStatus, Experiment, ExperimentStatus
from autoresearch_tui.engine.admission import Admission
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.errors import ExhaustedError, ResearcherError
from autoresearch_tui.lifecycle.events import Noted, RunsWanted, Stopped
from autoresearch_tui.researchers.base import Brief, Researcher

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0

_LONGEST_LEAD = 4

FIRM_RUNS = 8
"""Runs of the best and of the baseline, where a study repeats them at its end."""

_LIVE = (ExperimentStatus.PROPOSED, ExperimentStatus.QUEUED, ExperimentStatus.RUNNING)
_OUT_OF_USE = (ClusterStatus.STOPPED, ClusterStatus.GONE)


class Research:
    """Keeps as many experiments ready as the clusters will soon ask for."""

    def __init__(self, engine: Engine, admission: Admission) -> None:
        self._engine = engine
        self._admission = admission
        # Up to where results were told, and up to where they were looked at.
        self._rev = self._seen = 0
        self._pause = _FIRST_PAUSE

    async def run(self) -> None:
        """Ask whenever the stock is low; returns only when there is no researcher."""
        engine = self._engine
        if engine.researcher is None:
            return
        while True:
            ticket = engine.changed.ticket
            wanted = self._wanted()
            if wanted > 0 and engine.is_working:
                await self._ask(engine.researcher, wanted)
            await engine.changed.wait(ticket, timeout=1.0)

    def _wanted(self) -> int:
        state = self._engine.state
        places = sum(c.status not in _OUT_OF_USE for c in state.clusters.values())
        target = state.settings.scheduler.ahead or max(places, 1) * self._lead()
        live = [each for each in state.experiments.values() if each.status in _LIVE]
        wanted = target - sum(map(self._is_in_stock, live))
        if (most := state.study.max_experiments) is not None:
            unjudged = sum(each.verdict is None for each in live)
            wanted = min(wanted, most - state.judged - unjudged)
        return wanted

    def _lead(self) -> int:
        """Rounds of runs that pass while a proposal waits to be let through."""
        state = self._engine.state
        mode, durations = state.study.approval, state.memory.durations
        if mode is ApprovalMode.AUTO:
            return 1
        if mode is ApprovalMode.MANUAL or not durations:
            return 2
        countdown = state.settings.approval.countdown_seconds
        rounds = math.ceil(countdown / max(statistics.median(durations), 1.0))
        return min(1 + rounds, _LONGEST_LEAD)

    def _is_in_stock(self, experiment: Experiment) -> bool:
        if experiment.status is ExperimentStatus.PROPOSED:
            return True
        runs = self._engine.state.runs.get(experiment.id, ())
        return experiment.status is ExperimentStatus.QUEUED and not any(
            run.counts and run.cluster for run in runs
        )

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
        store = self._engine.store
        loop, turn = asyncio.get_running_loop(), store.next_turn()

        def think(kind: str, text: str) -> None:
            # Researchers think in threads of their own; the database has one writer.
            loop.call_soon_threadsafe(store.add_thought, turn, researcher.name, kind, text)

        brief, rev = await self._brief(wanted), store.revision()
        self._seen = rev
        started = time.monotonic()
        proposals = await researcher.propose(brief, think)
        seconds = time.monotonic() - started
        log.info("%s: %d of %d in %.2f s", researcher.name, len(proposals), wanted, seconds)
        self._rev = rev
        return await self._admission.admit(proposals, store.next_wave(), researcher.name)

    async def _brief(self, wanted: int) -> Brief:
        engine = self._engine
        parent = engine.parent()
        if parent is None or parent.commit is None:
            raise ResearcherError("there is no baseline yet to start from")
        workspace, study = engine.workspace, engine.settings.study
        files = await engine.offload(workspace.read_files, parent.commit, workspace.editable)
        return Brief(
            wanted=wanted,
            accelerator=engine.leading or "CPU",
            metric=study.metric,
            minimize=study.minimize,
            incumbent=parent,
            files=files,
            changed=engine.store.experiments_since(self._rev),
            noise=engine.noise(),
        )

    async def _rest(self, why: str) -> None:
        """Wait for a result that changes the picture; where none is to come, the study ends."""
        engine = self._engine
        is_live = any(each.status in _LIVE for each in engine.state.experiments.values())
        if engine.incumbent() is not None and not is_live:
            if engine.settings.researcher.exhausted == "repeat" and self._repeat():
                return
            engine.tell(Stopped(f"nothing more to propose: {why}", "engine"))
            return
        ticket = engine.changed.ticket
        self._show(f"has nothing more to propose: {why}")
        while not engine.store.experiments_since(self._seen):
            await engine.changed.wait(ticket, timeout=1.0)
            ticket = engine.changed.ticket

    def _repeat(self) -> bool:
        """Have the best and the baseline measured more often; False when they have been."""
        engine = self._engine
        both = {e.id: e for e in (engine.incumbent(), engine.baseline()) if e is not None}
        few = [each for each in both.values() if each.runs_wanted < FIRM_RUNS]
        for each in few:
            why = f"measured again, {FIRM_RUNS} runs in all"
            engine.tell(RunsWanted(each.id, FIRM_RUNS, why))
        return bool(few)

    async def _back_off(self, why: str) -> None:
        self._show(f"{why}; asked again in {self._pause:.0f} s")
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _show(self, words: str) -> None:
        if words != self._engine.state.study.researcher_state:
            self._engine.tell(Noted({"researcher_state": words}))
