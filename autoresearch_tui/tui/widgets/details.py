"""All there is to say of one experiment: why, what came out, the diff."""

from autoresearch_tui.domain import Experiment
from autoresearch_tui.tui.diffs import diff_lines
from autoresearch_tui.tui.summary import summary
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.lines import Line, Lines


class DetailsPane(Lines):
    """Shows one experiment; the diff comes later, from git."""

    def __init__(self) -> None:
        super().__init__(id="details", empty="choose an experiment: ↑ ↓, then enter")
        self.border_title = "5 details"
        self._drawn: list[Line] = []
        self._diff: tuple[str, list[Line]] = ("", [])
        self._curve: tuple[str, list[tuple[str, str]]] = ("", [])
        self._shown: str | None = None

    def show(self, view: View, experiment: Experiment | None) -> None:
        """Draw an experiment as a view has it."""
        if experiment is None:
            return
        lines: list[Line] = [*summary(view, experiment)]
        if self._curve[0] == experiment.id and self._curve[1]:
            lines += [("", ""), *self._curve[1]]
        if self._diff[0] == experiment.id:
            lines += [("", ""), *self._diff[1]]
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
        self._diff = experiment, diff_lines(diff)
