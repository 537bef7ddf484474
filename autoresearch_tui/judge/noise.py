"""How much the metric of one configuration spreads by itself."""

import math
from collections.abc import Iterable, Sequence

from autoresearch_tui.domain import Noise


def pooled_noise(repeats: Iterable[Sequence[float]]) -> Noise:
    """Pool the within-configuration variance of repeats, one sequence a configuration.

    Configurations with a single result say nothing of the spread and are left out.
    """
    squares, freedom, count = 0.0, 0, 0
    for values in repeats:
        if len(values) < 2:
            continue
        mean = math.fsum(values) / len(values)
        squares += math.fsum((value - mean) ** 2 for value in values)
        freedom += len(values) - 1
        count += len(values)
    return Noise(math.sqrt(squares / freedom) if freedom else None, count, freedom)
