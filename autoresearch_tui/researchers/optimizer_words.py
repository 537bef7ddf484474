"""What the optimiser says: titles, hypotheses, and a table of what it knows."""

from collections.abc import Sequence

from autoresearch_tui.code.space import SearchAxis
from autoresearch_tui.domain import Scalar
from autoresearch_tui.researchers.base import Brief
from autoresearch_tui.researchers.optimizer_model import Point, Surrogate

Move = tuple[SearchAxis, Scalar, Scalar]

_ENOUGH = 6
"""Results before a prediction is worth words."""


def describe(
    surrogate: Surrogate, moved: Sequence[Move], start: Point, point: Point, brief: Brief
) -> tuple[str, str, str]:
    """Title, hypothesis and expected effect of a proposal."""
    title = ", ".join(_move(*move) for move in moved)
    if surrogate.results < _ENOUGH:
        names = " and ".join(axis.name for axis, _, _ in moved)
        return title, f"How much {names} matters is not known yet; one step tells.", ""
    return (
        title,
        f"{_tied(surrogate, moved)}{_reason(surrogate, moved)}",
        _expected(surrogate, start, point, brief),
    )


def _move(axis: SearchAxis, before: Scalar, after: Scalar) -> str:
    return f"{axis.name} {_short(before)} → {_short(after)}"


def _short(value: Scalar) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _tied(surrogate: Surrogate, moved: Sequence[Move]) -> str:
    """Why constants move together, where the file says so."""
    places = [surrogate.axes.index(axis) for axis, _, _ in moved]
    if len(places) < 2 or not all(other in surrogate.ties[places[0]] for other in places[1:]):
        return ""
    names = " and ".join(axis.name for axis, _, _ in moved)
    return f"The file ties {names} together, so they move together. "


def _reason(surrogate: Surrogate, moved: Sequence[Move]) -> str:
    shares = {key: (share, count) for key, share, count in surrogate.importances()}
    axis, _, _ = max(moved, key=lambda move: shares[move[0].key][0])
    share, count = shares[axis.key]
    if count == 0:
        return f"{axis.name} has not been moved yet; this tells whether it matters."
    at = surrogate.axes.index(axis)
    best = sorted({_short(value) for value in surrogate.best_values(at)})
    where = f"the best five results have {', '.join(best)}"
    return f"{axis.name} explains {share:.0%} of the differences so far; {where}."


def _expected(surrogate: Surrogate, start: Point, point: Point, brief: Brief) -> str:
    here, _ = surrogate.predict(start)
    there, sd = surrogate.predict(point)
    # The model takes lower as better, whatever the metric does.
    return f"gain {here - there:+.4f} ± {sd:.4f} {brief.metric} by the linear model"


def knowledge(surrogate: Surrogate, brief: Brief) -> str:
    """What the optimiser knows, as a table of at most 60 columns."""
    told = f"{surrogate.results} results, {surrogate.crashes} crashes"
    head = f"{told}, incumbent {brief.incumbent.id}"
    if surrogate.results < _ENOUGH:
        return f"{head}\ntoo few results for a model: constants one at a time"
    rows = [f"{'constant':<22} {'share':>6} {'moved':>6}  now"]
    now = {axis.key: axis.current for axis in surrogate.axes}
    for key, share, count in surrogate.importances()[:8]:
        rows.append(f"{key:<22} {share:>6.0%} {count:>6}  {_short(now[key])}")
    return "\n".join([head, *rows])
