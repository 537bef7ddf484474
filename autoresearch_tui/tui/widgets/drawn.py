"""A widget that is drawn anew from the newest view, and every second for its clocks."""

import time

from textual.content import Content
from textual.widgets import Static

from autoresearch_tui.tui.view import View


class Drawn(Static):
    """Subclasses say what to draw."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._view = View()

    def on_mount(self) -> None:
        """Begin the clock."""
        self.set_interval(1.0, self._draw)

    def on_resize(self) -> None:
        """Fit the lines again."""
        self._draw()

    def show(self, view: View) -> None:
        """Draw a view."""
        self._view = view
        self._draw()

    def lines(self, view: View, now: float, width: int) -> list[Content]:
        """What to draw, each line at most `width` cells; `now` in Unix seconds."""
        raise NotImplementedError

    def _draw(self) -> None:
        width = self.content_size.width
        if width > 0:
            self.update(Content("\n").join(self.lines(self._view, time.time(), width)))
