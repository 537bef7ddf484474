"""Tells git and the table of results what came out of an experiment."""

import asyncio
import logging

from autoresearch_tui.code.edits import count_changes
from autoresearch_tui.domain import Experiment, Verdict
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.lineage import left_behind
from autoresearch_tui.errors import WorkspaceError
from autoresearch_tui.lifecycle.events import Done
from autoresearch_tui.lifecycle.instructions import Instruction
from autoresearch_tui.report.results import append_result, write_results

log = logging.getLogger(__name__)

_TIDY_EVERY = 200
"""Results after which the repository is tidied."""


class Publisher:
    """One result after the other, in the order of the verdicts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = asyncio.Lock()
        self._in_table: set[str] = set()
        self._published = 0

    def rewrite_table(self) -> None:
        """Write the table of results anew from the database."""
        store = self._engine.store
        judged = store.with_verdict()
        runs = {e.id: store.runs_of(e.id) for e in judged}
        write_results(self._engine.paths.results, judged, runs)
        self._in_table = {e.id for e in judged}

    async def publish(self, order: Instruction) -> Done:
        """Write a verdict where people and programs look for it; goes on when git refuses."""
        async with self._lock:
            store = self._engine.store
            experiment = store.experiment(order.subject)
            if experiment is None:
                return Done(order.key)
            if experiment.id in self._in_table:
                self.rewrite_table()
            else:
                runs = [run for run in store.runs_of(experiment.id) if run.counts]
                append_result(self._engine.paths.results, experiment, runs)
                self._in_table.add(experiment.id)
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
            self.advance(experiment)

    def advance(self, experiment: Experiment) -> None:
        """Move the branch of kept changes to `experiment`; nothing where it is there already."""
        engine = self._engine
        if experiment.commit is None or experiment.value is None:
            return
        sd = engine.state.study.noise_sd
        noise = f" (noise sd {sd:.6f})" if sd else ""
        left = left_behind(engine.store, experiment)
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
        """Have the branch hold all that was kept, whatever an earlier engine got done."""
        try:
            kept = [e for e in self._engine.store.experiments_of(Verdict.KEEP) if not e.is_baseline]
            for experiment in sorted(kept, key=lambda e: e.judged_at or 0.0):
                self.advance(experiment)
            self._engine.workspace.sync_branch()
        except WorkspaceError as error:
            log.warning("git: %s", error)

    def _replaces(self, experiment: Experiment) -> str:
        """How an experiment that stands on another parent differs from what it was compared to."""
        workspace = self._engine.workspace
        name = _compared_to(experiment)
        other = self._engine.store.experiment(name) if name else None
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
