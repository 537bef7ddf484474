"""How busy the clusters were, from the times of their runs; a function of values."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autoresearch_tui.domain import Run

Span = tuple[float, float]
"""Begin and end in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds, summed over clusters: busy with runs, and idle while an engine lived."""

    busy: float
    idle: float
    longest_gap: float

    @property
    def idle_percent(self) -> float:
        """Share of the time in which a cluster ran nothing, in percent."""
        whole = self.busy + self.idle
        return 100 * self.idle / whole if whole else 0.0

    @property
    def busy_share(self) -> float | None:
        """Share of the time in which clusters ran something, 0 to 1."""
        whole = self.busy + self.idle
        return self.busy / whole if whole else None


def usage(
    runs: Iterable[Run],
    lives: Sequence[Span],
    now: float,
    *,
    since: float = 0.0,
    cluster: str | None = None,
) -> Usage:
    """The use of all clusters, or of one, from each one's first run on, not before `since`.

    A run that has not ended is busy until `now`. Time in which no engine lived, `lives` has it, is
    neither busy nor idle: nobody could have used it.
    """
    spans: dict[str, list[Span]] = defaultdict(list)
    for run in runs:
        if run.cluster is None or run.started_at is None or cluster not in (None, run.cluster):
            continue
        spans[run.cluster].append((run.started_at, run.ended_at or now))
    until = max((end for _, end in lives), default=now)
    busy = idle = longest = 0.0
    for found in spans.values():
        found.sort()
        reached = max(found[0][0], since)
        for start, end in [*found, (until, until)]:
            gap = _within(reached, start, lives)
            idle += gap
            longest = max(longest, gap if start < until else 0.0)
            busy += max(end - max(start, reached), 0.0)
            reached = max(reached, end)
    return Usage(busy, idle, longest)


def _within(begin: float, end: float, lives: Sequence[Span]) -> float:
    """Seconds between two times in which an engine lived."""
    return sum(max(min(end, stop) - max(begin, start), 0.0) for start, stop in lives)
