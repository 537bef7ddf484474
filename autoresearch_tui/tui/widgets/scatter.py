"""The scatter of results: runs in grey, new bests in green, the running best as a line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from textual import events
from textual.content import Content
from textual.message import Message

from autoresearch_tui.judge.usual import usual_range
from autoresearch_tui.spoken import duration
from autoresearch_tui.tui.commands import PLOT, bindings
from autoresearch_tui.tui.results import Column, Columns
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.braille import DOTS_A_ROW, Canvas
from autoresearch_tui.tui.widgets.drawn import Drawn
from autoresearch_tui.usage import spent

_AXIS_WIDTH = 8
_BAND_DOTS = 4
_FINEST = 64
_SIGNS = "●◆▲■"
"""Markers of new bests, one an accelerator type."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The ranges of both axes; `low` and `high` bound the metric."""

    left: float
    right: float
    low: float
    high: float


Axis = Literal["order", "time", "hours", "cost"]
"""What x is: the number of a verdict, hours since the start, hours of clusters, or dollars."""

AXES: tuple[Axis, ...] = ("order", "time", "hours", "cost")


@dataclass(frozen=True, eq=False)
class Points:
    """Verdicts in their order, a column for each thing; `signs` by accelerator type."""

    x: Column
    columns: Columns
    signs: Sequence[str]
    chosen: str | None = None

    @property
    def y(self) -> Column:
        """The values; not a number for a crash."""
        return self.columns.value

    def within(self, left: float, right: float) -> "Points":
        """Those that lie between two places."""
        there = (self.x >= left) & (self.x <= right)
        return replace(self, x=self.x[there], columns=self.columns.only(there))

    @property
    def chosen_at(self) -> Sequence[int]:
        """Where the chosen experiment is; it may have a verdict on each accelerator type."""
        if self.chosen is None:
            return ()
        return [at for at, name in enumerate(self.columns.experiment) if name == self.chosen]

    def sign(self, at: int) -> str:
        """How a new best is marked."""
        return "★" if self.columns.certified[at] else self.signs[int(self.columns.kind[at])]


def points_of(view: View, *, axis: Axis, chosen: str | None) -> Points:
    """The points of a view."""
    signs = [_SIGNS[at % len(_SIGNS)] for at in range(len(view.kinds))]
    return Points(_places(view, axis), view.results.columns, signs, chosen)


def _places(view: View, axis: Axis) -> Column:
    """Where verdicts lie on an axis."""
    times, study = view.results.columns.judged_at, view.study
    match axis:
        case "order":
            return np.arange(1.0, len(times) + 1)
        case "time":
            start = times[0] if len(times) else 0.0
            if study is not None and study.started_at is not None:
                start = study.started_at
            return (times - start) / 3600
        case _:
            return np.array(spent(view.runs.values(), list(times), dollars=axis == "cost"))


def frame_of(points: Points, *, minimize: bool) -> Frame:
    """Ranges that show what is worth looking at."""
    low, high = usual_range(points.y[~np.isnan(points.y)], minimize=minimize)
    left, right = float(points.x[0]), max(float(points.x[-1]), float(points.x[0]) + 1e-9)
    return Frame(left, right, low, high)


