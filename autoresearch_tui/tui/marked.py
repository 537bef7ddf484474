"""Several experiments side by side, in lines: their results, and what goes with what."""

from collections import defaultdict
from collections.abc import Sequence

from autoresearch_tui.domain import Experiment, Judgement, Noise, Scalar
from autoresearch_tui.judge.compare import difference
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.lines import Line
from autoresearch_tui.tui.words import mark

_WIDEST = 14


def measured_on(view: View, marked: Sequence[Experiment]) -> dict[str, list[Judgement]]:
    """Their results on each accelerator type, the best first; types are never mixed."""
    minimize = view.study is None or view.study.minimize
    found: dict[str, list[Judgement]] = defaultdict(list)
    for experiment in marked:
        for row in view.rows_by_experiment.get(experiment.id, ()):
            if row.value is not None:
                found[row.accelerator].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (row.value or 0.0) * (1 if minimize else -1))
    return dict(sorted(found.items()))


def marked_lines(view: View, marked: Sequence[Experiment]) -> list[Line]:
    """A table for each accelerator type, what each constant goes with, and who has no result."""
    names = _differing(marked)
    lines: list[Line] = []
    groups = measured_on(view, marked)
    for kind, rows in groups.items():
        lines += [*_table(view, kind, rows, names), ("", "")]
        lines += _levels(view, kind, rows, names)
    there = {row.experiment for rows in groups.values() for row in rows}
    if without := [each for each in marked if each.id not in there]:
        lines.append(("without a result", "bold"))
        lines += [(f"{e.id}  {mark(e).sign} {mark(e).word}  {e.title}", "$quiet") for e in without]
    return lines


def _differing(marked: Sequence[Experiment]) -> list[str]:
    """The constants in which they are not all the same, in the order of their code."""
    names = dict.fromkeys(name for each in marked for name in each.constants)
    return [name for name in names if len({each.constants.get(name) for each in marked}) > 1]


def _table(view: View, kind: str, rows: Sequence[Judgement], names: Sequence[str]) -> list[Line]:
    """One line each, held against the best of them."""
    noise, best = view.noise.get(kind, Noise(None, 0)), rows[0]
    minimize = view.study is None or view.study.minimize
    widths = [_width(name, [_constant(view, row, name) for row in rows]) for name in names]
    spread = f"noise sd {noise.sd:.4f}" if noise.sd else "the noise is not known yet"
    heads = "  ".join(f"{name:>{w}.{w}}" for name, w in zip(names, widths, strict=True))
    lines: list[Line] = [
        (f"{kind}: {len(rows)} measured, {spread}", "bold"),
        (f"  {'id':<7} {'value':>10} {'to first':>10} {'sigma':>6} {'runs':>4}  {heads}", "$quiet"),
    ]
    for row in rows:
        held = ("", "", "★" if row is best else " ")
        style = "$success" if row is best else ""
        if row is not best:
            runs = best.runs, row.runs
            found = difference(best.value or 0.0, row.value or 0.0, runs, noise, minimize=minimize)
            sigma = "" if found.z is None else f"{found.z:+.1f}"
            held = (f"{found.gain:+.6f}", sigma, "≈" if found.is_within_noise else " ")
            style = "" if found.is_within_noise else "$quiet"
        values = "  ".join(
            f"{_said(_constant(view, row, name)):>{w}.{w}}"
            for name, w in zip(names, widths, strict=True)
        )
        gain, sigma, sign = held
        numbers = f"{row.value:>10.6f} {gain:>10} {sigma:>6} {row.runs:>4}"
        lines.append((f"{sign} {row.experiment:<7} {numbers}  {values}", style))
    if len(rows) > 1:
        lines.append(("≈ no further from the first than the noise explains", "$quiet"))
    return lines


def _levels(view: View, kind: str, rows: Sequence[Judgement], names: Sequence[str]) -> list[Line]:
    """The mean result at each value of a constant, where each was measured twice or more.

    Such marginal means are the main effects of a factorial design (Fisher, "The Design of
    Experiments", 1935) where every combination is there; elsewhere other constants have a hand.
    """
    found: list[Line] = []
    for name in names:
        levels: dict[Scalar | None, list[float]] = defaultdict(list)
        for row in rows:
            levels[_constant(view, row, name)].append(row.value or 0.0)
        if len(levels) > 1 and min(map(len, levels.values())) > 1:
            means = sorted((sum(v) / len(v), len(v), _said(at)) for at, v in levels.items())
            told = "   ".join(f"{at} {mean:.6f} ({count})" for mean, count, at in means)
            found.append((f"  {name:<{_WIDEST}.{_WIDEST}} {told}", ""))
    if not found:
        return []
    head = f"{kind}: the mean at each value of a constant (how many), the lowest first"
    return [(head, "bold"), *found, ("the other constants are not held still", "$quiet"), ("", "")]


def _constant(view: View, row: Judgement, name: str) -> Scalar | None:
    return view.by_id[row.experiment].constants.get(name)


def _width(name: str, values: Sequence[Scalar | None]) -> int:
    return min(max(len(name), *(len(_said(value)) for value in values)), _WIDEST)


def _said(value: Scalar | None) -> str:
    return "–" if value is None else f"{value}"
