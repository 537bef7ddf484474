"""Ends runs and experiments: verdicts, the branch of kept changes, the table of results."""

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from autoresearch_tui.code.edits import count_changes
from autoresearch_tui.domain import Experiment, ExperimentStatus, Run, RunStatus, Verdict
from autoresearch_tui.engine.context import Context, counts
from autoresearch_tui.engine.lineage import combination, left_behind
from autoresearch_tui.engine.proposals import Proposals
from autoresearch_tui.engine.recall import recall
from autoresearch_tui.errors import ControlError, WorkspaceError
from autoresearch_tui.judge import verdict as judge
from autoresearch_tui.report.results import append_result, write_results

log = logging.getLogger(__name__)


class Judging:
    """Gives each experiment its verdict once its runs have ended.

    While `is_busy`, a verdict is in the database but not yet all that follows from it in git.
    """

    def __init__(self, context: Context, proposals: Proposals) -> None:
        self.is_busy = False
        self._context = context
        self._proposals = proposals
        study = context.settings.study
        self._rule = judge.Rule(study.metric, study.minimize, context.settings.judge.keep_margin_sd)

    async def run(self) -> None:
        """Judge whatever is ready, one after the other; never returns."""
        context = self._context
        while True:
            ticket = context.changed.ticket
            for experiment in self._ready():
                self.is_busy = True
                try:
                    await self._judge(experiment)
                finally:
                    self.is_busy = False
                    context.changed.set()
            await context.changed.wait(ticket, timeout=1.0)

    def _ready(self) -> list[Experiment]:
        running = self._context.store.experiments((ExperimentStatus.RUNNING,))
        ready = [e for e in running if self._is_complete(e)]
        if self._context.incumbent() is None:
            # Nothing can be said of a change before its starting point is known.
            ready = [e for e in ready if e.is_baseline]
        return sorted(ready, key=lambda e: (not e.is_baseline, self._ended_at(e)))

    def _is_complete(self, experiment: Experiment) -> bool:
        runs = [run for run in self._context.store.runs_of(experiment.id) if counts(run)]
        return len(runs) >= experiment.runs_wanted and all(run.status.is_final for run in runs)

    def _ended_at(self, experiment: Experiment) -> float:
        return max(run.ended_at or 0.0 for run in self._context.store.runs_of(experiment.id))

    async def _judge(self, experiment: Experiment) -> None:
        context, store = self._context, self._context.store
        runs = [run for run in store.runs_of(experiment.id) if counts(run)]
        noise = context.noise()
        if experiment.verdict in (Verdict.KEEP, Verdict.DISCARD):
            await self._measure_again(experiment, runs)
            return
        replaces = await asyncio.to_thread(self._replaces, experiment)
        decision = self._decide(experiment, runs, replaces)
        if decision.verdict is Verdict.INCONCLUSIVE and len(runs) < judge.SUSPECT_RUNS:
            self._repeat(experiment, decision.why)
            return
        is_best = decision.verdict is Verdict.KEEP
        with store.transaction():
            previous = context.incumbent()
            if is_best and previous is not None:
                store.change_experiment(previous.id, is_best=False)
            store.change_experiment(
                experiment.id,
                ExperimentStatus.JUDGED,
                text=f"{decision.verdict}: {decision.why}",
                verdict=decision.verdict,
                value=decision.value,
                gain=decision.gain,
                accelerator=context.accelerator,
                why=decision.why,
                judged_at=context.clock(),
                is_best=is_best,
            )
            store.change_study(noise_sd=noise.sd)
        context.changed.set()
        judged = store.experiment(experiment.id)
        assert judged is not None
        append_result(context.paths.results, judged, runs)
        await self._publish(judged)
        if judged.is_baseline and judged.verdict is Verdict.CRASH:
            context.finish(f"the baseline failed: {decision.why}", exit_code=1)
        if is_best and not judged.is_baseline:
            await self._move(judged)
            await self._combine(judged)

    def _repeat(self, experiment: Experiment, why: str) -> None:
        store, wanted = self._context.store, experiment.runs_wanted + 1
        store.change_experiment(experiment.id, text=f"runs again: {why}", runs_wanted=wanted)

    async def accept(self, name: str, actor: str) -> None:
        """Keep an experiment whose result was too good to be believed; the operator has looked.

        Raises:
            ControlError: there is none of this name, or its verdict is another.
        """
        context, store = self._context, self._context.store
        experiment, incumbent = store.experiment(name), context.incumbent()
        if experiment is None:
            raise ControlError(f"{name}: there is no such experiment; see `list`")
        if experiment.verdict is not Verdict.INCONCLUSIVE or incumbent is None:
            found = experiment.verdict or experiment.status
            raise ControlError(
                f"{name}: only an inconclusive experiment is accepted; it is {found}"
            )
        is_best = self._is_better(experiment, incumbent)
        why = f"accepted by {actor}, though {experiment.why.split('; look')[0]}"
        with store.transaction():
            if is_best:
                store.change_experiment(incumbent.id, is_best=False)
            store.change_experiment(
                name,
                actor=actor,
                text=f"keep: {why}",
                verdict=Verdict.KEEP,
                why=why,
                judged_at=context.clock(),
                is_best=is_best,
            )
        context.changed.set()
        accepted = store.experiment(name) or experiment
        await self._publish(accepted)
        if is_best:
            await self._move(accepted)
            await self._combine(accepted)

    def _is_better(self, experiment: Experiment, incumbent: Experiment) -> bool:
        if experiment.value is None or incumbent.value is None:
            return False
        return (experiment.value < incumbent.value) == self._rule.minimize

    async def _measure_again(self, experiment: Experiment, runs: Sequence[Run]) -> None:
        """Take the mean over all runs; what was kept for fewer of them stays kept."""
        store, values = self._context.store, [run.value for run in runs if run.value is not None]
        value = math.fsum(values) / len(values)
        metric = self._rule.metric
        why = f"{metric} {value:.6f} over {len(values)} runs, {experiment.value:.6f} before"
        with store.transaction():
            store.change_experiment(
                experiment.id, ExperimentStatus.JUDGED, text=f"measured again: {why}", value=value
            )
            store.change_study(noise_sd=self._context.noise().sd)
        self._context.changed.set()
        rewrite_results(self._context)

    def _replaces(self, experiment: Experiment) -> str:
        """How an experiment that stands on another parent differs from the incumbent, in words."""
        incumbent, workspace = self._context.incumbent(), self._context.workspace
        if incumbent is None or experiment.parent in (None, incumbent.id):
            return ""
        if incumbent.commit is None or experiment.commit is None:
            return ""
        try:
            before, after = (workspace.read_files(c) for c in (incumbent.commit, experiment.commit))
        except WorkspaceError as error:
            log.warning("%s: compared with %s: %s", experiment.id, incumbent.id, error)
            return ""
        added, removed = count_changes(before, after)
        return f"on {experiment.parent}; against {incumbent.id} lines +{added} \u2212{removed}"

    async def _combine(self, experiment: Experiment) -> None:
        """Propose what would have an experiment and all that it was kept without."""
        store = self._context.store
        left = left_behind(store, experiment)
        proposal = combination(experiment, left) if left else None
        if proposal is not None:
            await self._proposals.admit([proposal], store.next_wave(), "engine")

    def _decide(self, experiment: Experiment, runs: Sequence[Run], replaces: str) -> judge.Decision:
        values = [run.value for run in runs if run.value is not None]
        if not values:
            return judge.crash(next((run.why for run in runs if run.why), "no run succeeded"))
        incumbent = self._context.incumbent()
        if incumbent is None:
            return judge.baseline(values, self._rule)
        lines = experiment.lines_added, experiment.lines_removed
        found = judge.decide(values, incumbent, self._context.noise(), self._rule, lines)
        return replace(found, why=f"{found.why}; {replaces}") if replaces else found

    async def _publish(self, experiment: Experiment) -> None:
        """Tell git what came out; the study goes on when git refuses."""
        workspace = self._context.workspace
        assert experiment.commit is not None
        text = f"{experiment.verdict}: {experiment.why}"
        try:
            await asyncio.to_thread(workspace.record_result, experiment.commit, text)
            if experiment.verdict is Verdict.KEEP and not experiment.is_baseline:
                await asyncio.to_thread(advance, self._context, experiment)
        except WorkspaceError as error:
            log.warning("%s: git: %s", experiment.id, error)
            self._context.store.record("git", str(error), subject=experiment.id)

    async def _move(self, incumbent: Experiment) -> None:
        """Put everything that has not started yet onto the new incumbent."""
        context, store = self._context, self._context.store
        context.moving_to = incumbent.id
        try:
            queued = [(r, store.experiment(r.experiment)) for r in store.runs((RunStatus.QUEUED,))]
            stale = [run for run, its in queued if its is not None and context.is_moving(its)]
            await self.take_back(stale, f"rebased onto {incumbent.id}")
            await self._proposals.rebase(incumbent)
        finally:
            context.moving_to = None
            context.changed.set()

    async def take_back(self, runs: Sequence[Run], why: str, **facts: Any) -> list[Run]:
        """Take queued runs back from their clusters, and record it; those that could be.

        Goes on to its end when it is cancelled, for what has left a queue unrecorded would count as
        lost by the next engine.
        """
        work = asyncio.create_task(self._take_back(runs, why, facts))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await work
            raise

    async def _take_back(
        self, runs: Sequence[Run], why: str, facts: Mapping[str, Any]
    ) -> list[Run]:
        recalled = await recall(self._context, runs)
        for run in recalled:
            self.run_ended(run, RunStatus.CANCELLED, why=why, **facts)
        return recalled

    def run_ended(self, run: Run, status: RunStatus, *, why: str = "", **facts: Any) -> None:
        """Record the end of a run, and what it means for its experiment."""
        store = self._context.store
        with store.transaction():
            store.change_run(run.id, status, text=why, why=why, **facts)
            experiment = store.experiment(run.experiment)
            assert experiment is not None
            others = any(not r.status.is_final for r in store.runs_of(experiment.id))
            is_back = status in (RunStatus.LOST, RunStatus.CANCELLED)
            now = experiment.status
            if is_back and now is ExperimentStatus.RUNNING and not others:
                store.change_experiment(experiment.id, ExperimentStatus.QUEUED, text=why)
            elif not is_back and now is ExperimentStatus.QUEUED:
                store.change_experiment(experiment.id, ExperimentStatus.RUNNING)
        self._context.changed.set()


def rewrite_results(context: Context) -> None:
    """Write the table of results from the database."""
    judged = context.store.experiments((ExperimentStatus.JUDGED,))
    runs = {e.id: context.store.runs_of(e.id) for e in judged}
    write_results(context.paths.results, judged, runs)


def advance(context: Context, experiment: Experiment) -> None:
    """Move the branch of kept changes to `experiment`; does nothing when it is there already."""
    sd = context.store.study().noise_sd
    noise = f" (noise sd {sd:.6f})" if sd else ""
    assert experiment.commit is not None
    left = left_behind(context.store, experiment)
    context.workspace.advance(
        experiment.commit,
        id=experiment.id,
        title=experiment.title,
        hypothesis=experiment.hypothesis,
        result=f"{context.settings.study.metric} {experiment.value:.6f}{noise}",
        gain=f"{experiment.gain:.6f}" if experiment.gain is not None else "",
        without="; ".join(f"{e.id} {e.title}" for e in left),
    )
