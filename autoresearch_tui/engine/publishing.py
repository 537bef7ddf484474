"""Tells git and the table of results what came out of an experiment."""

import asyncio
import logging

from autoresearch_tui.code.edits import count_changes
from autoresearch_tui.domain import Experiment, Verdict
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.lineage import left_behind
from autoresearch_tui.errors import WorkspaceError
from autoresearch_tui.lifecycle.events import Done
from autoresearch_tui.outbox import Instruction
from autoresearch_tui.report.results import ResultsTable
from autoresearch_tui.store import Reader

log = logging.getLogger(__name__)

_TIDY_EVERY = 200
"""Results after which the repository is tidied."""


class Publisher:
    """One result after the other, in the order of the verdicts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = asyncio.Lock()
        self._table = ResultsTable(engine.paths.results)
        self._published = 0

    async def rewrite_table(self) -> None:
        """Write the table of results anew from the database."""
        await self._engine.offload(self._rewrite_table)

    def _rewrite_table(self) -> None:
        with self._engine.reader() as reader:
            self._table.rewrite(reader)

    def _tell_table(self, experiment: str) -> None:
        with self._engine.reader() as reader:
            self._table.tell(reader, experiment)

    async def publish(self, order: Instruction) -> Done:
        """Write a verdict where people and programs look for it; goes on when git refuses."""
        async with self._lock:
            store = self._engine.store
            experiment = store.experiment(order.subject)
            if experiment is None:
                return Done(order.key)
            await self._engine.offload(self._tell_table, experiment.id)
            note = ""
            try:
                note = await self._engine.offload(self._replaces, experiment)
                await self._engine.offload(self._tell_git, experiment, note)
                self._published += 1
                if self._published % _TIDY_EVERY == 0:
                    await self._engine.offload(self._engine.workspace.tidy)
            except WorkspaceError as error:
                log.warning("%s: git: %s", experiment.id, error)
                store.record("git", str(error), subject=experiment.id)
            return Done(order.key, note if note not in experiment.why else "")

    def _tell_git(self, experiment: Experiment, note: str) -> None:
        if experiment.commit is None:
            return
        why = "; ".join(part for part in (experiment.why, note) if part)
        text = f"{experiment.verdict}: {why}"
        self._engine.workspace.record_result(experiment.commit, text)
        if experiment.verdict is Verdict.KEEP and not experiment.is_baseline:
            with self._engine.reader() as reader:
                self._advance(reader, experiment)

    def _advance(self, reader: Reader, experiment: Experiment) -> None:
        """Move the branch of kept changes to `experiment`; nothing where it is there already."""
        engine = self._engine
        if experiment.commit is None or experiment.value is None:
            return
        sd = engine.state.study.noise_sd
        noise = f" (noise sd {sd:.6f})" if sd else ""
        left = left_behind(reader, experiment)
        engine.workspace.advance(
            experiment.commit,
            id=experiment.id,
            title=experiment.title,
            hypothesis=experiment.hypothesis,
            result=f"{engine.settings.study.metric} {experiment.value:.6f}{noise}",
            gain=f"{experiment.gain:.6f}" if experiment.gain is not None else "",
            without="; ".join(f"{e.id} {e.title}" for e in left),
        )

    def catch_up(self) -> None:
        """Have the branch hold all that was kept, whatever an earlier engine got done. Blocks."""
        try:
            done = set(self._engine.workspace.kept())
            with self._engine.reader() as reader:
                kept = reader.experiments_of(Verdict.KEEP)
                missing = [e for e in kept if e.id not in done and not e.is_baseline]
                for experiment in sorted(missing, key=lambda e: e.judged_at or 0.0):
                    self._advance(reader, experiment)
            self._engine.workspace.sync_branch()
        except WorkspaceError as error:
            log.warning("git: %s", error)

    def _replaces(self, experiment: Experiment) -> str:
        """How an experiment that stands on another parent differs from what it was compared to."""
        workspace = self._engine.workspace
        name = _compared_to(experiment)
        if not name:
            return ""
        with self._engine.reader() as reader:
            other = reader.experiment(name)
        if other is None or experiment.parent in (None, other.id):
            return ""
        if other.commit is None or experiment.commit is None:
            return ""
        before, after = (workspace.read_files(c) for c in (other.commit, experiment.commit))
        added, removed = count_changes(before, after)
        return f"on {experiment.parent}; against {other.id} lines +{added} \u2212{removed}"


def _compared_to(experiment: Experiment) -> str:
    """The incumbent that a verdict names, which may have been replaced since."""
    words = experiment.why.partition(" than ")[2]
    return words.split(" ", 1)[0] if words else ""
