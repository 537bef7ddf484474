"""How long a study's jobs take, by what its clusters say."""

import statistics
from collections.abc import Sequence

from autoresearch_tui.backends.skypilot.rows import Row, seconds_of

SHORT_SECONDS = 120.0
"""Below which the seconds that SkyPilot needs between two jobs are worth saving."""

_FEWEST = 3

_NEWEST = 20


class Pace:
    """How long the newest of a study's jobs that went well have taken."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def take(self, rows: Sequence[Row]) -> None:
        """Take note of the jobs of a cluster, which are in the order of their submission."""
        for row in rows[-_NEWEST:]:
            if row.key not in self._seconds and (seconds := seconds_of(row)) is not None:
                self._seconds[row.key] = seconds

    @property
    def is_short(self) -> bool:
        """Whether most jobs take less than two minutes; not before some have ended."""
        newest = list(self._seconds.values())[-_NEWEST:]
        return len(newest) >= _FEWEST and statistics.median(newest) < SHORT_SECONDS
