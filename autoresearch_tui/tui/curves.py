"""Training curves in lines: an experiment's beside that of the best, at the same shares."""

from bisect import bisect_right
from collections.abc import Sequence

from autoresearch_tui.domain import CurvePoint
from autoresearch_tui.tui.words import BARS

Lines = list[tuple[str, str]]

_CELLS = 24


def loss_at(curve: Sequence[CurvePoint], share: float) -> float | None:
    """The newest loss up to a share of the budget."""
    at = bisect_right(curve, share + 1e-9, key=lambda point: point.fraction)
    return curve[at - 1].loss if at else None


def curve_lines(mine: Sequence[CurvePoint], best: Sequence[CurvePoint]) -> Lines:
    """Two bars over the same shares, on one scale, with the newest loss and what the best had."""
    if not mine:
        return []
    shares = [(cell + 1) / _CELLS for cell in range(_CELLS)]
    until = mine[-1].fraction
    here = [loss_at(mine, share) for share in shares if share <= until + 1 / _CELLS]
    there = [loss_at(best, share) for share in shares]
    known = sorted(loss for loss in (*here, *there) if loss is not None)
    low, high = known[0], usual_top(known)
    last = mine[-1].loss
    said, then = f"{last:.4f} at {until:.0%}", loss_at(best, until)
    if then is not None:
        said += f" ({last - then:+.4f})"
    lines: Lines = [(f"loss  {_bar(here, low, high):<{_CELLS}}  {said}", "$primary")]
    if then is not None:
        lines.append((f"best  {_bar(there, low, high)}  {then:.4f} there", "$success"))
    return lines


def usual_top(known: Sequence[float]) -> float:
    """The highest loss that gets a bar of its own: the first steps would hide all others."""
    return known[round(0.9 * (len(known) - 1))]


def falling(curve: Sequence[CurvePoint], cells: int) -> str:
    """How the loss went up to now, in so many cells; empty before there is anything to see."""
    if len(curve) < cells:
        return ""
    until = curve[-1].fraction
    losses = [loss_at(curve, until * (cell + 1) / cells) for cell in range(cells)]
    known = sorted(loss for loss in losses if loss is not None)
    return _bar(losses, known[0], usual_top(known))


def _bar(losses: Sequence[float | None], low: float, high: float) -> str:
    span = max(high - low, 1e-12)

    def cell(loss: float | None) -> str:
        if loss is None:
            return " "
        return BARS[round(min((loss - low) / span, 1.0) * (len(BARS) - 1))]

    return "".join(map(cell, losses))
