"""Verdicts: given once the runs of an experiment have ended, on one accelerator type each."""

import math
from collections.abc import Sequence
from dataclasses import replace

from autoresearch_tui.domain import (
    AGAIN,
    ClusterStatus,
    Experiment,
    ExperimentStatus,
    Judgement,
    Run,
    RunStatus,
    Verdict,
)
from autoresearch_tui.errors import ControlError
from autoresearch_tui.judge import verdict as judge
from autoresearch_tui.lifecycle.events import Accepted, RunsWanted
from autoresearch_tui.lifecycle.moving import plan_moves
from autoresearch_tui.lifecycle.state import Draft, baseline_crashes, is_over
from autoresearch_tui.lifecycle.trust import set_aside
from autoresearch_tui.outbox import Do, Instruction

_MEASURED = (Verdict.KEEP, Verdict.DISCARD)


def judge_ready(draft: Draft) -> None:
    """Judge whatever can be, one after the other: each verdict may move the incumbent."""
    while True:
        ready = [
            (experiment, accelerator)
            for experiment in draft.experiments.values()
            if (accelerator := _ready_on(draft, experiment)) is not None
        ]
        if not ready:
            return
        experiment, accelerator = min(
            ready, key=lambda each: (not each[0].is_baseline, _ended_at(draft, each[0]))
        )
        _judge(draft, experiment, accelerator)


def derive(draft: Draft) -> None:
    """Let the status of an experiment follow from its runs and verdicts."""
    for experiment in list(draft.experiments.values()):
        status = _status(draft, experiment)
        if status is not experiment.status:
            draft.put_experiment(replace(experiment, status=status), _words(draft, experiment))


def is_due(draft: Draft) -> bool:
    """Whether a verdict is still to come of what has ended."""
    return any(_ready_on(draft, each) is not None for each in draft.experiments.values())


def runs_wanted(draft: Draft, event: RunsWanted) -> None:
    """Have an experiment measured more often."""
    found = draft.experiments.get(event.experiment)
    if found is not None and event.runs > found.runs_wanted and not found.status.is_final:
        draft.put_experiment(replace(found, runs_wanted=event.runs), event.why)


def accepted(draft: Draft, event: Accepted) -> None:
    """Keep an experiment whose result was too good to be believed."""
    experiment = draft.experiments.get(event.experiment)
    if experiment is None:
        raise ControlError(
            f"{event.experiment}: only an inconclusive experiment is accepted; it has ended"
        )
    if experiment.status.is_final:
        raise ControlError(f"{event.experiment}: cannot be accepted; it is {experiment.status}")
    incumbent = draft.incumbent(experiment.accelerator)
    if experiment.verdict is not Verdict.INCONCLUSIVE or incumbent is None:
        found = experiment.verdict or experiment.status
        raise ControlError(
            f"{event.experiment}: only an inconclusive experiment is accepted; it is {found}"
        )
    why = f"accepted by {event.actor}, though {experiment.why.split('; look')[0]}"
    judgement = Judgement(
        experiment.id,
        incumbent.accelerator or "",
        Verdict.KEEP,
        experiment.runs_judged,
        experiment.value,
        experiment.gain,
        why,
        draft.now,
        is_best=(experiment.gain or 0.0) > 0 and _is_better(draft, experiment, incumbent),
    )
    _write(draft, experiment, judgement, event.actor)


def _is_better(draft: Draft, experiment: Experiment, incumbent: Experiment) -> bool:
    if experiment.value is None or incumbent.value is None:
        return False
    return (experiment.value < incumbent.value) == draft.settings.study.minimize


def _ready_on(draft: Draft, experiment: Experiment) -> str | None:
    """The accelerator type on which an experiment can be judged now, if there is one."""
    if experiment.status.is_final or experiment.status is ExperimentStatus.PROPOSED:
        return None
    runs = draft.runs_of(experiment.id)
    for accelerator in dict.fromkeys(run.accelerator for run in runs if run.accelerator):
        counted = [run for run in runs if run.counts and run.accelerator == accelerator]
        known = draft.judgements.get((experiment.id, accelerator))
        if experiment.verdict is None:
            known = None
        if len(counted) < experiment.runs_wanted or len(counted) <= (known.runs if known else 0):
            continue
        is_complete = all(run.status.is_final for run in counted)
        # Nothing can be said of a change before its starting point is known.
        is_comparable = experiment.is_baseline or draft.incumbent(accelerator) is not None
        if is_complete and is_comparable:
            return accelerator
    return None


