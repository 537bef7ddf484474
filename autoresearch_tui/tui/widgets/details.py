"""All there is to say of one experiment: why, what came out, the diff."""

from collections.abc import Sequence

from autoresearch_tui.domain import Experiment, Judgement, Run
from autoresearch_tui.spoken import duration
from autoresearch_tui.tui.card import card
from autoresearch_tui.tui.compare import comparison
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.lines import Lines
from autoresearch_tui.tui.words import mark

_DIFF_STYLES = {"+": "$success", "-": "$error", "@": "$primary", "d": "$quiet", "i": "$quiet"}


def _diff_style(line: str) -> str:
    # The heads of a file look like changes, but are none.
    return "$quiet" if line.startswith(("--- ", "+++ ")) else _DIFF_STYLES.get(line[:1], "")


class DetailsPane(Lines):
    """Shows one experiment; the diff comes later, from git."""

    def __init__(self) -> None:
        super().__init__(id="details", empty="choose an experiment: ↑ ↓, then enter")
        self.border_title = "5 details"
        self._drawn: list[tuple[str, str]] = []
        self._diff: tuple[str, str] = ("", "")
        self._curve: tuple[str, list[tuple[str, str]]] = ("", [])
        self._shown: str | None = None
        # The experiment that was chosen when two were compared: to choose another ends that.
        self._compared: str | None = None

    def compare(self, view: View, a: Experiment, b: Experiment) -> None:
        """Show two experiments until another one is chosen."""
        self._compared = self._shown or a.id
        self.entitle(f"5 {a.id} and {b.id}")
        self._drawn = comparison(view, a, b)
        self.replace(self._drawn)
        self.scroll_home(animate=False)

    def show(self, view: View, experiment: Experiment | None) -> None:
        """Draw an experiment as a view has it."""
        if experiment is None or self._compared == experiment.id:
            return
        self._compared = None
        runs = view.runs_by_experiment.get(experiment.id, ())
        lines = _page(experiment, runs, view.rows_by_experiment.get(experiment.id, ()))
        if self._curve[0] == experiment.id and self._curve[1]:
            lines += [("", ""), *self._curve[1]]
        if about := card(view, experiment, view.clock()):
            lines += [("", ""), *about]
        if self._diff[0] == experiment.id:
            lines += [
                ("", ""),
                *((line, _diff_style(line)) for line in self._diff[1].splitlines()),
            ]
        if lines == self._drawn:
            return
        self.entitle(f"5 {experiment.id}")
        self._drawn = lines
        self.replace(lines)
        if self._shown != experiment.id:
            self._shown = experiment.id
            self.scroll_home(animate=False)

    def show_curve(self, experiment: str, lines: list[tuple[str, str]]) -> None:
        """Keep a training curve for the next drawing of its experiment."""
        self._curve = experiment, lines

    def show_diff(self, experiment: str, diff: str) -> None:
        """Keep a diff for the next drawing of its experiment."""
        self._diff = experiment, diff


def _page(
    experiment: Experiment, runs: Sequence[Run], rows: Sequence[Judgement]
) -> list[tuple[str, str]]:
    e, sign = experiment, mark(experiment)
    lines = [(e.title, "bold"), (f"{sign.sign} {sign.word}", sign.style)]
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
