"""Charts as shapes: drawn as SVG into a page, or as pixels into a picture."""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 16, 40, 44
_INK, _QUIET, _GRID, _PAPER = "#20242a", "#6b7280", "#e3e6ea", "#ffffff"
_SCALE = 2
"""Pixels of a picture for one unit of a chart."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one kind, in the units of the axes; with `is_line` joined in their order.

    `crosses` stand at the lower edge, at those x: what has no y.
    """

    name: str
    colour: str
    points: Sequence[Point]
    is_line: bool = False
    is_dashed: bool = False
    radius: float = 2.5
    crosses: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Series between two axes, that of x from 0 on.

    `y_range` bounds what is drawn; without one it follows from the points.
    """

    title: str
    x_label: str
    series: Sequence[Series]
    y_range: tuple[float, float] | None = None
    width: int = 860
    height: int = 360


@dataclass
class _Frame:
    """From units to places."""

    chart: Chart
    x: tuple[float, float] = field(init=False)
    y: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        points = [point for each in self.chart.series for point in each.points]
        crosses = [x for each in self.chart.series for x in each.crosses]
        self.x = _range([0.0, *(x for x, _ in points), *crosses], 0.0)
        self.y = self.chart.y_range or _range([y for _, y in points], 0.06)

    def place(self, point: Point) -> Point:
        """Where a point lies; what is beyond the range lies on its edge."""
        x, y = point
        wide = self.chart.width - _LEFT - _RIGHT
        high = self.chart.height - _TOP - _BOTTOM
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = min(max((y - self.y[0]) / (self.y[1] - self.y[0]), 0.0), 1.0)
        return _LEFT + across * wide, _TOP + (1 - up) * high

    @property
    def floor(self) -> float:
        """The y of the lower axis."""
        return self.chart.height - _BOTTOM


def _range(values: Iterable[float], margin: float) -> tuple[float, float]:
    found = [value for value in values if math.isfinite(value)]
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    room = (high - low) * margin
    if high - low <= 0:
        room = abs(high) * 0.01 or 0.5
        return low - room, high + room
    return low - room, high + room


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values from `low` to `high`, at most so many and one."""
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough)
    first = math.ceil(low / step)
    return [round(step * at, 12) for at in range(first, math.floor(high / step) + 1)]


def _label(value: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    return f"{value:.{min(digits + (step * 10**digits % 1 > 0), 6)}f}"


def _labelled(low: float, high: float) -> list[tuple[float, str]]:
    found = ticks(low, high)
    step = found[1] - found[0] if len(found) > 1 else high - low
    return [(value, _label(value, step)) for value in found]


class _Pen:
    """What shapes are drawn with; `where` is left, middle or right of a text's place."""

    def line(self, a: Point, b: Point, colour: str, width: float, *, dashed: bool) -> None:
        """A line."""
        raise NotImplementedError

    def dot(self, at: Point, radius: float, colour: str) -> None:
        """A filled circle."""
        raise NotImplementedError

    def text(self, at: Point, text: str, colour: str, where: str, *, bold: bool = False) -> None:
        """One line of text, centred on its y."""
        raise NotImplementedError


class _Svg(_Pen):
    def __init__(self) -> None:
        self.parts: list[str] = []

    def line(self, a: Point, b: Point, colour: str, width: float, *, dashed: bool) -> None:
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" '
            f'stroke="{colour}" stroke-width="{width:g}"{dash}/>'
        )

    def dot(self, at: Point, radius: float, colour: str) -> None:
        self.parts.append(
            f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius:g}" fill="{colour}"/>'
        )

    def text(self, at: Point, text: str, colour: str, where: str, *, bold: bool = False) -> None:
        anchor = {"left": "start", "middle": "middle", "right": "end"}[where]
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" fill="{colour}" text-anchor="{anchor}" '
            f'dominant-baseline="central"{weight}>{html.escape(text)}</text>'
        )


