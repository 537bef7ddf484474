"""Training curves over the share of the budget: a run's beside those that it is held against."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from autoresearch_tui.domain import CurvePoint
from autoresearch_tui.tui.curves import loss_at, usual_top
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.braille import Canvas
from autoresearch_tui.tui.widgets.drawn import Drawn

_LABEL = 9
_SHARES = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Named:
    """A curve with its name and style."""

    name: str
    style: str
    points: Sequence[CurvePoint]


def curve_plot(curves: Sequence[Named], width: int, height: int) -> list[Content]:
    """Curves in `width` by `height` cells over one scale, and what they had at a few shares."""
    there = [each for each in curves if each.points]
    rows, cells = height - len(there) - 3, width - _LABEL
    if not there:
        return [Content.styled("no run has said anything of its loss yet", "$quiet")]
    if rows < 3 or cells < 10:
        return _table(there)
    known = sorted(point.loss for each in there for point in each.points)
    low, high = known[0], max(usual_top(known), known[0] + 1e-9)
    canvas = Canvas(cells, rows)
    # The first is drawn last, over the others.
    for each in reversed(there):
        _draw(canvas, each, low, high)
    lines = [_plot_row(canvas, y, low, high) for y in range(rows)]
    half = cells // 2
    axis = f"{'':<{_LABEL}}{'0 %':<{half}}{'50 %':<{max(cells - half - 5, 0)}}100 %"
    return [*lines, Content.styled(axis, "$quiet"), Content(""), *_table(there)]


def _draw(canvas: Canvas, curve: Named, low: float, high: float) -> None:
    """A dot for each column, and the steps between two of them; what is too high is left out."""
    before: int | None = None
    begin, until = curve.points[0].fraction, curve.points[-1].fraction
    for x in range(canvas.dots_wide):
        share = x / max(canvas.dots_wide - 1, 1)
        loss = loss_at(curve.points, share) if begin <= share <= until else None
        if loss is None or loss > high:
            before = None
            continue
        y = round((high - loss) / (high - low) * (canvas.dots_high - 1))
        canvas.line(x, y if before is None else before, x, y, curve.style)
        before = y


def _plot_row(canvas: Canvas, y: int, low: float, high: float) -> Content:
    last = canvas.height - 1
    loss = high - (high - low) * y / max(last, 1)
    label = f"{loss:.4f}" if y in (0, last // 2, last) else ""
    return Content.assemble((f"{label:>{_LABEL - 2}} │", "$quiet"), *canvas.row(y))


def _table(curves: Sequence[Named]) -> list[Content]:
    name = max(len(each.name) for each in curves)
    head = f"{'':<{name + 2}}" + "".join(f"{f'{share:.0%}':>9}" for share in _SHARES) + "     last"
    lines = [Content.styled(head, "$quiet")]
    for each in curves:
        until = each.points[-1].fraction
        at = [loss_at(each.points, s) if s <= until + 1e-9 else None for s in _SHARES]
        told = "".join(f"{'' if loss is None else f'{loss:.4f}':>9}" for loss in at)
        last = f"{each.points[-1].loss:>9.4f}"
        lines.append(Content.assemble((f"━ {each.name:<{name}}", each.style), told + last))
    return lines


class CurvePane(Drawn):
    """The curves that it was given last."""

    def __init__(self) -> None:
        super().__init__(id="curve", classes="pane", ticks=False)
        self._curves: Sequence[Named] = ()

    def give(self, curves: Sequence[Named]) -> None:
        """Show other curves."""
        self._curves = curves
        self.draw()

    def lines(self, view: View, now: float, width: int) -> list[Content]:
        """The plot."""
        return curve_plot(self._curves, width, self.content_size.height)
