"""The scatter of results: runs in grey, new bests in green, the running best as a line."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from textual import events
from textual.content import Content
from textual.message import Message

from autoresearch_tui.domain import Verdict
from autoresearch_tui.judge.usual import usual_range
from autoresearch_tui.spoken import duration
from autoresearch_tui.tui.commands import PLOT, bindings
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
class Point:
    """A judged experiment: its place, and how it is drawn. A crash has no `y`."""

    x: float
    y: float | None
    best: bool
    sign: str
    chosen: bool
    experiment: str = ""
    kind: str = ""


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


def points_of(view: View, *, axis: Axis, chosen: str | None) -> list[Point]:
    """The points of a view, in their order."""
    signs = {kind: _SIGNS[at % len(_SIGNS)] for at, kind in enumerate(view.kinds)}
    return [
        Point(
            x,
            row.value,
            row.verdict is Verdict.KEEP,
            "★" if row.certified else signs[row.accelerator],
            row.experiment == chosen,
            row.experiment,
            row.accelerator,
        )
        for x, row in zip(_places(view, axis), view.verdict_rows, strict=True)
    ]


def _places(view: View, axis: Axis) -> Sequence[float]:
    """Where verdicts lie on an axis."""
    rows, study = view.verdict_rows, view.study
    match axis:
        case "order":
            return [float(number) for number in range(1, len(rows) + 1)]
        case "time":
            start = rows[0].judged_at if rows else 0.0
            if study is not None and study.started_at is not None:
                start = study.started_at
            return [(row.judged_at - start) / 3600 for row in rows]
        case _:
            times = [row.judged_at for row in rows]
            return spent(view.runs.values(), times, dollars=axis == "cost")


def frame_of(points: Sequence[Point], *, minimize: bool) -> Frame:
    """Ranges that show what is worth looking at."""
    low, high = usual_range([p.y for p in points if p.y is not None], minimize=minimize)
    left, right = points[0].x, max(points[-1].x, points[0].x + 1e-9)
    return Frame(left, right, low, high)


class Plot:
    """Draws points into a canvas of `width` by `height` cells."""

    def __init__(
        self,
        points: Sequence[Point],
        frame: Frame,
        width: int,
        height: int,
        bands: Sequence[float] = (),
    ) -> None:
        self._bands = bands
        self.canvas = Canvas(width, height)
        self._points = points
        self._frame = frame
        # Crashes have a row of their own, where they hide no result.
        self._lane = DOTS_A_ROW if any(p.y is None for p in points) else 0

    def _x(self, point: Point) -> int:
        frame, wide = self._frame, self.canvas.dots_wide - 1
        return round((point.x - frame.left) / (frame.right - frame.left) * wide)

    def _y(self, value: float) -> int:
        frame, high = self._frame, self.canvas.dots_high - 1 - self._lane
        place = round((frame.high - value) / (frame.high - frame.low) * high)
        return min(max(place, 0), high)

    def distance(self, point: Point, x: int, y: int) -> float:
        """Dots between a point and a place on the canvas; without a y only across."""
        across = self._x(point) - x
        return math.hypot(across, self._y(point.y) - y if point.y is not None else 0.0)

    def _others(self) -> Sequence[tuple[int, int]]:
        """Where dots of results lie that are no bests, each place once."""
        found = [(p.x, p.y) for p in self._points if p.y is not None and not p.best]
        if not found:
            return ()
        x, y = np.array(found).T
        frame = self._frame
        wide, high = self.canvas.dots_wide - 1, self.canvas.dots_high - 1 - self._lane
        across = np.rint((x - frame.left) / (frame.right - frame.left) * wide)
        down = np.rint((frame.high - y) / (frame.high - frame.low) * high).clip(0, high)
        places = np.unique(across * 10_000 + down)
        return [divmod(int(place), 10_000) for place in places]

    def draw(self) -> Canvas:
        """All points; what matters more is drawn later."""
        for value in self._bands:
            if self._frame.low <= value <= self._frame.high:
                for x in range(0, self.canvas.dots_wide, _BAND_DOTS):
                    self.canvas.dot(x, self._y(value), "$border")
        for x, y in self._others():
            self.canvas.dot(x, y, "$quiet")
        self._draw_running_best()
        bottom = self.canvas.dots_high - 1
        for point in self._points:
            if point.y is None:
                self.canvas.sign(self._x(point), bottom, "×", "$error")
            elif not self._frame.low <= point.y <= self._frame.high:
                self.canvas.sign(self._x(point), self._y(point.y), "·", "$quiet")
        for point in self._points:
            if point.y is not None and point.best:
                self.canvas.sign(self._x(point), self._y(point.y), point.sign, "$success bold")
        for point in self._points:
            if point.chosen:
                place = bottom if point.y is None else self._y(point.y)
                self.canvas.sign(self._x(point), place, "◎", "$accent bold")
        return self.canvas

    def _draw_running_best(self) -> None:
        """A line for each accelerator type: values of two do not compare."""
        for kind in dict.fromkeys(p.kind for p in self._points):
            self._draw_line([p for p in self._points if p.best and p.kind == kind])

    def _draw_line(self, points: Sequence[Point]) -> None:
        bests = [p for p in points if p.y is not None]
        if not bests:
            return
        ends = [*(self._x(p) for p in bests[1:]), self.canvas.dots_wide - 1]
        for at, (point, end) in enumerate(zip(bests, ends, strict=True)):
            assert point.y is not None
            following = bests[at + 1].y if at + 1 < len(bests) else point.y
            assert following is not None
            self.canvas.line(self._x(point), self._y(point.y), end, self._y(following), "$success")


def window_of(points: Sequence[Point], zoom: int) -> Sequence[Point]:
    """Those of the points that a plot shows that has been made `zoom` times finer.

    They are around the chosen one, else the newest.
    """
    if zoom <= 1 or len(points) < 2:
        return points
    width = (points[-1].x - points[0].x) / zoom
    middle = next((p.x for p in points if p.chosen), points[-1].x)
    left = min(max(middle - width / 2, points[0].x), points[-1].x - width)
    found = [p for p in points if left <= p.x <= left + width]
    return found if any(p.y is not None for p in found) else points


def plot_lines(
    view: View, width: int, height: int, *, axis: Axis, chosen: str | None, zoom: int = 1
) -> list[Content]:
    """The plot with its axes, `height` lines of `width` cells."""
    points = window_of(points_of(view, axis=axis, chosen=chosen), zoom)
    if width < _AXIS_WIDTH + 8 or height < 4:
        return [Content.styled("too small for a plot", "$quiet")]
    if view.study is None or not any(p.y is not None for p in points):
        return [Content.styled("no result yet: the baseline is measured first", "$quiet")]
    frame = frame_of(points, minimize=view.study.minimize)
    canvas = Plot(points, frame, width - _AXIS_WIDTH, height - 1, bands_of(view)).draw()
    results = canvas.height - any(p.y is None for p in points)
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


def _bottom(points: Sequence[Point], width: int, axis: Axis) -> Content:
    ends = [_written(x, axis) for x in (points[0].x, points[-1].x)]
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
        shown = [p for p in points if p.y is not None]
        study, size = self._view.study, self.content_size
        if study is None or not shown:
            return
        frame = frame_of(points, minimize=study.minimize)
        plot = Plot(points, frame, size.width - _AXIS_WIDTH, size.height - 1)
        x = 2 * (event.x - self.gutter.left - _AXIS_WIDTH)
        y = DOTS_A_ROW * (event.y - self.gutter.top)
        self.post_message(self.Picked(min(shown, key=lambda p: plot.distance(p, x, y)).experiment))

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
