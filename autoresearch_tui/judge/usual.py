"""The range in which results are worth looking at."""

import statistics
from collections.abc import Iterable


def usual_range(values: Iterable[float], *, minimize: bool) -> tuple[float, float]:
    """Lowest and highest that show every good value, and bad ones only as far as they are usual.

    The bad end stands 1.5 interquartile ranges beyond the worse quartile (Tukey's fence).
    """
    found = sorted(values if minimize else (-value for value in values))
    best, worst = found[0], found[-1]
    if len(found) >= 4:
        lower, _, upper = statistics.quantiles(found, n=4)
        worst = min(worst, upper + 1.5 * (upper - lower))
    margin = (worst - best) * 0.06 or abs(best) * 0.001 or 0.001
    low, high = best - margin, worst + margin
    return (low, high) if minimize else (-high, -low)
