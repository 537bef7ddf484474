"""Asks before something that cannot be taken back."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label


class ConfirmScreen(ModalScreen[bool]):
    """Gives True when the operator presses enter."""

    BINDINGS = [
        Binding("enter", "dismiss(True)", "yes"),
        Binding("escape", "dismiss(False)", "back"),
    ]

    def __init__(self, act: str, target: str, title: str) -> None:
        super().__init__()
        self._words = Content.assemble((f"{act} ", "$warning bold"), (f"{target} ", "bold"), title)
        self._act = act

    def compose(self) -> ComposeResult:
        """What is about to be done."""
        with Vertical(classes="dialog"):
            yield Label(self._words)
            yield Label(f"enter: {self._act.lower()}   escape goes back", classes="hint")
