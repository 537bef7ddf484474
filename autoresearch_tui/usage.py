"""How busy the clusters were, from the times of their runs; a function of values."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from itertools import accumulate

from autoresearch_tui.domain import Cluster, ClusterStatus, Run

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


def spent(runs: Iterable[Run], times: Sequence[float], *, dollars: bool = False) -> list[float]:
    """What all runs had taken that had ended by each of `times`: hours of clusters, or dollars."""
    ended = sorted(
        (run.ended_at, run.cost if dollars else run.seconds / 3600)
        for run in runs
        if run.ended_at is not None and run.seconds is not None
    )
    sums = list(accumulate((amount for _, amount in ended), initial=0.0))
    ends = [end for end, _ in ended]
    return [sums[bisect_right(ends, time)] for time in times]


@dataclass(frozen=True, slots=True)
class Split:
    """What the seconds of a cluster went to, or of several added up.

    `training` is what runs say of it themselves, and `startup` the rest of their time. A `gap` lies
    between a run and the next that waited behind it already; `paused` and `idle` are other times
    without a run, `idle` for want of one that was queued. `provisioning` came before its first use.
    """

    training: float = 0.0
    startup: float = 0.0
    gap: float = 0.0
    paused: float = 0.0
    idle: float = 0.0
    provisioning: float = 0.0

    def __add__(self, other: "Split") -> "Split":
        return Split(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def words(self) -> str:
        """In percent of the time since the clusters were up, the parts that there are."""
        parts = {
            "training": self.training,
            "start-up": self.startup,
            "gaps": self.gap,
            "nothing queued": self.idle,
            "paused": self.paused,
        }
        whole = sum(parts.values())
        told = [f"{name} {100 * part / whole:.1f} %" for name, part in parts.items() if part > 0]
        if self.provisioning >= 1:
            told.append(f"{self.provisioning / 3600:.2f} h of provisioning before")
        return ", ".join(told)


def split(
    cluster: Cluster,
    runs: Iterable[Run],
    lives: Sequence[Span],
    pauses: Sequence[Span],
    now: float,
) -> Split:
    """What the time of one cluster went to, since it was up and as far as an engine lived."""
    begin = cluster.up_at
    if begin is None:
        is_coming = cluster.status in (ClusterStatus.PROVISIONING, ClusterStatus.SETTING_UP)
        return Split(provisioning=now - cluster.created_at if is_coming else 0.0)
    end = max((stop for _, stop in lives), default=now)
    if cluster.status not in (ClusterStatus.UP, ClusterStatus.DRAINING):
        end = min(end, cluster.updated_at)
    mine = sorted(
        (run for run in runs if run.cluster == cluster.name and run.started_at is not None),
        key=lambda run: run.started_at or 0.0,
    )
    found = Split(provisioning=max(begin - cluster.created_at, 0.0))
    reached = begin
    for run in mine:
        start, stop = run.started_at or 0.0, run.ended_at or now
        queued = min(max(run.submitted_at or start, reached), max(start, reached))
        found += _without_run(reached, queued, lives, pauses)
        if reached > begin:
            found += Split(gap=_within(queued, start, lives))
        else:
            # Nothing ran before it: what it waited for was its own way there.
            found += Split(idle=_within(queued, start, lives))
        found += _run(run, max(stop - max(start, reached), 0.0))
        reached = max(reached, stop)
    return found + _without_run(reached, end, lives, pauses)


def _run(run: Run, seconds: float) -> Split:
    said = run.metrics.get("training_seconds")
    if not isinstance(said, int | float):
        return Split(training=seconds)
    training = min(max(float(said), 0.0), seconds)
    return Split(training=training, startup=seconds - training)


def _without_run(begin: float, end: float, lives: Sequence[Span], pauses: Sequence[Span]) -> Split:
    whole = _within(begin, end, lives)
    paused = min(_within(begin, end, pauses), whole)
    return Split(paused=paused, idle=whole - paused)
