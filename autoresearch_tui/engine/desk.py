"""The desk: whoever proposes is known here by an identity that the engine gave it."""

import asyncio
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autoresearch_tui.collector import many_objects
from autoresearch_tui.domain import Experiment, ExperimentStatus, Proposal, Turn
from autoresearch_tui.engine.admission import Admission
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.library import StudyLibrary
from autoresearch_tui.errors import ControlError, ResearcherError
from autoresearch_tui.lifecycle.events import Cancelled, RunsWanted, TurnSeen
from autoresearch_tui.researchers.base import LONGEST_NOTEPAD, Brief

_VERSION_DIGITS = 12

MOST_RUNS = 16
"""That a researcher may ask for of one experiment."""


class TurnDesk:
    """The desk of one researcher for one turn, which is on record from `begin` to `end`.

    `told` is the revision up to which the researcher knows the study, `began` that at which it was
    asked.
    """

    def __init__(self, engine: Engine, admission: Admission, identity: str, told: int) -> None:
        self._engine = engine
        self._admission = admission
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._identity = identity
        self._since = self.told = self.began = told
        self._turn = Turn(0, identity, 0, 0.0)

    @property
    def identity(self) -> str:
        """Who it is, as the engine knows it."""
        return self._identity

    @property
    def turn(self) -> Turn:
        """The turn as it stands."""
        return self._turn

    async def begin(self, wanted: int) -> None:
        """Put on record that the turn begins, and by which instructions."""
        engine = self._engine
        path = engine.paths.root / engine.settings.study.instructions
        version = await engine.offload(_version, path)
        self.began = engine.store.revision()
        number, now = engine.store.next_turn(), engine.clock()
        self._put(Turn(number, self._identity, wanted, now, instructions=version))

    def end(self, outcome: str) -> None:
        """Put on record that the turn is over, and why it gave less than was wanted, if it did."""
        self._put(replace(self._turn, ended_at=self._engine.clock(), outcome=outcome))

    async def brief(self) -> Brief:
        """How the study stands."""
        engine = self._engine
        parent = engine.parent()
        if parent is None or parent.commit is None:
            raise ResearcherError("there is no baseline yet to start from")
        workspace, study = engine.workspace, engine.settings.study
        files = await engine.offload(workspace.read_files, parent.commit, workspace.editable)
        changed, self.told = await engine.offload(self._news)
        return Brief(
            wanted=self._turn.wanted,
            accelerator=engine.leading or "CPU",
            metric=study.metric,
            minimize=study.minimize,
            incumbent=parent,
            files=files,
            changed=changed,
            noise=engine.noise(),
        )

    def _news(self) -> tuple[Sequence[Experiment], int]:
        """Experiments that have changed, and the revision by which they have."""
        with many_objects(), self._engine.reader() as reader, reader.snapshot():
            since = reader.study().task_since
            changed = reader.experiments_since(self._since)
            # What another task has measured teaches nothing of this one.
            present = [e for e in changed if e.judged_at is None or e.judged_at >= since]
            return present, reader.revision()

    @property
    def library(self) -> StudyLibrary:
        """What can be looked up."""
        return StudyLibrary(self._engine)

    async def cancel(self, experiment: str) -> None:
        """Take back an experiment of one's own that has no verdict yet."""
        found = self._engine.store.experiment(experiment)
        if found is None:
            raise ResearcherError(f"{experiment}: there is no such experiment")
        if found.origin != self._identity:
            raise ResearcherError(f"{experiment}: is {found.origin}'s; one may cancel one's own")
        if not found.status.is_live:
            raise ResearcherError(f"{experiment}: is {found.status} already")
        self._engine.tell(Cancelled(experiment, self._identity))

    async def repeat(self, experiment: str, runs: int) -> None:
        """Have an experiment measured until it has so many runs."""
        found = self._engine.state.experiments.get(experiment)
        if found is None or found.verdict is None:
            raise ResearcherError(f"{experiment}: only what has been judged can be repeated")
        if not found.runs_wanted < runs <= MOST_RUNS:
            raise ResearcherError(
                f"{experiment}: has {found.runs_wanted} runs; at most {MOST_RUNS} in all"
            )
        why = f"measured again by {self._identity}, {runs} runs in all"
        self._engine.tell(RunsWanted(experiment, runs, why))

    async def write_notepad(self, text: str, version: int) -> int:
        """Write what is to stand in the notepad in place of its `version`; the new one's number."""
        if len(text) > LONGEST_NOTEPAD:
            raise ResearcherError(
                f"{len(text):,} characters; the notepad has room for {LONGEST_NOTEPAD:,}"
            )
        try:
            return self._engine.write_notepad(text, self._identity, version)
        except ControlError as error:
            raise ResearcherError(str(error)) from error

    async def until_working(self) -> None:
        """Return once the study is not paused."""
        while not self._engine.is_working:
            ticket = self._engine.changed.ticket
            await self._engine.changed.wait(ticket, timeout=1.0)

    async def propose(self, proposals: Sequence[Proposal]) -> Sequence[Experiment]:
        """Have proposals taken in, together one wave."""
        found = await self._admission.admit(proposals, self._identity, turn=self._turn.id)
        admitted = sum(each.status is not ExperimentStatus.REJECTED for each in found)
        self._put(replace(self._turn, admitted=self._turn.admitted + admitted))
        return found

    def think(self, kind: str, text: str) -> None:
        """Let it be read what is thought, from any thread: the database has one writer."""
        if threading.get_ident() == self._thread:
            self._keep(kind, text)
        else:
            self._loop.call_soon_threadsafe(self._keep, kind, text)

    def spend(self, tokens_in: int, tokens_out: int, cost: float) -> None:
        """Put on record what the turn has cost further."""
        turn = self._turn
        self._put(
            replace(
                turn,
                tokens_in=turn.tokens_in + tokens_in,
                tokens_out=turn.tokens_out + tokens_out,
                cost=turn.cost + cost,
            )
        )

    def _keep(self, kind: str, text: str) -> None:
        # A thread cannot be cancelled: it may think on after its turn, when the database is closed.
        if self._turn.ended_at is None:
            self._engine.store.add_thought(self._turn.id, self._identity, kind, text)

    def _put(self, turn: Turn) -> None:
        self._turn = turn
        self._engine.tell(TurnSeen(turn))


def _version(path: Path) -> str:
    """The version of the instructions; empty where there are none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:_VERSION_DIGITS]
    except OSError:
        return ""
