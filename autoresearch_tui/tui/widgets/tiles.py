"""One tile a cluster: what it does, how far it is, whether it idles."""

from textual.content import Content

from autoresearch_tui.domain import Cluster, ClusterStatus, Progress, Run, RunStatus
from autoresearch_tui.spoken import duration, percent
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.drawn import Drawn
from autoresearch_tui.tui.words import bar

_NARROWEST = 38
"""Cells of the narrowest tile of three lines."""

_MOST_LINES = 9

_STATES = {
    ClusterStatus.PROVISIONING: ("◌ starting", "$warning"),
    ClusterStatus.SETTING_UP: ("◌ set-up", "$warning"),
    ClusterStatus.UP: ("● up", "$success"),
    ClusterStatus.DRAINING: ("◌ draining", "$quiet"),
    ClusterStatus.FAILED: ("▲ failed", "$error bold"),
    ClusterStatus.STOPPED: ("■ stopped", "$quiet"),
    ClusterStatus.GONE: ("■ gone", "$quiet"),
}


def state_of(cluster: Cluster, *, is_running: bool) -> tuple[str, str]:
    """How a cluster is, a sign and a word, and the style of both."""
    if cluster.suspected:
        return "▲ suspect", "$warning"
    if cluster.status is ClusterStatus.UP and not is_running:
        return "○ idle", "$quiet"
    return _STATES[cluster.status]


class Tile:
    """The words of one cluster's tile."""

    def __init__(self, cluster: Cluster, view: View, now: float) -> None:
        self._cluster = cluster
        self._view = view
        self._now = now
        mine = [run for run in view.active_runs if run.cluster == cluster.name]
        self._run = next((run for run in mine if run.status is RunStatus.RUNNING), None)
        self._queue = len(mine) - (self._run is not None)

    def card(self, width: int) -> list[Content]:
        """Three lines."""
        return [self._name(width), self._title(width), self._progress(width)]

    def row(self, width: int) -> list[Content]:
        """One line."""
        name = self._name(24)
        if self._run is None:
            return [_padded(Content("  ").join([name, self._title(width - 26)]), width)]
        left = self._left(self._view.progress.get(self._run.id), self._run)
        done = Content.assemble((bar(self._fraction(), 12), "$primary"), f" {left}")
        title = self._title(max(width - 26 - 26, 8))
        return [_padded(Content("  ").join([name, done, title]), width)]

    def _name(self, width: int) -> Content:
        cluster = self._cluster
        word, style = state_of(cluster, is_running=self._run is not None)
        head = Content.assemble((cluster.name, "bold"), f" {cluster.accelerator} ", (word, style))
        busy = self._view.busy(self._now, cluster.name)
        cost = f"${cluster.cost:.2f}  " if cluster.price or cluster.cost else ""
        tail = Content.styled(f"{cost}busy {percent(busy)}", "$quiet")
        space = width - head.cell_length - tail.cell_length
        return head.pad_right(space).append(tail) if space > 0 else _padded(head, width)

    def _title(self, width: int) -> Content:
        run, cluster = self._run, self._cluster
        trouble = cluster.suspected or (cluster.note if cluster.status is ClusterStatus.UP else "")
        if trouble:
            return _padded(Content.styled(f"▲ {trouble}", "$warning"), width)
        if run is None:
            return _padded(Content.styled(cluster.note or "–", "$quiet"), width)
        experiment = self._view.by_id.get(run.experiment)
        title = experiment.title if experiment is not None else ""
        return _padded(Content.assemble((run.id, "$primary"), f" {title}"), width)

    def _progress(self, width: int) -> Content:
        run = self._run
        if run is None:
            return _padded(Content.styled(f"{self._queue} queued", "$quiet"), width)
        left = self._left(self._view.progress.get(run.id), run)
        words = f" {left:<8} +{self._queue} queued"
        for said in reversed(self._view.telemetry.get(self._cluster.name, "").split("  ")):
            # How its runs are executed comes before what its accelerators say.
            if said and width >= len(words) + len(said) + 17:
                words += f"  {said}"
        drawn = bar(self._fraction(), max(width - len(words), 6))
        return _padded(Content.assemble((drawn, "$primary"), (words, "$quiet")), width)

    def _fraction(self) -> float:
        progress = self._view.progress.get(self._run.id) if self._run else None
        return progress.fraction if progress is not None else 0.0

    def _left(self, progress: Progress | None, run: Run) -> str:
        if progress is None or progress.remaining is None:
            return f"{duration(self._now - (run.started_at or self._now))} in"
        if progress.fraction >= 1:
            return "evaluates"
        return f"{duration(progress.remaining)} left"


def _padded(content: Content, width: int) -> Content:
    if content.cell_length > width:
        return content.truncate(max(width, 1), ellipsis=True)
    return content.pad_right(width - content.cell_length)


def tile_lines(view: View, now: float, width: int, rows: int) -> list[Content]:
    """All tiles within `width` cells: cards in at most `rows` lines, else one line each."""
    there = [cluster for cluster in view.clusters if cluster.status is not ClusterStatus.GONE]
    tiles = [Tile(cluster, view, now) for cluster in there]
    columns = min(max((width + 2) // (_NARROWEST + 2), 1), max(len(tiles), 1))
    each = (width - 2 * (columns - 1)) // columns
    if -(-len(tiles) // columns) * 3 <= rows:
        grids = [tile.card(each) for tile in tiles]
    else:
        columns = min(columns, -(-len(tiles) // max(rows, 1))) or 1
        each = (width - 2 * (columns - 1)) // columns
        grids = [tile.row(each) for tile in tiles]
    lines: list[Content] = []
    for at in range(0, len(grids), columns):
        for parts in zip(*grids[at : at + columns], strict=True):
            lines.append(Content("  ").join(parts))
    return lines


class Tiles(Drawn):
    """The tiles, in as many lines as the terminal can spare."""

    def __init__(self) -> None:
        super().__init__(id="tiles")

    def lines(self, view: View, now: float, width: int) -> list[Content]:
        """All tiles."""
        rows = min(_MOST_LINES, max((self.screen.size.height - 15) // 3, 2))
        found = tile_lines(view, now, width, rows)
        return found or [Content.styled("no cluster yet", "$quiet")]
