"""How far two measured means lie apart, in the metric and in standard errors."""

import math
from dataclasses import dataclass

from autoresearch_tui.domain import Noise

WITHIN = 2.0
"""Standard errors up to which a difference is called noise."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better the second is than the first, in the metric's unit; negative is worse.

    `z` is that in standard errors, None while the noise is not known.
    """

    gain: float
    z: float | None

    @property
    def is_within_noise(self) -> bool:
        """Whether it may be chance alone."""
        return self.z is None or abs(self.z) < WITHIN

    @property
    def words(self) -> str:
        """Such as `0.001000 worse, 1.0 standard errors: within the noise`."""
        words = f"{abs(self.gain):.6f} {'better' if self.gain > 0 else 'worse'}"
        if self.z is None:
            return f"{words}; the noise is not known yet"
        beyond = "within the noise" if self.is_within_noise else "more than the noise explains"
        return f"{words}, {abs(self.z):.1f} standard errors: {beyond}"


def difference(
    first: float, second: float, runs: tuple[int, int], noise: Noise, *, minimize: bool
) -> Difference:
    """Compare two means of so many `runs` each, with the noise of one run."""
    gain = (first - second) * (1 if minimize else -1)
    if not noise.sd:
        return Difference(gain, None)
    n, m = (max(each, 1) for each in runs)
    return Difference(gain, gain / (noise.sd * math.sqrt(1 / n + 1 / m)))
