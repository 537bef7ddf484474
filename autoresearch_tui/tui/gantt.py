"""The time of a cluster as a strip of cells: what ran, how it ended, when nothing did. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from textual.content import Content

from autoresearch_tui.domain import Blame, Cluster, ClusterStatus, Experiment, Run, RunStatus
from autoresearch_tui.tui.words import Mark, mark
from autoresearch_tui.usage import Span

RUNS = Mark("━", "runs", "$primary")
IDLE = Mark("╌", "idle", "$warning")
PAUSED = Mark("=", "paused", "$quiet")
COMES = Mark("░", "comes up", "$warning")
LOST = Mark("▲", "lost", "$warning")
CANCELLED = Mark("⊘", "cancelled", "$quiet")
_NOTHING = Mark(" ", "", "")

LEGEND = (RUNS, IDLE, COMES, PAUSED, LOST)
"""What a strip shows beside the signs of verdicts."""

_RANKS = "·⊘~✓★▲×"
"""Ends by how much they matter; of those in one cell the last is shown."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, in Unix seconds, cut into equal cells."""

    begin: float
    end: float
    cells: int

    @property
    def step(self) -> float:
        """Seconds in a cell."""
        return max(self.end - self.begin, 1e-9) / self.cells

    def cell(self, time: float) -> int:
        """The cell that a time within lies in."""
        return min(max(int((time - self.begin) / self.step), 0), self.cells - 1)

    def shares(self, spans: Iterable[Span]) -> list[float]:
        """The share of each cell that spans cover, 0 to 1."""
        found = [0.0] * self.cells
        for begin, end in spans:
            if end <= self.begin or begin >= self.end:
                continue
            for at in range(self.cell(begin), self.cell(end) + 1):
                left = self.begin + at * self.step
                found[at] += max(min(end, left + self.step) - max(begin, left), 0.0) / self.step
        return found


def how_it_ended(run: Run, experiment: Experiment | None) -> Mark:
    """The sign of a run's end: its experiment's verdict, unless the run itself came to grief."""
    if run.status is RunStatus.LOST or run.blame is Blame.CLUSTER:
        return LOST
    if run.status is RunStatus.CANCELLED:
        return CANCELLED
    if run.status in (RunStatus.FAILED, RunStatus.TIMED_OUT):
        return Mark("×", "crash", "$error")
    found = mark(experiment) if experiment is not None else CANCELLED
    return found if found.sign in _RANKS else Mark("·", "ended", "$quiet")


def strip(
    cluster: Cluster,
    runs: Sequence[Run],
    ended: Callable[[Run], Mark],
    window: Window,
    lives: Sequence[Span],
    pauses: Sequence[Span],
) -> Content:
    """One cell's sign after the other: ends of runs, else what most of the cell was.

    `runs` are those of the cluster, `lives` when an engine lived, `pauses` when it was paused.
    """
    begun = [run for run in runs if run.started_at is not None]
    ends = _ends(begun, ended, window)
    busy = window.shares((run.started_at or 0.0, run.ended_at or window.end) for run in begun)
    there = window.shares([_there(cluster, window)])
    coming = window.shares([_coming(cluster, window)])
    lived, paused = window.shares(lives), window.shares(pauses)

    def cell(at: int) -> Mark:
        if at in ends:
            return ends[at]
        if busy[at] >= 0.5:
            return RUNS
        if coming[at] >= 0.5:
            return COMES
        if there[at] < 0.5 or lived[at] < 0.5:
            return _NOTHING
        return PAUSED if paused[at] >= 0.5 else IDLE

    return _joined([cell(at) for at in range(window.cells)])


def _ends(runs: Iterable[Run], ended: Callable[[Run], Mark], window: Window) -> dict[int, Mark]:
    found: dict[int, Mark] = {}
    for run in runs:
        if run.ended_at is None or not window.begin <= run.ended_at <= window.end:
            continue
        at, new = window.cell(run.ended_at), ended(run)
        if at not in found or _RANKS.find(new.sign) > _RANKS.find(found[at].sign):
            found[at] = new
    return found


_GOING = (ClusterStatus.STOPPED, ClusterStatus.GONE, ClusterStatus.FAILED)


def _there(cluster: Cluster, window: Window) -> Span:
    if cluster.up_at is None:
        return (0.0, 0.0)
    return cluster.up_at, cluster.updated_at if cluster.status in _GOING else window.end


def _coming(cluster: Cluster, window: Window) -> Span:
    until = cluster.updated_at if cluster.status in _GOING else window.end
    return cluster.created_at, cluster.up_at if cluster.up_at is not None else until


def _joined(cells: Sequence[Mark]) -> Content:
    """Signs of one style in a row as one piece."""
    parts: list[tuple[str, str]] = []
    for each in cells:
        if parts and parts[-1][1] == each.style:
            parts[-1] = (parts[-1][0] + each.sign, each.style)
        else:
            parts.append((each.sign, each.style))
    return Content.assemble(*parts)
