"""Asks why a proposal is vetoed; the researcher is told."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label


class VetoScreen(ModalScreen[str | None]):
    """Gives the reason, which may be empty, or None when the operator turns back."""

    BINDINGS = [Binding("escape", "dismiss(None)", "back")]

    def __init__(self, experiment: str, title: str) -> None:
        super().__init__()
        self._words = Content.assemble(
            ("Veto ", "$warning bold"), (f"{experiment} ", "bold"), title
        )

    def compose(self) -> ComposeResult:
        """One line to type into."""
        with Vertical(classes="dialog"):
            yield Label(self._words)
            yield Input(placeholder="why (the researcher is told; may stay empty)")
            yield Label("enter vetoes   escape goes back", classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Veto with what was typed."""
        self.dismiss(event.value.strip())
