"""What may be said of the best result before fresh repeats have certified it."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from autoresearch_tui.domain import Experiment, Judgement, Noise, Run, RunStatus
from autoresearch_tui.judge.noise import pooled_noise

CONFIDENCE = 0.95
"""Share of the studies in which nothing matters whose best stays within what is called luck."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The provisional gain of the best experiment over the baseline, in the metric's unit.

    `gain` is as measured, positive when better. `luck` is how much the best of `tried` experiments
    would seem better where nothing matters; None while the noise is not known.
    """

    gain: float
    tried: int
    luck: float | None

    @property
    def beyond_luck(self) -> float | None:
        """The gain shrunken for having been picked: at least this much is real, or None."""
        if self.luck is None or self.gain <= self.luck:
            return None
        return self.gain - self.luck

    @property
    def words(self) -> str:
        """The claim as a sentence."""
        measured = f"{self.gain:.6f} measured"
        if self.luck is None:
            return f"noise not known yet: {measured}, which may be luck"
        if self.beyond_luck is None:
            reach = f"luck alone reaches {self.luck:.6f} among {self.tried} tried"
            return f"no gain beyond luck: {measured}, {reach}"
        return (
            f"provisional, at least {self.beyond_luck:.6f} beyond luck "
            f"({CONFIDENCE:.0%}): {measured}, best of {self.tried} tried"
        )


@dataclass(frozen=True, slots=True)
class Leader:
    """The best on an accelerator type; what is claimed of it is None while it is the baseline."""

    accelerator: str
    best: Judgement
    baseline: Judgement | None
    claim: Claim | None


def verdict_rows(
    experiments: Iterable[Experiment], judgements: Iterable[Judgement], since: float = 0.0
) -> list[Judgement]:
    """The verdicts given since a time, in their order.

    Those from before they had rows of their own are made from experiments.
    """
    rows = list(judgements)
    told = {row.experiment for row in rows}
    rows += [
        Judgement(
            e.id,
            e.accelerator or "",
            e.verdict,
            e.runs_judged,
            e.value,
            e.gain,
            e.why,
            e.judged_at or 0.0,
            e.is_best,
            e.certified,
        )
        for e in experiments
        if e.verdict is not None and e.id not in told
    ]
    return sorted((r for r in rows if r.judged_at >= since), key=lambda row: row.judged_at)


def leaders(
    rows: Iterable[Judgement],
    baselines: Collection[str],
    results: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    minimize: bool,
) -> list[Leader]:
    """The best of each accelerator type, that with most verdicts first.

    `results` are as `measured` has them.
    """
    by_kind: defaultdict[str, list[Judgement]] = defaultdict(list)
    for row in rows:
        by_kind[row.accelerator].append(row)
    found: list[Leader] = []
    for kind in sorted(by_kind, key=lambda kind: -len(by_kind[kind])):
        here = [row for row in by_kind[kind] if row.value is not None]
        best = next((row for row in here if row.is_best), None)
        if best is not None:
            start = next((row for row in reversed(here) if row.experiment in baselines), None)
            tried = sum(row.experiment not in baselines for row in here)
            known = _claim(best, start, tried, results.get(kind, {}), minimize=minimize)
            found.append(Leader(kind, best, start, known))
    return found


def _claim(
    best: Judgement,
    baseline: Judgement | None,
    tried: int,
    results: Mapping[str, Sequence[float]],
    *,
    minimize: bool,
) -> Claim | None:
    if baseline is None or baseline.experiment == best.experiment:
        return None
    if baseline.value is None or best.value is None:
        return None
    gain = (baseline.value - best.value) * (1 if minimize else -1)
    repeats = max(len(results.get(baseline.experiment, ())), 1)
    return Claim(gain, tried, luck(pooled_noise(results.values()), tried, repeats))


def noise_by_kind(results: Mapping[str, Mapping[str, Sequence[float]]]) -> Mapping[str, Noise]:
    """The spread of repeats on each accelerator type; `results` are as `measured` has them."""
    return {kind: pooled_noise(found.values()) for kind, found in results.items()}


def measured(runs: Iterable[Run]) -> Mapping[str, Mapping[str, Sequence[float]]]:
    """Metrics by accelerator type and experiment."""
    found: defaultdict[str, dict[str, list[float]]] = defaultdict(dict)
    for run in runs:
        if run.status is RunStatus.SUCCEEDED and run.value is not None:
            found[run.accelerator or ""].setdefault(run.experiment, []).append(run.value)
    return found


def luck(noise: Noise, tried: int, baseline_runs: int) -> float | None:
    """How far the best of `tried` single results may lie from the baseline's mean by chance.

    The one-sided quantile of Dunnett (J. Am. Stat. Assoc. 50, 1955, 1096) for many treatments and
    one control, which counts that the noise itself is only an estimate. A result of several runs
    is treated as one of one run, since the first of them is what it was picked for.
    """
    if noise.sd is None or noise.freedom < 1:
        return None
    return noise.sd * dunnett_quantile(max(tried, 1), noise.freedom, baseline_runs)


@lru_cache(maxsize=4096)
def dunnett_quantile(tried: int, freedom: int, baseline_runs: int) -> float:
    """Luck in units of an sd estimated with `freedom` degrees, at `CONFIDENCE`."""
    steps = 240
    top = 12.0
    table = [_max_cdf(top * i / steps, tried, baseline_runs) for i in range(steps + 1)]

    def cdf(t: float) -> float:
        at = t / top * steps
        if at >= steps:
            return 1.0
        low = int(at)
        return table[low] + (at - low) * (table[low + 1] - table[low])

    scales, weights = _sd_distribution(freedom)
    low, high = 0.0, 1e6
    for _ in range(60):
        middle = (low + high) / 2
        covered = math.fsum(w * cdf(middle * s) for s, w in zip(scales, weights, strict=True))
        low, high = (middle, high) if covered < CONFIDENCE else (low, middle)
    return high


def _max_cdf(t: float, tried: int, baseline_runs: int) -> float:
    """Probability that the best of `tried` standard normals beats a mean by at most `t`."""
    spread, half = 1 / math.sqrt(baseline_runs), 24
    total = 0.0
    for i in range(-half, half + 1):
        z = 5.0 * i / half
        below = 0.5 * math.erfc(-(t + spread * z) / math.sqrt(2))
        total += math.exp(-z * z / 2) * below**tried
    return total * (5.0 / half) / math.sqrt(2 * math.pi)


def _sd_distribution(freedom: int) -> tuple[Sequence[float], Sequence[float]]:
    """Estimated over true sd, as values with their weights (a scaled chi distribution)."""
    reach, steps = 6 / math.sqrt(2 * freedom), 400
    low, high = max(1 - reach, 1e-4), 1 + reach
    scales = [low + (high - low) * (i + 0.5) / steps for i in range(steps)]
    logs = [(freedom - 1) * math.log(s) - freedom * s * s / 2 for s in scales]
    most = max(logs)
    weights = [math.exp(value - most) for value in logs]
    total = math.fsum(weights)
    return scales, [weight / total for weight in weights]