def _ended_at(draft: Draft, experiment: Experiment) -> float:
    return max((run.ended_at or 0.0 for run in draft.runs_of(experiment.id)), default=0.0)


def _judge(draft: Draft, experiment: Experiment, accelerator: str) -> None:
    runs = [r for r in draft.runs_of(experiment.id) if r.counts and r.accelerator == accelerator]
    values = [run.value for run in runs if run.value is not None]
    if len(values) > 1:
        draft.repeats[accelerator, experiment.id] = tuple(values)
    known = draft.judgements.get((experiment.id, accelerator))
    if known is not None and known.verdict in _MEASURED:
        _measure_again(draft, experiment, known, values, len(runs))
        return
    decision = _decide(draft, experiment, accelerator, runs)
    if decision.verdict is Verdict.INCONCLUSIVE and len(runs) < judge.SUSPECT_RUNS:
        wanted = replace(experiment, runs_wanted=experiment.runs_wanted + 1)
        draft.put_experiment(wanted, f"runs again: {decision.why}")
        return
    _count_crashes(draft, decision.verdict)
    judgement = Judgement(
        experiment.id,
        accelerator,
        decision.verdict,
        len(runs),
        decision.value,
        decision.gain,
        decision.why,
        draft.now,
        is_best=decision.verdict is Verdict.KEEP,
    )
    if known is None and experiment.verdict is None:
        draft.judged += 1
    _write(draft, experiment, judgement)
    if experiment.is_baseline and decision.verdict is Verdict.CRASH:
        _give_up_without(draft, experiment, decision.why)


def _give_up_without(draft: Draft, baseline: Experiment, why: str) -> None:
    """End an engine that has nothing to compare to, on no accelerator type that is up."""
    kinds = {c.accelerator for c in draft.clusters.values() if c.status is ClusterStatus.UP}
    are_judged = all((baseline.id, kind) in draft.judgements for kind in kinds)
    if are_judged and not any(draft.incumbent(kind) for kind in kinds):
        draft.give_up(f"the baseline failed: {why}")


def close_off(draft: Draft) -> None:
    """Use no accelerator type where the unchanged files crash: nothing can be compared there."""
    for accelerator in baseline_crashes(draft):
        text = f"the baseline crashes on {accelerator}"
        for cluster in list(draft.clusters.values()):
            if cluster.accelerator == accelerator and not cluster.suspected:
                draft.clusters[cluster.name] = replace(cluster, suspected=text)
                draft.record("cluster.suspected", text, subject=cluster.name)
        for each in list(draft.experiments.values()):
            runs = [run for run in draft.runs_of(each.id) if run.counts]
            bound = {each.pinned, *(run.accelerator for run in runs)}
            if accelerator in bound and not each.is_baseline and not is_over(draft, each):
                set_aside(draft, each, text)


def _decide(
    draft: Draft, experiment: Experiment, accelerator: str, runs: Sequence[Run]
) -> judge.Decision:
    study = draft.settings.study
    margin, is_believed = draft.settings.judge.keep_margin_sd, experiment.origin == AGAIN
    rule = judge.Rule(study.metric, study.minimize, margin, is_believed)
    values = [run.value for run in runs if run.value is not None]
    if not values:
        return judge.crash(next((run.why for run in runs if run.why), "no run succeeded"))
    incumbent = draft.incumbent(accelerator)
    against = draft.judgements.get((incumbent.id, accelerator)) if incumbent else None
    if incumbent is None or against is None or against.value is None:
        return judge.baseline(values, rule)
    lines = experiment.lines_added, experiment.lines_removed
    best = judge.Incumbent(incumbent.id, against.value)
    return judge.decide(values, best, draft.noise(accelerator), rule, lines)


