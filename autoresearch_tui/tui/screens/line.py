"""Asks for one line of text: a reason, words for the researchers, a query, what to look for."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from autoresearch_tui.query import HELP


class LineScreen(ModalScreen[str | None]):
    """Gives the line, which may be empty, or None when the operator turns back."""

    BINDINGS = [Binding("escape", "dismiss(None)", "back")]

    def __init__(self, about: Content, placeholder: str, enter: str, value: str = "") -> None:
        super().__init__()
        self._value = value
        self._about = about
        self._placeholder = placeholder
        self._hint = f"enter {enter}   escape goes back"

    @classmethod
    def veto(cls, experiment: str, title: str) -> "LineScreen":
        """Why a proposal is not to run."""
        about = Content.assemble(("Veto ", "$warning bold"), (f"{experiment} ", "bold"), title)
        return cls(about, "why (the researcher is told; may stay empty)", "vetoes")

    @classmethod
    def steer(cls, researcher: str) -> "LineScreen":
        """What `researcher` is to know."""
        about = Content.assemble(("Tell ", "$accent bold"), (researcher, "bold"))
        return cls(about, "what to try, to leave alone, or to look at", "tells")

    @classmethod
    def showing(cls, value: str) -> "LineScreen":
        """Which experiments are to be shown."""
        return cls(Content.styled("Show", "$primary bold"), HELP, "shows them", value)

    @classmethod
    def finding(cls, pane: str) -> "LineScreen":
        """What to look for in a pane."""
        about = Content.assemble(("Find in ", "$primary bold"), (pane, "bold"))
        return cls(about, "text", "finds it; n and N go on")

    class Ready(Message):
        """It takes what is typed."""

    def on_descendant_focus(self) -> None:
        """Say so."""
        self.post_message(self.Ready())

    def compose(self) -> ComposeResult:
        """One line to type into."""
        with Vertical(classes="dialog"):
            yield Label(self._about)
            yield Input(self._value, placeholder=self._placeholder)
            yield Label(self._hint, classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back with what was typed."""
        self.dismiss(event.value.strip())