class Plot:
    """Draws points into a canvas of `width` by `height` cells."""

    def __init__(
        self,
        points: Points,
        frame: Frame,
        width: int,
        height: int,
        bands: Sequence[float] = (),
    ) -> None:
        self._bands = bands
        self.canvas = Canvas(width, height)
        self._points = points
        self._frame = frame
        is_crash = np.isnan(points.y)
        # Crashes have a row of their own, where they hide no result.
        self._lane = DOTS_A_ROW if is_crash.any() else 0
        self._bottom = self.canvas.dots_high - 1
        wide = self.canvas.dots_wide - 1
        across = (points.x - frame.left) / (frame.right - frame.left) * wide
        self._across = np.rint(across).astype(int)
        self._down = np.where(is_crash, self._bottom, self.down(np.nan_to_num(points.y)))

    def down(self, value: Column) -> NDArray[np.int_]:
        """Dots from the top to values; what lies outside of the frame is on its edge."""
        frame, high = self._frame, self.canvas.dots_high - 1 - self._lane
        places = np.rint((frame.high - value) / (frame.high - frame.low) * high)
        return places.clip(0, high).astype(int)

    def nearest(self, x: int, y: int) -> int:
        """The result that is nearest to a place on the canvas."""
        far = np.hypot(self._across - x, self._down - y)
        return int(np.where(np.isnan(self._points.y), np.inf, far).argmin())

    def draw(self) -> Canvas:
        """All points; what matters more is drawn later."""
        points, canvas, frame = self._points, self.canvas, self._frame
        y, best = points.y, points.columns.is_keep
        for value in self._bands:
            if frame.low <= value <= frame.high:
                across = np.arange(0, canvas.dots_wide, _BAND_DOTS)
                canvas.dots(across, np.full_like(across, self.down(np.array(value))), "$border")
        is_crash = np.isnan(y)
        others = ~best & ~is_crash
        canvas.dots(self._across[others], self._down[others], "$quiet")
        for kind in dict.fromkeys(points.columns.kind.tolist()):
            self._draw_line(np.flatnonzero(best & ~is_crash & (points.columns.kind == kind)))
        for x in np.unique(self._across[is_crash]).tolist():
            canvas.sign(x, self._bottom, "×", "$error")
        is_outside = ~is_crash & ((y < frame.low) | (y > frame.high))
        outside = np.unique(np.stack([self._across[is_outside], self._down[is_outside]]), axis=1)
        for x, place in outside.T.tolist():
            canvas.sign(x, place, "·", "$quiet")
        for at in np.flatnonzero(best & ~is_crash).tolist():
            place = int(self._across[at]), int(self._down[at])
            canvas.sign(*place, points.sign(at), "$success bold")
        for at in points.chosen_at:
            canvas.sign(int(self._across[at]), int(self._down[at]), "◎", "$accent bold")
        return canvas

    def _draw_line(self, bests: NDArray[np.intp]) -> None:
        """The running best of one accelerator type: values of two do not compare."""
        places = list(zip(self._across[bests].tolist(), self._down[bests].tolist(), strict=True))
        if places:
            places.append((self.canvas.dots_wide - 1, places[-1][1]))
        for (x, y), (to_x, to_y) in pairwise(places):
            self.canvas.line(x, y, to_x, to_y, "$success")


def window_of(points: Points, zoom: int) -> Points:
    """Those of the points that a plot shows that has been made `zoom` times finer.

    They are around the chosen one, else the newest.
    """
    if zoom <= 1 or len(points.x) < 2:
        return points
    first, last = float(points.x[0]), float(points.x[-1])
    width = (last - first) / zoom
    middle = next((float(points.x[at]) for at in points.chosen_at), last)
    left = min(max(middle - width / 2, first), last - width)
    found = points.within(left, left + width)
    return points if np.isnan(found.y).all() else found


def plot_lines(
    view: View, width: int, height: int, *, axis: Axis, chosen: str | None, zoom: int = 1
) -> list[Content]:
    """The plot with its axes, `height` lines of `width` cells."""
    points = window_of(points_of(view, axis=axis, chosen=chosen), zoom)
    if width < _AXIS_WIDTH + 8 or height < 4:
        return [Content.styled("too small for a plot", "$quiet")]
    if view.study is None or np.isnan(points.y).all():
        return [Content.styled("no result yet: the baseline is measured first", "$quiet")]
    frame = frame_of(points, minimize=view.study.minimize)
    canvas = Plot(points, frame, width - _AXIS_WIDTH, height - 1, bands_of(view)).draw()
    results = canvas.height - bool(np.isnan(points.y).any())
    lines: list[Content] = []
    for y in range(canvas.height):
        label = _label(frame, y, results) if y < results else "crash"
        row = [
            Content.styled(text, style) if style else Content(text) for text, style in canvas.row(y)
        ]
        lines.append(Content.assemble((f"{label:>7}", "$quiet"), ("│", "$border"), *row))
    return [*lines, _bottom(points, width, axis)]


