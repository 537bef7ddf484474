"""The line that tells what has happened since the operator last looked."""

from textual.content import Content

from autoresearch_tui.domain import Event
from autoresearch_tui.tui.digest import Left, digest
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.drawn import Drawn

_KINDS = ("cluster.gone", "cluster.failed", "cluster.suspected")


class Returned(Drawn):
    """Stands until escape sends it away; it says what was so when the cockpit was opened."""

    DEFAULT_CSS = "Returned { height: 1; padding: 0 1; display: none; }"

    def __init__(self, left: Left | None) -> None:
        super().__init__(id="returned", ticks=False)
        self._left = left
        self._words = ""

    def tell(self, view: View) -> None:
        """Say what the first picture of a study holds of it; later ones change nothing."""
        if view.study is None or self._left is None:
            return
        news: list[Event] = [event for event in view.events if event.kind in _KINDS]
        self._words = digest(view, self._left, news, view.clock())
        self._left = None
        self.display = bool(self._words)
        self.draw()

    def dismiss(self) -> bool:
        """Send it away; whether it was there."""
        was = self.display
        self.display = False
        return was

    def lines(self, view: View, now: float, width: int) -> list[Content]:
        """One line."""
        words = Content.assemble((self._words, "$accent"), ("  esc", "$quiet"))
        return [words.truncate(width, ellipsis=True)]
