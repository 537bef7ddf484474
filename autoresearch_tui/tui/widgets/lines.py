"""A pane of lines that grows at its end; only the visible ones are drawn."""

import itertools
import re
from collections.abc import Iterable

from rich.segment import Segment
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")

_KEPT = 10_000
"""Lines kept for scrolling back."""


def plain(text: str) -> str:
    """Text without escape sequences and control characters, tabs as spaces."""
    return _CONTROL.sub("", text.expandtabs(4))


class Lines(ScrollView, can_focus=True):
    """Lines with a style each; with `follow` the end stays in sight until one scrolls away.

    Without `wrap`, long lines are scrolled sideways.
    """

    BINDINGS = [
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]

    def __init__(self, *, id: str, empty: str, follow: bool = False, wrap: bool = True) -> None:
        super().__init__(id=id, classes="pane")
        self._source: list[tuple[str, str]] = []
        self._rows: list[tuple[str, str]] = []
        self._longest = 0
        self._wrapped_at = 0
        self._empty = empty
        self._follow = self._following = follow
        self._wrap = wrap

    def write(self, lines: Iterable[tuple[str, str]]) -> None:
        """Append lines, each with its style."""
        new = [(plain(text), style) for text, style in lines]
        self._source += new
        if len(self._source) > 2 * _KEPT:
            self._source = self._source[-_KEPT:]
            self._rows = []
            new = self._source
        self._add_rows(new)
        self._fit()

    def replace(self, lines: Iterable[tuple[str, str]]) -> None:
        """Show other lines, at the same place."""
        self._source, self._rows, self._longest = [], [], 0
        self.write(lines)

    def clear(self) -> None:
        """Remove all lines."""
        self._following = self._follow
        self.replace(())

    def on_resize(self) -> None:
        """Wrap the lines again."""
        if self._width != self._wrapped_at:
            self._wrapped_at, self._rows = self._width, []
            self._add_rows(self._source)
            self._fit()

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Stop following when one scrolls back, and follow again from the end."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value:
            self._following = False
        if new_value >= self.max_scroll_y - 1:
            self._following = self._follow

    def _add_rows(self, lines: Iterable[tuple[str, str]]) -> None:
        if self._wrapped_at <= 0:
            return
        if self._wrap:
            pieces = (_wrapped(*line, self._wrapped_at) for line in lines)
            self._rows += itertools.chain.from_iterable(pieces)
        else:
            self._rows += lines
            self._longest = max((len(text) for text, _ in self._rows), default=0)

    def _fit(self) -> None:
        self.virtual_size = Size(max(self._longest, self._wrapped_at), len(self._rows))
        if self._following:
            # The pane learns how far it can scroll with the next layout.
            self.call_after_refresh(self._go_to_end)
        self.refresh()

    def _go_to_end(self) -> None:
        if self._following:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        at = y + round(self.scroll_y)
        if not self._rows and y == 0:
            text, style = self._empty, "$quiet"
        elif at < len(self._rows):
            text, style = self._rows[at]
            text = text[round(self.scroll_x) :]
        else:
            text, style = "", ""
        return self.drawn(Content.styled(text, style) if style else Content(text))

    def drawn(self, content: Content) -> Strip:
        """One line of the pane, filled up to its width with its background."""
        base, width = self.rich_style, self._width
        if not content.plain:
            return Strip([Segment(" " * width, base)], width)
        short = content.truncate(width, ellipsis=True)
        strip = Visual.to_strips(self, short, width, 1, self.visual_style)[0]
        return strip.adjust_cell_length(width, base)


def _wrapped(text: str, style: str, width: int) -> list[tuple[str, str]]:
    """Cut a line into pieces of at most `width` cells, between words where that is possible."""
    pieces: list[tuple[str, str]] = []
    while len(text) > width:
        cut = text.rfind(" ", width // 2, width + 1)
        cut = cut if cut > 0 else width
        pieces.append((text[:cut], style))
        text = text[cut:].lstrip(" ")
    return [*pieces, (text, style)]