def _label(frame: Frame, y: int, height: int) -> str:
    every = max(height // 4, 2)
    if y % every and y != height - 1:
        return ""
    value = frame.high - (y + 0.5) / height * (frame.high - frame.low)
    return f"{value:.4f}"[:7]


def bands_of(view: View) -> list[float]:
    """One sd of a run on both sides of each best: what lies between may be the same."""
    found: list[float] = []
    for leader in view.leaders:
        noise = view.noise.get(leader.accelerator)
        if leader.best.value is not None and noise is not None and noise.sd:
            found += [leader.best.value - noise.sd, leader.best.value + noise.sd]
    return found


def _written(x: float, axis: Axis) -> str:
    match axis:
        case "order":
            return f"{x:.0f}"
        case "cost":
            return f"${x:.2f}"
        case _:
            return duration(x * 3600)


_NAMES = {"order": "experiment", "time": "time", "hours": "hours of clusters", "cost": "cost"}


def _bottom(points: Points, width: int, axis: Axis) -> Content:
    ends = [_written(float(x), axis) for x in (points.x[0], points.x[-1])]
    name = _NAMES[axis]
    inner = width - _AXIS_WIDTH - len(ends[0]) - len(ends[1])
    return Content.styled(
        " " * _AXIS_WIDTH + ends[0] + f"{name:^{max(inner, 0)}}" + ends[1], "$quiet"
    )


def _legend(kinds: Sequence[str]) -> str:
    """Which sign is of which accelerator type, where there are several."""
    if len(kinds) < 2:
        return ""
    return "  " + " ".join(f"{_SIGNS[at % len(_SIGNS)]} {kind}" for at, kind in enumerate(kinds))


class Scatter(Drawn, can_focus=True):
    """The plot pane: its points are walked by the arrows, clicked, and looked at more finely."""

    BINDINGS = bindings(PLOT)

    @dataclass
    class Picked(Message):
        """The operator has chosen the experiment of a point."""

        experiment: str

    def __init__(self) -> None:
        super().__init__(id="scatter", classes="pane", ticks=False)
        self._chosen: str | None = None
        self._axis: Axis = "order"
        self._zoom = 1
        self._made_of: tuple[object, ...] = ()
        self._plot: list[Content] = []

    def mark(self, chosen: str | None) -> None:
        """Mark an experiment in the next drawing."""
        self._chosen = chosen

    def next_axis(self) -> None:
        """Change what x is."""
        self._axis = AXES[(AXES.index(self._axis) + 1) % len(AXES)]
        self.draw()

    def action_walk(self, by: int) -> None:
        """Choose the next point in a direction; a crash is one too."""
        rows = self._view.verdict_rows
        if not rows:
            return
        places = [at for at, row in enumerate(rows) if row.experiment == self._chosen]
        start = places[-1 if by > 0 else 0] if places else (len(rows) if by < 0 else -1)
        at = min(max(start + by, 0), len(rows) - 1)
        self.post_message(self.Picked(rows[at].experiment))

    def action_zoom_in(self, by: int) -> None:
        """Look twice as finely, or half; 0 shows all again."""
        finer = self._zoom * 2 if by > 0 else self._zoom // 2
        self._zoom = min(max(finer, 1), _FINEST) if by else 1
        self.draw()

    def on_click(self, event: events.Click) -> None:
        """Choose the point that is nearest to the mouse."""
        points = window_of(points_of(self._view, axis=self._axis, chosen=self._chosen), self._zoom)
        study, size = self._view.study, self.content_size
        if study is None or np.isnan(points.y).all():
            return
        frame = frame_of(points, minimize=study.minimize)
        plot = Plot(points, frame, size.width - _AXIS_WIDTH, size.height - 1)
        x = 2 * (event.x - self.gutter.left - _AXIS_WIDTH)
        y = DOTS_A_ROW * (event.y - self.gutter.top)
        self.post_message(self.Picked(points.columns.experiment[plot.nearest(x, y)]))

    def lines(self, view: View, now: float, width: int) -> list[Content]:
        """The plot, as high as the pane."""
        self.entitle(f"1 {view.study.metric if view.study else 'results'}{_legend(view.kinds)}")
        height = self.content_size.height
        made_of = (view.results, width, height, self._axis, self._zoom, self._chosen)
        if made_of != self._made_of:
            self._made_of = made_of
            self._plot = plot_lines(
                view, width, height, axis=self._axis, chosen=self._chosen, zoom=self._zoom
            )
        return self._plot
