"""Decides which experiment runs next on which cluster: a function of values."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """An experiment that wants `runs` more runs, on any accelerator type or on one."""

    experiment: str
    runs: int
    accelerator: str | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """A cluster that runs or queues `load` runs and takes up to `limit`."""

    cluster: str
    accelerator: str
    load: int
    limit: int


def assign(needs: Sequence[Need], rooms: Sequence[Room]) -> list[tuple[str, str]]:
    """Pairs of experiment and cluster, in the order of submission.

    The most urgent need comes first in `needs`; each run goes to the least loaded cluster that
    fits, so that nothing waits behind a run while another cluster is idle.
    """
    load = {room.cluster: room.load for room in rooms}
    pairs: list[tuple[str, str]] = []
    for need in needs:
        fitting = [r for r in rooms if need.accelerator in (None, r.accelerator)]
        for _ in range(need.runs):
            free = [r for r in fitting if load[r.cluster] < r.limit]
            if not free:
                break
            best = min(free, key=lambda r: (load[r.cluster], r.cluster))
            load[best.cluster] += 1
            pairs.append((need.experiment, best.cluster))
    return pairs
