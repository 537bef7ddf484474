"""All there is to say of one experiment but its diff, in lines; made of a picture."""

from collections.abc import Sequence

from autoresearch_tui.domain import Experiment, Judgement, Run
from autoresearch_tui.spoken import duration
from autoresearch_tui.tui.card import card
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.words import mark

Lines = list[tuple[str, str]]


def summary(view: View, experiment: Experiment) -> Lines:
    """What it is, what the judge said, its runs, and what is needed to decide on a proposal."""
    runs = view.runs_by_experiment.get(experiment.id, ())
    lines = _page(experiment, runs, view.rows_by_experiment.get(experiment.id, ()))
    about = card(view, experiment, view.clock())
    return [*lines, ("", ""), *about] if about else lines


def metrics_lines(runs: Sequence[Run]) -> Lines:
    """All that the newest run with a summary printed in it."""
    printed = next((run for run in reversed(runs) if run.metrics), None)
    if printed is None:
        return []
    width = max(map(len, printed.metrics))
    lines = [(f"{name:<{width}}  {value}", "") for name, value in printed.metrics.items()]
    return [(f"{printed.id} printed", "$quiet"), *lines]


def _page(experiment: Experiment, runs: Sequence[Run], rows: Sequence[Judgement]) -> Lines:
    e, sign = experiment, mark(experiment)
    lines: Lines = [(e.title, "bold"), (f"{sign.sign} {sign.word}", sign.style)]
    if len(rows) > 1:
        lines += [(_verdict(row), "") for row in rows]
    elif e.why:
        lines.append((e.why, sign.style))
    lines += [("", ""), (e.hypothesis, "")]
    if e.expected:
        lines.append((f"expected: {e.expected}", "$quiet"))
    origin = f"by {e.origin}, on {e.parent}" if e.parent else f"by {e.origin}"
    lines += [(origin, "$quiet"), ("", "")]
    return [*lines, *((_run(run), "$primary") for run in runs)]


def _verdict(row: Judgement) -> str:
    value = "" if row.value is None else f"{row.value:.6f}"
    return "  ".join(part for part in (row.accelerator, row.verdict, value, row.why) if part)


def _run(run: Run) -> str:
    value = "" if run.value is None else f"{run.value:.6f}"
    took = ""
    if run.started_at is not None and run.ended_at is not None:
        took = f"in {duration(run.ended_at - run.started_at)}"
    parts = (run.id, run.status, run.cluster or "", took, value, run.why)
    return "  ".join(part for part in parts if part)
