"""Two experiments side by side, in lines; a function of a picture's values."""

from collections.abc import Mapping, Sequence

from autoresearch_tui.domain import Experiment, Noise, Run, RunStatus, Scalar
from autoresearch_tui.judge.compare import difference
from autoresearch_tui.tui.view import View

Lines = list[tuple[str, str]]


def comparison(view: View, a: Experiment, b: Experiment) -> Lines:
    """What the two are, how they differ in constants and results, and whether that is noise."""
    lines: Lines = [
        (f"{a.id}  {a.title}", "bold"),
        (f"{b.id}  {b.title}", "bold"),
        ("", ""),
    ]
    lines += _results(view, a, b)
    lines += [("", ""), *_constants(a.constants, b.constants, a.id, b.id)]
    return [*lines, ("", ""), *_metrics(view, a, b)]


def _results(view: View, a: Experiment, b: Experiment) -> Lines:
    first, second = (
        {row.accelerator: row for row in view.rows_by_experiment.get(each.id, ())}
        for each in (a, b)
    )
    minimize = view.study is None or view.study.minimize
    lines: Lines = []
    for kind in sorted(first.keys() & second.keys()):
        one, two = first[kind], second[kind]
        if one.value is None or two.value is None:
            continue
        noise, runs = view.noise.get(kind, Noise(None, 0)), (one.runs, two.runs)
        found = difference(one.value, two.value, runs, noise, minimize=minimize)
        style = "" if found.is_within_noise else "$success" if found.gain > 0 else "$error"
        lines.append((f"{kind}  {one.value:.6f} and {two.value:.6f}", ""))
        lines.append((f"{b.id} is {found.words}", style))
    return lines or [("not measured on a common accelerator type: not comparable", "$warning")]


def _constants(a: Mapping[str, Scalar], b: Mapping[str, Scalar], first: str, second: str) -> Lines:
    names = [name for name in {**a, **b} if a.get(name) != b.get(name)]
    if not names:
        return [("the same constants", "$quiet")]
    width = max(map(len, names))
    head = (f"{'':<{width}}  {first:>12} {second:>12}", "$quiet")
    return [
        head,
        *(
            (f"{name:<{width}}  {_said(a.get(name)):>12} {_said(b.get(name)):>12}", "")
            for name in names
        ),
    ]


def _said(value: object) -> str:
    return "–" if value is None else f"{value}"


def _metrics(view: View, a: Experiment, b: Experiment) -> Lines:
    """What the newest run of each printed, where both did."""
    runs = [_newest(view.runs_by_experiment.get(each.id, ())) for each in (a, b)]
    if runs[0] is None or runs[1] is None:
        return []
    mine, theirs = runs[0].metrics, runs[1].metrics
    both = [name for name in mine if name in theirs]
    width = max(map(len, both), default=0)
    return [
        (f"{name:<{width}}  {_said(mine[name]):>12} {_said(theirs[name]):>12}", "$quiet")
        for name in both
    ]


def _newest(runs: Sequence[Run]) -> Run | None:
    return next((run for run in reversed(runs) if run.status is RunStatus.SUCCEEDED), None)