def _count_crashes(draft: Draft, verdict: Verdict) -> None:
    draft.remember(crashes=draft.memory.crashes + 1 if verdict is Verdict.CRASH else 0)


def _measure_again(
    draft: Draft, experiment: Experiment, known: Judgement, values: Sequence[float], runs: int
) -> None:
    """Take the mean over all runs; what was kept for fewer of them stays kept."""
    value = math.fsum(values) / len(values) if values else known.value
    draft.judgements[experiment.id, known.accelerator] = replace(known, value=value, runs=runs)
    if experiment.accelerator == known.accelerator:
        metric = draft.settings.study.metric
        why = f"{metric} {value:.6f} over {len(values)} runs, {experiment.value:.6f} before"
        again = replace(experiment, value=value, runs_judged=runs)
        draft.put_experiment(again, f"measured again: {why}")
    _spread(draft, known.accelerator)
    draft.order(Instruction(Do.PUBLISH, experiment.id, text="again"))


def _write(
    draft: Draft, experiment: Experiment, judgement: Judgement, actor: str = "engine"
) -> None:
    """Put a verdict on record with all that follows from it."""
    accelerator = judgement.accelerator
    previous = draft.incumbent(accelerator)
    if judgement.is_best and previous is not None and previous.id != experiment.id:
        _dethrone(draft, previous, accelerator)
    draft.judgements[experiment.id, accelerator] = judgement
    if judgement.is_best:
        draft.incumbents[accelerator] = experiment.id
    # One accelerator type is enough for a reader: the first one that it was judged on.
    if experiment.accelerator in (None, accelerator):
        experiment = replace(
            experiment,
            verdict=judgement.verdict,
            value=judgement.value,
            gain=judgement.gain,
            accelerator=accelerator,
            why=judgement.why,
            judged_at=judgement.judged_at,
            runs_judged=judgement.runs,
            is_best=judgement.is_best,
        )
    is_new = experiment.status is not ExperimentStatus.JUDGED
    text = f"{judgement.verdict}: {judgement.why}"
    draft.put_experiment(experiment, "" if is_new else text, actor=actor)
    _spread(draft, accelerator)
    draft.order(Instruction(Do.PUBLISH, experiment.id))
    if judgement.is_best and not experiment.is_baseline:
        plan_moves(draft, experiment, accelerator)
        draft.order(Instruction(Do.COMBINE, experiment.id))


def _dethrone(draft: Draft, previous: Experiment, accelerator: str) -> None:
    old = draft.judgements.get((previous.id, accelerator))
    if old is not None:
        draft.judgements[previous.id, accelerator] = replace(old, is_best=False)
    if previous.accelerator == accelerator:
        draft.put_experiment(replace(previous, is_best=False))


def _spread(draft: Draft, accelerator: str) -> None:
    if accelerator == draft.leading:
        draft.put_study(noise_sd=draft.noise(accelerator).sd)


def _status(draft: Draft, experiment: Experiment) -> ExperimentStatus:
    if experiment.status.is_final or experiment.status is ExperimentStatus.PROPOSED:
        return experiment.status
    runs = [run for run in draft.runs_of(experiment.id) if run.counts]
    is_judged = experiment.verdict is not None and experiment.runs_judged >= experiment.runs_wanted
    if is_judged and all(run.status.is_final for run in runs):
        return ExperimentStatus.JUDGED
    if experiment.verdict is not None or any(
        run.status is RunStatus.RUNNING or run.status.is_final for run in runs
    ):
        return ExperimentStatus.RUNNING
    return ExperimentStatus.QUEUED


def _words(draft: Draft, experiment: Experiment) -> str:
    """What the record says of a status that has followed."""
    if experiment.verdict is not None and experiment.runs_judged >= experiment.runs_wanted:
        return f"{experiment.verdict}: {experiment.why}"
    runs = draft.runs_of(experiment.id)
    places = [run.cluster for run in runs if run.cluster and run.status is RunStatus.RUNNING]
    return f"on {', '.join(places)}" if places else ""
