"""The provisional track: keep what beats the incumbent of its accelerator type by a small margin.

Strict gates inside a parallel search cost most of its efficiency; what is claimed in the end is a
matter of certification by fresh runs, not of this verdict.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autoresearch_tui.domain import Experiment, Noise, Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its reason; `gain` is positive when better, in the metric's unit."""

    verdict: Verdict
    value: float | None
    gain: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What is judged and how strictly: `margin` is in standard deviations of the noise."""

    metric: str
    minimize: bool
    margin: float


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
    incumbent: Experiment,
    noise: Noise,
    rule: Rule,
    lines: tuple[int, int],
) -> Decision:
    """Judge the results of an experiment against the incumbent on the same accelerator type.

    `lines` are those added and removed against the parent; they are part of the verdict's words,
    for a gain bought with much code is worth less.
    """
    assert incumbent.value is not None
    value = math.fsum(values) / len(values)
    gain = (incumbent.value - value) * (1 if rule.minimize else -1)
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


def _difference(gain: float, noise: Noise) -> str:
    sd = f" ({abs(gain) / noise.sd:.1f} sd)" if noise.sd else ""
    return f"{abs(gain):.6f}{sd} {'better' if gain > 0 else 'worse'}"
