"""What the clusters' time went to, a line each over the same span, with a cursor."""

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.message import Message

from autoresearch_tui.domain import Cluster, ClusterStatus
from autoresearch_tui.spoken import clock_of, percent
from autoresearch_tui.tui.gantt import Window, how_it_ended, strip
from autoresearch_tui.tui.tile import state_of
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.drawn import Drawn

_WINDOWS = (900.0, 3600.0, 4 * 3600.0, 12 * 3600.0, 48 * 3600.0)
"""How far back the strips may reach, in seconds."""


class Strips(Drawn, can_focus=True):
    """A line a cluster over the same time, with a cursor."""

    BINDINGS = [
        Binding("j,down", "move(1)", "next", show=False),
        Binding("k,up", "move(-1)", "before", show=False),
        Binding("g,home", "move(-1000)", "first", show=False),
        Binding("G,end", "move(1000)", "last", show=False),
        Binding("left_square_bracket", "window(1)", "longer", show=False),
        Binding("right_square_bracket", "window(-1)", "shorter", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another cluster."""

    def __init__(self) -> None:
        super().__init__(id="strips")
        self._at = 0
        self._first = 0
        self._window = 1

    def clusters(self, view: View) -> list[Cluster]:
        """Those that there are: the ones that are gone have no row."""
        return [c for c in view.clusters if c.status is not ClusterStatus.GONE]

    @property
    def chosen(self) -> Cluster | None:
        """The one under the cursor."""
        there = self.clusters(self._view)
        return there[min(self._at, len(there) - 1)] if there else None

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self._choose(self._at + by)

    def action_window(self, by: int) -> None:
        """Reach further back, or less far."""
        self._window = min(max(self._window + by, 0), len(_WINDOWS) - 1)
        self.draw()

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse."""
        if event.y > 0:
            self._choose(self._first + event.y - 1)

    def _choose(self, at: int) -> None:
        count = len(self.clusters(self._view))
        self._at = min(max(at, 0), max(count - 1, 0))
        self.draw()
        self.post_message(self.Moved())

    def lines(self, view: View, now: float, width: int) -> list[Content]:
        """A head with the times, and the rows that there is room for."""
        there = self.clusters(view)
        rows = max(self.size.height - 1, 1)
        self._first = min(max(self._first, self._at - rows + 1), self._at)
        shown = there[self._first : self._first + rows]
        name = min(max((len(c.name) for c in there), default=4), 16)
        cells = max(width - name - _facts_width(width) - 1, 10)
        end = view.end(now)
        first = min((c.created_at for c in there), default=end)
        begin = max(end - _WINDOWS[self._window], min(first, end - _WINDOWS[0]))
        window = Window(begin, end, cells)
        head = Content(" " * (width - cells)).append(_axis(window))
        drawn = [self._row(view, now, cluster, window, name) for cluster in shown]
        if (at := self._at - self._first) < len(drawn):
            chosen = drawn[at].pad_right(max(width - drawn[at].cell_length, 0))
            drawn[at] = chosen.stylize("on $cursor-row")
        return [head.stylize("$quiet"), *drawn]

    def _row(self, view: View, now: float, cluster: Cluster, window: Window, name: int) -> Content:
        runs = view.runs_on.get(cluster.name, ())
        drawn = strip(
            cluster,
            runs,
            lambda run: how_it_ended(run, view.by_id.get(run.experiment)),
            window,
            view.lived(window.end),
            view.pauses,
        )
        facts = _facts(view, now, cluster, self.content_size.width)
        return Content.assemble(f"{cluster.name:<{name}.{name}} ", facts, drawn)


def _facts_width(width: int) -> int:
    return 45 if width >= 120 else 27 if width >= 90 else 7


def _facts(view: View, now: float, cluster: Cluster, width: int) -> Content:
    word, style = state_of(cluster, is_running=True)
    busy = f"{percent(view.busy(now, cluster.name)):>4} "
    room = _facts_width(width)
    if room == 7:
        return Content.assemble((f"{word[0]} ", style), busy)
    kind = f"{cluster.accelerator:<9.9} "
    cost = f"{f'${cluster.cost:.2f}':>8} {f'${cluster.price:.2f}/h':>8} " if room == 45 else ""
    return Content.assemble((kind, "$quiet"), (f"{word:<12.12}", style), busy, cost)


def _axis(window: Window) -> Content:
    """The time of day at the beginning, in the middle and at the end."""
    begin, middle = clock_of(window.begin)[:5], clock_of((window.begin + window.end) / 2)[:5]
    end = clock_of(window.end)[:5]
    if window.cells < 20:
        return Content(f"{begin:<{window.cells}}")
    half = window.cells // 2
    return Content(f"{begin:<{half}}{middle:<{window.cells - half - 5}}{end}")
