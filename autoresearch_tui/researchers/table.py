"""Experiments as lines of a table that a model reads: short, and the most telling ones."""

from collections.abc import Sequence

from autoresearch_tui.domain import Experiment, ExperimentStatus, Verdict

HEAD = "id | parent | by | outcome | value | gain | runs | on | title"


def line(experiment: Experiment) -> str:
    """One experiment."""
    value = "" if experiment.value is None else f"{experiment.value:.6f}"
    gain = "" if experiment.gain is None else f"{experiment.gain:+.6f}"
    outcome = str(experiment.verdict or experiment.status)
    if experiment.certified:
        outcome += ", certified"
    if experiment.is_best:
        outcome += ", best"
    parts = (
        experiment.id,
        experiment.parent or "–",
        experiment.origin,
        outcome,
        value,
        gain,
        str(experiment.runs_judged or ""),
        experiment.accelerator or "",
        experiment.title[:100],
    )
    words = " | ".join(parts)
    is_told = experiment.verdict is Verdict.CRASH or experiment.status.is_final
    return f"{words} ({experiment.why[:160]})" if is_told and experiment.why else words


def telling(found: Sequence[Experiment], room: int, *, minimize: bool) -> list[Experiment]:
    """The `room` experiments that say the most, in their order.

    What was kept, what is under way, the newest, the best and the worst, crashes among the newest;
    then the rest from the newest on.
    """
    judged = [each for each in found if each.value is not None]
    ranked = sorted(judged, key=lambda e: e.value or 0.0, reverse=not minimize)
    first = [each for each in found if each.verdict is Verdict.KEEP or each.is_baseline]
    live = [each for each in found if each.status.is_live]
    order = [*first[-40:], *live, *found[-15:], *ranked[:25], *ranked[-5:], *reversed(found)]
    chosen = dict.fromkeys(each.id for each in order)
    kept = set(list(chosen)[:room])
    return [each for each in found if each.id in kept]


def counts(found: Sequence[Experiment]) -> str:
    """How many there are of each outcome, in a line."""
    verdicts = [str(each.verdict or each.status) for each in found]
    named = dict.fromkeys([*map(str, Verdict), *map(str, ExperimentStatus)])
    return ", ".join(f"{verdicts.count(name)} {name}" for name in named if name in verdicts)
