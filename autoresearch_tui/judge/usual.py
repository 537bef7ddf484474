"""The range in which results are worth looking at."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def usual_range(
    values: Sequence[float] | NDArray[np.float64], *, minimize: bool
) -> tuple[float, float]:
    """Lowest and highest that show every good value, and bad ones only as far as they are usual.

    The bad end stands 1.5 interquartile ranges beyond the worse quartile (Tukey's fence).
    """
    found = np.array(values, np.float64) * (1 if minimize else -1)
    best, worst = float(found.min()), float(found.max())
    if len(found) >= 4:
        lower, upper = map(float, np.quantile(found, (0.25, 0.75), method="weibull"))
        worst = min(worst, upper + 1.5 * (upper - lower))
    margin = (worst - best) * 0.06 or abs(best) * 0.001 or 0.001
    low, high = best - margin, worst + margin
    return (low, high) if minimize else (-high, -low)
