"""Widgets that send to the terminal only those of their lines that have changed."""

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from autoresearch_tui.tui.view import View


class Painted(Widget):
    """Remembers the lines that it has drawn; subclasses give each by `render_line`."""

    def __init__(self, *, id: str, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self._painted: list[Strip] = []

    def entitle(self, title: str) -> None:
        """Name the pane; the same name again draws nothing."""
        if self.border_title != title:
            self.border_title = title

    def repaint(self) -> None:
        """Draw the lines that differ from those drawn before."""
        width, height = self.size
        lines = [self.render_line(y) for y in range(height)]
        if len(lines) != len(self._painted):
            self.refresh()
        else:
            pairs = enumerate(zip(lines, self._painted, strict=True))
            regions = [Region(0, y, width, 1) for y, (new, old) in pairs if new != old]
            if regions:
                self.refresh(*regions)
        self._painted = lines

    def strip(self, content: Content, width: int) -> Strip:
        """A line of `width` cells, filled up with the background."""
        base = self.rich_style
        if not content.plain:
            return Strip([Segment(" " * width, base)], width)
        short = content.truncate(width, ellipsis=True)
        line = Visual.to_strips(self, short, width, 1, self.visual_style)[0]
        return line.adjust_cell_length(width, base)


class Drawn(Painted):
    """Lines that follow from the newest view; with `ticks` drawn every second for their clocks."""

    def __init__(self, *, id: str, classes: str = "", ticks: bool = True) -> None:
        super().__init__(id=id, classes=classes)
        self.shown: list[Content] = []
        self._view = View()
        self._ticks = ticks

    def on_mount(self) -> None:
        """Begin the clock."""
        if self._ticks:
            self.set_interval(1.0, self.draw)

    def on_resize(self) -> None:
        """Fit the lines again."""
        self.draw()

    def show(self, view: View) -> None:
        """Draw a view."""
        self._view = view
        self.draw()

    def lines(self, view: View, now: float, width: int) -> list[Content]:
        """What to draw, each line at most `width` cells; `now` in Unix seconds."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw what has changed."""
        width = self.content_size.width
        if width <= 0:
            return
        lines = self.lines(self._view, self._view.clock(), width)
        is_other_height = len(lines) != len(self.shown)
        # What is equal for Textual may be drawn in other colours.
        if not is_other_height and all(map(Content.is_same, lines, self.shown)):
            return
        self.shown = lines
        if is_other_height and self.styles.is_auto_height:
            self.refresh(layout=True)
        self.repaint()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are."""
        return max(len(self.shown), 1)

    def render_line(self, y: int) -> Strip:
        """One line."""
        content = self.shown[y] if y < len(self.shown) else Content("")
        return self.strip(content, self.size.width)
