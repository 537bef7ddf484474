"""How busy the clusters were, from the times of their runs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from autoresearch_tui.domain import Run


@dataclass(frozen=True, slots=True)
class Utilisation:
    """Idle time between the first start and the last end of each cluster's runs; seconds."""

    busy: float
    idle: float
    longest_gap: float

    @property
    def idle_percent(self) -> float:
        """Share of the time in which a cluster ran nothing, in percent."""
        whole = self.busy + self.idle
        return 100 * self.idle / whole if whole else 0.0


def utilisation(runs: Sequence[Run], now: float) -> Utilisation:
    """The utilisation of all clusters together; a run that has not ended is busy until `now`."""
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for run in runs:
        if run.cluster is not None and run.started_at is not None:
            spans[run.cluster].append((run.started_at, run.ended_at or now))
    busy = idle = longest = 0.0
    for found in spans.values():
        found.sort()
        reached = found[0][0]
        for start, end in found:
            gap = max(start - reached, 0.0)
            idle += gap
            longest = max(longest, gap)
            busy += max(end - max(start, reached), 0.0)
            reached = max(reached, end)
    return Utilisation(busy, idle, longest)
