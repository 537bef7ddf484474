"""What an operator needs to decide on a proposal, in lines; a function of a picture's values."""

import statistics

from autoresearch_tui.code.likeness import most_alike
from autoresearch_tui.domain import ClusterStatus, Experiment, ExperimentStatus, RunStatus
from autoresearch_tui.spoken import count, duration
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.words import mark

Lines = list[tuple[str, str]]

_MOST_ALIKE = 3


def card(view: View, experiment: Experiment, now: float) -> Lines:
    """Countdown, place in the queue, cost, and what has been tried that is like it."""
    if experiment.status not in (ExperimentStatus.PROPOSED, ExperimentStatus.QUEUED):
        return []
    return [*_place(view, experiment, now), *_cost(view, experiment), *_alike(view, experiment)]


def _place(view: View, experiment: Experiment, now: float) -> Lines:
    queued = [e for e in view.experiments if e.status is ExperimentStatus.QUEUED]
    before = sum(
        (-e.priority, e.number) < (-experiment.priority, experiment.number)
        for e in queued
        if e.id != experiment.id
    )
    where = f"behind {before} of {len(queued)} queued"
    if experiment.priority:
        where += f", priority {experiment.priority}"
    if experiment.status is ExperimentStatus.QUEUED:
        return [(where, "$quiet")]
    if experiment.approve_at is None:
        return [("waits for approval", "$accent"), (f"then {where}", "$quiet")]
    left = duration(experiment.approve_at - now)
    return [(f"goes ahead in {left} unless it is vetoed", "$accent"), (f"then {where}", "$quiet")]


def _cost(view: View, experiment: Experiment) -> Lines:
    """By what runs usually take, on the clusters that it may run on."""
    took = [
        run.seconds
        for run in view.runs.values()
        if run.status is RunStatus.SUCCEEDED and run.seconds is not None
    ]
    if not took:
        return []
    usual = statistics.median(took)
    prices = [
        c.price
        for c in view.clusters
        if c.status is ClusterStatus.UP and experiment.pinned in (None, c.accelerator)
    ]
    seconds = usual * experiment.runs_wanted
    words = f"costs about {duration(seconds)} on a cluster"
    if price := statistics.median(prices) if prices else 0.0:
        words += f", ${seconds * price / 3600:.2f}"
    where = f", {experiment.pinned} only" if experiment.pinned else ""
    return [(f"{words}, for {count(experiment.runs_wanted, 'run')}{where}", "$quiet")]


def _alike(view: View, experiment: Experiment) -> Lines:
    others = [e for e in view.experiments if e.id != experiment.id and not e.status.is_live]
    found = most_alike(experiment.edits, others, _MOST_ALIKE)
    if not found:
        return [("nothing like it has been tried", "$quiet")]
    lines: Lines = [("like it were:", "$quiet")]
    for share, each in found:
        sign = mark(each)
        value = "" if each.value is None else f" {each.value:.4f}"
        gain = "" if each.gain is None else f" ({each.gain:+.4f})"
        text = f"  {share:.0%} {each.id} {sign.sign} {sign.word}{value}{gain}  {each.title}"
        lines.append((text, sign.style))
    return lines
