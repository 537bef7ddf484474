"""Asks how the study is to end."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label


class StopScreen(ModalScreen[str | None]):
    """Gives `end`, `now`, or None when the study goes on."""

    BINDINGS = [
        Binding("S", "dismiss('end')", "let runs end"),
        Binding("X", "dismiss('now')", "end them now"),
        Binding("escape", "dismiss(None)", "back"),
    ]

    def compose(self) -> ComposeResult:
        """The choices."""
        with Vertical(classes="dialog"):
            yield Label("Stop the study?")
            yield Label("S  let the running runs end, then finish")
            yield Label("X  end the running runs now, then finish")
            yield Label("escape goes back", classes="hint")
