"""Asks researchers for proposals before the queues run dry, each in a loop of its own."""

import asyncio
import logging
from collections.abc import Mapping

from autoresearch_tui.domain import Experiment, ExperimentStatus
from autoresearch_tui.engine.admission import Admission
from autoresearch_tui.engine.desk import TurnDesk
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.stock import Stock
from autoresearch_tui.errors import ExhaustedError, ResearcherError
from autoresearch_tui.lifecycle.events import Noted, RunsWanted, Stopped
from autoresearch_tui.researchers.base import Researcher

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0

_NEWS_SECONDS = 120.0
"""At least, between two turns that a new best alone gives reason for."""

FIRM_RUNS = 8
"""Runs of the best and of the baseline, where a study repeats them at its end."""


class Research:
    """Keeps as many experiments ready as the clusters will soon ask for."""

    def __init__(self, engine: Engine, admission: Admission) -> None:
        self._engine = engine
        self._admission = admission
        self._stock = Stock(engine, [each.name for each in engine.researchers])
        self._words = {each.name: "" for each in engine.researchers}
        self._resting: set[str] = set()

    async def run(self) -> None:
        """Ask whenever the stock is low; returns only when there is no researcher."""
        async with asyncio.TaskGroup() as group:
            for researcher in self._engine.researchers:
                group.create_task(_Seat(self, researcher).run())

    @property
    def engine(self) -> Engine:
        """The engine whose study is researched."""
        return self._engine

    @property
    def stock(self) -> Stock:
        """What is ready, and what is wanted."""
        return self._stock

    def desk(self, identity: str, told: int) -> TurnDesk:
        """A desk for a turn."""
        return TurnDesk(self._engine, self._admission, identity, told)

    def show(self, name: str, words: str) -> None:
        """Say what a researcher does."""
        self._words[name] = words
        text = told_together(self._words)
        if text != self._engine.state.study.researcher_state:
            self._engine.tell(Noted({"researcher_state": text}))

    async def rest(self, name: str, seen: int, why: str) -> None:
        """Wait for news after revision `seen`; the study ends where none are to come.

        That is when nothing is under way and all researchers rest.
        """
        engine = self._engine
        self._resting.add(name)
        try:
            while not self._is_news(seen):
                ticket = engine.changed.ticket
                if self._is_over():
                    if engine.settings.researcher.exhausted != "repeat" or not self._repeat():
                        engine.tell(Stopped(f"nothing more to propose: {why}", "engine"))
                        return
                else:
                    self.show(name, f"has nothing more to propose: {why}")
                await engine.changed.wait(ticket, timeout=1.0)
        finally:
            self._resting.discard(name)

    def _is_news(self, seen: int) -> bool:
        # What was refused, its own among it, tells nobody anything.
        found = self._engine.store.experiments_since(seen)
        return any(each.status is not ExperimentStatus.REJECTED for each in found)

    def _is_over(self) -> bool:
        engine = self._engine
        is_live = any(each.status.is_live for each in engine.state.experiments.values())
        all_rest = len(self._resting) == len(engine.researchers)
        return all_rest and not is_live and engine.incumbent() is not None

    def _repeat(self) -> bool:
        """Have the best and the baseline measured more often; False when they have been."""
        engine = self._engine
        both: dict[str, Experiment] = {
            e.id: e for e in (engine.incumbent(), engine.baseline()) if e is not None
        }
        few = [each for each in both.values() if each.runs_wanted < FIRM_RUNS]
        for each in few:
            why = f"measured again, {FIRM_RUNS} runs in all"
            engine.tell(RunsWanted(each.id, FIRM_RUNS, why))
        return bool(few)


class _Seat:
    """One researcher: asked, waited for when it fails, left in peace when it has no more."""

    def __init__(self, research: Research, researcher: Researcher) -> None:
        self._research = research
        self._researcher = researcher
        self._name = researcher.name
        # Up to where results were told, and up to where they were looked at.
        self._told = self._seen = 0
        self._heard = 0
        # The best by accelerator type when it was last asked, and when that was.
        self._best: Mapping[str, str] = {}
        self._asked_at = 0.0
        self._pause = _FIRST_PAUSE

    async def run(self) -> None:
        engine, stock = self._research.engine, self._research.stock
        self._best = dict(engine.state.incumbents)
        while True:
            ticket = engine.changed.ticket
            stock.free.add(self._name)
            wanted = stock.wanted(self._name)
            if (wanted > 0 or self._is_called()) and engine.is_working:
                self._heard, self._asked_at = engine.words, engine.clock()
                self._best = dict(engine.state.incumbents)
                await self._ask(max(wanted, 0))
            await engine.changed.wait(ticket, timeout=1.0)

    def _is_called(self) -> bool:
        """Whether there is something to think of though enough is ready.

        The operator has spoken, or another experiment has become the best: what is queued may be
        beside the point. The latter waits a while, for a call costs, and one best follows another.
        """
        engine = self._research.engine
        if not self._researcher.listens:
            return False
        is_long_ago = engine.clock() - self._asked_at >= _NEWS_SECONDS
        is_other = engine.state.incumbents != self._best
        return engine.words > self._heard or (is_other and is_long_ago)

    async def _ask(self, wanted: int) -> None:
        self._research.stock.promise(self._name, wanted)
        words = f"thinking of {wanted} more" if wanted else "looking at what is new"
        self._research.show(self._name, words)
        try:
            has_given = await self._turn(wanted)
        except ExhaustedError as error:
            await self._research.rest(self._name, self._seen, str(error))
        except ResearcherError as error:
            await self._back_off(str(error))
        except Exception as error:
            # Its defect must not leave clusters idle.
            log.exception("the researcher %s failed", self._name)
            await self._back_off(f"failed: {type(error).__name__}: {error}")
        else:
            if has_given:
                self._pause = _FIRST_PAUSE
                self._research.show(self._name, "waiting for results")
            else:
                await self._back_off("had no proposal that could be run")

    async def _turn(self, wanted: int) -> bool:
        """Whether one turn gave a proposal that can be run."""
        desk = self._research.desk(self._name, self._told)
        outcome = "cut off: the engine ended"
        await desk.begin(wanted)
        try:
            await self._researcher.turn(desk)
            if not desk.turn.admitted and wanted:
                outcome = "had no proposal that could be run"
            else:
                outcome = ""
        except Exception as error:
            outcome = str(error) or type(error).__name__
            raise
        finally:
            desk.end(outcome)
            self._seen = desk.began
            turn = desk.turn
            seconds = (turn.ended_at or turn.started_at) - turn.started_at
            self._research.stock.keep(self._name, seconds if turn.admitted else None)
        self._told = desk.told
        log.info("%s: %d of %d in %.2f s", self._name, turn.admitted, wanted, seconds)
        return not outcome

    async def _back_off(self, why: str) -> None:
        self._research.show(self._name, f"{why}; asked again in {self._pause:.0f} s")
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


def told_together(words: Mapping[str, str]) -> str:
    """What all researchers do, in one line; one alone needs no name."""
    if len(words) == 1:
        return next(iter(words.values()))
    return " · ".join(f"{name}: {text}" for name, text in words.items() if text)