class _Pixels(_Pen):
    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)
        self._font = ImageFont.load_default(12 * _SCALE)

    def line(self, a: Point, b: Point, colour: str, width: float, *, dashed: bool) -> None:
        for begin, end in _dashes(a, b) if dashed else [(a, b)]:
            ends = [(x * _SCALE, y * _SCALE) for x, y in (begin, end)]
            self._draw.line(ends, fill=colour, width=max(round(width * _SCALE), 1))

    def dot(self, at: Point, radius: float, colour: str) -> None:
        x, y, r = at[0] * _SCALE, at[1] * _SCALE, radius * _SCALE
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def text(self, at: Point, text: str, colour: str, where: str, *, bold: bool = False) -> None:
        anchor = {"left": "lm", "middle": "mm", "right": "rm"}[where]
        place = at[0] * _SCALE, at[1] * _SCALE
        self._draw.text(place, text, colour, self._font, anchor)


def _dashes(a: Point, b: Point) -> list[tuple[Point, Point]]:
    length = math.dist(a, b)
    count = max(int(length / 9), 1)
    found: list[tuple[Point, Point]] = []
    for at in range(count):
        begin, end = at / count, min((at + 0.55) / count, 1.0)
        found.append((_between(a, b, begin), _between(a, b, end)))
    return found


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _draw(chart: Chart, pen: _Pen) -> None:
    frame = _Frame(chart)
    _axes(chart, frame, pen)
    for series in chart.series:
        if series.is_line:
            places = [frame.place(point) for point in series.points]
            for a, b in pairwise(places):
                pen.line(a, b, series.colour, 1.6, dashed=series.is_dashed)
        else:
            for point in series.points:
                pen.dot(frame.place(point), series.radius, series.colour)
        for x in series.crosses:
            at = frame.place((x, frame.y[0]))
            for sign in (1, -1):
                ends = (at[0] - 3, at[1] - 3 * sign), (at[0] + 3, at[1] + 3 * sign)
                pen.line(*ends, series.colour, 1.2, dashed=False)


def _axes(chart: Chart, frame: _Frame, pen: _Pen) -> None:
    right = chart.width - _RIGHT
    for value, label in _labelled(*frame.y):
        y = frame.place((frame.x[0], value))[1]
        pen.line((_LEFT, y), (right, y), _GRID, 1, dashed=False)
        pen.text((_LEFT - 8, y), label, _QUIET, "right")
    for value, label in _labelled(*frame.x):
        x = frame.place((value, frame.y[0]))[0]
        pen.line((x, frame.floor), (x, frame.floor + 4), _QUIET, 1, dashed=False)
        pen.text((x, frame.floor + 14), label, _QUIET, "middle")
    pen.line((_LEFT, frame.floor), (right, frame.floor), _QUIET, 1, dashed=False)
    pen.text(((_LEFT + right) / 2, chart.height - 10), chart.x_label, _QUIET, "middle")
    pen.text((_LEFT, 16), chart.title, _INK, "left", bold=True)
    x = float(right)
    for series in reversed(chart.series):
        pen.text((x, 16), series.name, series.colour, "right")
        x -= 7.2 * len(series.name) + 18


def to_svg(chart: Chart) -> str:
    """The chart as an element of a page."""
    pen = _Svg()
    _draw(chart, pen)
    return (
        f'<svg viewBox="0 0 {chart.width} {chart.height}" role="img" '
        f'aria-label="{html.escape(chart.title)}" font-size="12">{"".join(pen.parts)}</svg>'
    )


def to_image(charts: Sequence[Chart]) -> Image.Image:
    """Charts over each other, as a picture."""
    width = max(chart.width for chart in charts) * _SCALE
    image = Image.new("RGB", (width, sum(c.height for c in charts) * _SCALE), _PAPER)
    top = 0
    for chart in charts:
        part = Image.new("RGB", (chart.width * _SCALE, chart.height * _SCALE), _PAPER)
        _draw(chart, _Pixels(part))
        image.paste(part, (0, top))
        top += part.height
    return image
