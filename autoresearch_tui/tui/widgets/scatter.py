"""The scatter of results: runs in grey, new bests in green, the running best as a line."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from textual.content import Content

from autoresearch_tui.domain import Verdict
from autoresearch_tui.spoken import duration
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.braille import DOTS_A_ROW, Canvas
from autoresearch_tui.tui.widgets.drawn import Drawn

_AXIS_WIDTH = 8
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


@dataclass(frozen=True, slots=True)
class Frame:
    """The ranges of both axes; `low` and `high` bound the metric."""

    left: float
    right: float
    low: float
    high: float


def points_of(view: View, *, by_time: bool, chosen: str | None) -> list[Point]:
    """The points of a view; x is the number of the verdict, or hours since the start."""
    rows = view.verdict_rows
    start = rows[0].judged_at if rows else 0.0
    if view.study is not None and view.study.started_at is not None:
        start = view.study.started_at
    signs = {kind: _SIGNS[at % len(_SIGNS)] for at, kind in enumerate(view.kinds)}
    return [
        Point(
            (row.judged_at - start) / 3600 if by_time else float(number),
            row.value,
            row.verdict is Verdict.KEEP,
            signs[row.accelerator],
            row.experiment == chosen,
        )
        for number, row in enumerate(rows, 1)
    ]


def frame_of(points: Sequence[Point], *, minimize: bool) -> Frame:
    """Ranges that show every good result, and bad ones only as far as they are usual.

    The bad end stands 1.5 interquartile ranges beyond the worse quartile (Tukey's fence).
    """
    values = sorted(p.y if minimize else -p.y for p in points if p.y is not None)
    best, worst = values[0], values[-1]
    if len(values) >= 4:
        lower, _, upper = statistics.quantiles(values, n=4)
        worst = min(worst, upper + 1.5 * (upper - lower))
    margin = (worst - best) * 0.06 or abs(best) * 0.001 or 0.001
    low, high = best - margin, worst + margin
    if not minimize:
        low, high = -high, -low
    left, right = points[0].x, max(points[-1].x, points[0].x + 1e-9)
    return Frame(left, right, low, high)


class Plot:
    """Draws points into a canvas of `width` by `height` cells."""

    def __init__(self, points: Sequence[Point], frame: Frame, width: int, height: int) -> None:
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
        for sign in dict.fromkeys(p.sign for p in self._points):
            self._draw_line([p for p in self._points if p.best and p.sign == sign])

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


def plot_lines(
    view: View, width: int, height: int, *, by_time: bool, chosen: str | None
) -> list[Content]:
    """The plot with its axes, `height` lines of `width` cells."""
    points = points_of(view, by_time=by_time, chosen=chosen)
    if width < _AXIS_WIDTH + 8 or height < 4:
        return [Content.styled("too small for a plot", "$quiet")]
    if view.study is None or not any(p.y is not None for p in points):
        return [Content.styled("no result yet: the baseline is measured first", "$quiet")]
    frame = frame_of(points, minimize=view.study.minimize)
    canvas = Plot(points, frame, width - _AXIS_WIDTH, height - 1).draw()
    results = canvas.height - any(p.y is None for p in points)
    lines: list[Content] = []
    for y in range(canvas.height):
        label = _label(frame, y, results) if y < results else "crash"
        row = [
            Content.styled(text, style) if style else Content(text) for text, style in canvas.row(y)
        ]
        lines.append(Content.assemble((f"{label:>7}", "$quiet"), ("│", "$border"), *row))
    return [*lines, _bottom(points, width, by_time=by_time)]


def _label(frame: Frame, y: int, height: int) -> str:
    every = max(height // 4, 2)
    if y % every and y != height - 1:
        return ""
    value = frame.high - (y + 0.5) / height * (frame.high - frame.low)
    return f"{value:.4f}"[:7]


def _bottom(points: Sequence[Point], width: int, *, by_time: bool) -> Content:
    first, last = points[0].x, points[-1].x
    ends = [duration(x * 3600) if by_time else f"{x:.0f}" for x in (first, last)]
    name = "time" if by_time else "experiment"
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
    """The plot pane."""

    def __init__(self) -> None:
        super().__init__(id="scatter", classes="pane", ticks=False)
        self._chosen: str | None = None
        self._by_time = False
        self._made_of: tuple[object, ...] = ()
        self._plot: list[Content] = []

    def mark(self, chosen: str | None) -> None:
        """Mark an experiment in the next drawing."""
        self._chosen = chosen

    def toggle_axis(self) -> None:
        """Change the x axis between the order of verdicts and time."""
        self._by_time = not self._by_time
        self.draw()

    def lines(self, view: View, now: float, width: int) -> list[Content]:
        """The plot, as high as the pane."""
        self.entitle(f"1 {view.study.metric if view.study else 'results'}{_legend(view.kinds)}")
        height = self.content_size.height
        made_of = (view.results, width, height, self._by_time, self._chosen)
        if made_of != self._made_of:
            self._made_of = made_of
            self._plot = plot_lines(view, width, height, by_time=self._by_time, chosen=self._chosen)
        return self._plot
