"""The provisional track: keep what beats the incumbent of its accelerator type by a small margin.

Strict gates inside a parallel search cost most of its efficiency; what is claimed in the end is a
matter of certification by fresh runs, not of this verdict.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autoresearch_tui.domain import Noise, Verdict

IMPLAUSIBLE_SD = 20.0
"""Gain over the incumbent, in standard deviations, above which a result is not believed."""

SUSPECT_RUNS = 2
"""Runs of an implausible result before it is left to the operator."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its reason; `gain` is positive when better, in the metric's unit."""

    verdict: Verdict
    value: float | None
    gain: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What is judged and how strictly: `margin` is in standard deviations of the noise.

    With `is_believed` no result is too good, since the same files have been believed before.
    """

    metric: str
    minimize: bool
    margin: float
    is_believed: bool = False


@dataclass(frozen=True, slots=True)
class Incumbent:
    """What a result is compared to: an experiment and its metric on the same accelerator type."""

    id: str
    value: float


def crash(why: str) -> Decision:
    """The verdict on an experiment none of whose runs gave a metric."""
    return Decision(Verdict.CRASH, None, None, why)


def baseline(values: Sequence[float], rule: Rule) -> Decision:
    """The verdict on the unchanged files, which are the first incumbent."""
    value = math.fsum(values) / len(values)
    runs = f"{len(values)} runs" if len(values) > 1 else "1 run"
    return Decision(Verdict.KEEP, value, None, f"baseline: {rule.metric} {value:.6f} over {runs}")


def decide(
    values: Sequence[float],
    incumbent: Incumbent,
    noise: Noise,
    rule: Rule,
    lines: tuple[int, int],
) -> Decision:
    """Judge the results of an experiment against the incumbent on the same accelerator type.

    `lines` are those added and removed against the parent; they are part of the verdict's words,
    for a gain bought with much code is worth less.
    """
    value = math.fsum(values) / len(values)
    gain = (incumbent.value - value) * (1 if rule.minimize else -1)
    if not rule.is_believed and (doubt := suspicion(values, incumbent, noise, rule)):
        return Decision(Verdict.INCONCLUSIVE, value, gain, doubt)
    margin = rule.margin * (noise.sd or 0.0)
    words = (
        f"{rule.metric} {value:.6f} is {_difference(gain, noise)} than "
        f"{incumbent.id} ({incumbent.value:.6f}); lines +{lines[0]} \u2212{lines[1]}"
    )
    if gain > margin:
        return Decision(Verdict.KEEP, value, gain, words)
    if gain > 0:
        words += f"; within the margin of {rule.margin:g} sd"
    return Decision(Verdict.DISCARD, value, gain, words)


def suspicion(values: Sequence[float], incumbent: Incumbent, noise: Noise, rule: Rule) -> str:
    """Why a result is too good to be believed without somebody's look; empty when it is not.

    A run computes its own metric, so a change that breaks the measurement looks like a great one.
    """
    for value in values:
        gain = (incumbent.value - value) * (1 if rule.minimize else -1)
        if rule.minimize and value <= 0 < incumbent.value:
            doubt = "is not positive"
        elif rule.minimize and 0 < value < incumbent.value / 2:
            doubt = f"is less than half of {incumbent.id}'s {incumbent.value:.6f}"
        elif noise.sd and gain > IMPLAUSIBLE_SD * noise.sd:
            doubt = f"is {gain / noise.sd:.0f} sd better than {incumbent.id}"
        else:
            continue
        told = ", ".join(f"{v:.6f}" for v in values)
        return (
            f"too good to be believed: {rule.metric} {value:.6f} {doubt} (runs: {told}); "
            f"look at its diff and log, then `accept` it, or leave it"
        )
    return ""


def _difference(gain: float, noise: Noise) -> str:
    sd = f" ({abs(gain) / noise.sd:.1f} sd)" if noise.sd else ""
    return f"{abs(gain):.6f}{sd} {'better' if gain > 0 else 'worse'}"
