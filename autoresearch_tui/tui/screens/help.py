"""What the keys do, made from the commands, and what the signs mean."""

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from autoresearch_tui.query import HELP
from autoresearch_tui.tui.commands import DECIDE, LIST, LOOK, OPENED, PLOT, Command

_SIGNS = f"""\
A QUERY (f), all of it at once:
  {HELP}

SIGNS
  ★ best   ✓ kept   · discarded   × crashed   ? waits for approval
  … queued   ▸ running   ⊘ vetoed, rejected, stale or cancelled
  In the plot: ● a new best, its line the best so far; grey dots other
  results, on the edge where they lie far outside; × crashes; ◎ chosen.
  Dotted: one sd on both sides of a best. ★ in it: certified.
  gain ≥: better than the baseline by at least this (95 %), counted that it
  is the best of all that were tried; what is within luck is called so.
  vs best: against the best at the time of the verdict.
  busy: share of the last hour in which the clusters executed runs.
"""


def help_text() -> str:
    """The page."""
    return "\n".join(
        [
            "DECIDE (capitals change the study)",
            *_lines(DECIDE),
            "",
            "LOOK",
            *_lines(LOOK),
            "",
            "IN THE LIST",
            *_lines(LIST),
            "",
            "IN THE PLOT, which a click works in too",
            *_lines(PLOT),
            "",
            "WHERE AN EXPERIMENT IS OPEN",
            *_lines(OPENED),
            "",
            "  tab goes to the next pane, ctrl+p has every command by name",
            "",
            _SIGNS,
        ]
    )


def _lines(commands: Iterable[Command]) -> list[str]:
    return [f"  {command.shown_keys:<8} {command.words}" for command in commands]


class HelpScreen(ModalScreen[None]):
    """One page; any of its keys leads back."""

    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss", "back")]

    def compose(self) -> ComposeResult:
        """The page."""
        with VerticalScroll(classes="dialog tall"):
            yield Static(help_text(), markup=False)
