"""The panes beside and below each other; the borders between them are drawn by keys and mouse."""

from dataclasses import dataclass

from textual import events
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from autoresearch_tui.tui.preferences import Layout

NARROW, NORMAL, WIDE = 60, 110, 170
"""Columns from which panes stand one at a time, two by two, all beside each other."""

_UPPER = 5
"""Tenths of the height for the upper panes, where nobody has changed it."""


class Panes(Container):
    """Shares out its place; what is in it says by its own style where it stands."""

    @dataclass
    class Resized(Message):
        """The operator has given the panes other shares."""

        layout: Layout

    def __init__(self, *panes: Widget, layout: Layout) -> None:
        super().__init__(*panes, id="panes")
        self.shares = layout
        self._drags_column = self._drags_row = False

    def share_out(self) -> None:
        """Give the panes their shares of the screen."""
        styles, width = self.styles, self.screen.size.width
        if width < NORMAL:
            styles.clear_rule("grid_columns")
            styles.clear_rule("grid_rows")
            return
        columns = 1 if width < WIDE else 3
        left, top = self._left + self.shares.wider, _UPPER + self.shares.higher
        styles.grid_columns = " ".join([f"{left}fr"] * columns + [f"{10 - left}fr"] * columns)
        styles.grid_rows = f"{top}fr {10 - top}fr"

    def resize(self, layout: Layout) -> None:
        """Change the shares, and say so."""
        if layout != self.shares:
            self.shares = layout
            self.share_out()
            self.post_message(self.Resized(layout))

    @property
    def _left(self) -> int:
        """Tenths of the width for the left panes, where nobody has changed it."""
        return 6 if self.screen.size.width < WIDE else 5

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the border that is under the mouse."""
        if self.screen.size.width < NORMAL or self.screen.maximized is not None:
            return
        corner = self.children[0].region
        x, y = event.screen_x, event.screen_y
        is_beside = self.screen.size.width < WIDE or y <= corner.bottom
        self._drags_column = is_beside and round(x) in (corner.right - 1, corner.right)
        self._drags_row = round(y) in (corner.bottom - 1, corner.bottom)
        if self._drags_column or self._drags_row:
            self.capture_mouse()
            event.stop()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Draw it to where the mouse is, as near as the shares allow."""
        if not (self._drags_column or self._drags_row):
            return
        wider, higher = self.shares.wider, self.shares.higher
        if self._drags_column:
            wider = round(10 * (event.screen_x - self.region.x) / self.region.width) - self._left
        if self._drags_row:
            higher = round(10 * (event.screen_y - self.region.y) / self.region.height) - _UPPER
        self.resize(Layout().resized(wider, higher))

    def on_mouse_up(self) -> None:
        """Let it go."""
        if self._drags_column or self._drags_row:
            self._drags_column = self._drags_row = False
            self.release_mouse()
