"""A pane of lines that grows at its end; only the visible ones are drawn."""

import itertools
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from autoresearch_tui.plain import plain
from autoresearch_tui.tui.widgets.drawn import Painted

Line = tuple[str, str | Content]
"""A line's text with its style, or with how it is drawn where one style is not enough."""

_KEPT = 10_000
"""Lines kept for scrolling back."""


class Lines(Painted, ScrollView, can_focus=True):
    """Lines with a style each; with `follow` the end stays in sight until one scrolls back.

    Only the operator's own scrolling ends that, never a layout; a badge says which it is.

    Without `wrap`, long lines are scrolled sideways.
    """

    BINDINGS = [
        Binding("space", "page_down", show=False),
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]

    def __init__(self, *, id: str, empty: str, follow: bool = False, wrap: bool = True) -> None:
        super().__init__(id=id, classes="pane")
        self._source: list[Line] = []
        self._rows: list[Line] = []
        self._longest = 0
        self._wrapped_at = 0
        self._empty = empty
        self._follow = self._following = follow
        self._wrap = wrap
        self._hint = ""
        self._found = ""
        self._found_at: int | None = None

    def write(self, lines: Iterable[Line]) -> None:
        """Append lines, each with its style."""
        new = [(clean(text), style) for text, style in lines]
        self._source += new
        if len(self._source) > 2 * _KEPT:
            self._source = self._source[-_KEPT:]
            self._rows = []
            new = self._source
        self._add_rows(new)
        self._fit()

    def amend(self, text: str) -> None:
        """Add to the end of the last line; what comes as it is written need not come in lines."""
        if not self._source:
            return
        last, style = self._source.pop()
        if self._wrapped_at > 0:
            drawn = len(_wrapped(last, style, self._wrapped_at)) if self._wrap else 1
            del self._rows[-drawn:]
        self.write([(last + text, style)])

    def replace(self, lines: Iterable[Line]) -> None:
        """Show other lines, at the same place."""
        self._source, self._rows, self._longest = [], [], 0
        self.write(lines)

    def clear(self) -> None:
        """Remove all lines."""
        self._set_following(True)
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

    def say_when_empty(self, words: str) -> None:
        """What stands there without a line."""
        if words != self._empty:
            self._empty = words
            self.repaint()

    @property
    def text(self) -> str:
        """All that is kept, as it came."""
        return "\n".join(text for text, _ in self._source)

    @property
    def allow_vertical_scroll(self) -> bool:
        """Whether there is more than can be seen; there is no scroll bar to ask."""
        return self.max_scroll_y > 0

    @property
    def hint(self) -> str:
        """What the lower border says beside the badge."""
        return self._hint

    @hint.setter
    def hint(self, text: str) -> None:
        self._hint = text
        self._badge()

    def _badge(self) -> None:
        badge = ""
        if self._follow:
            badge = "FOLLOWING" if self._following else "esc leads to the end"
        subtitle = "  ".join(part for part in (self._hint, badge) if part)
        if self.border_subtitle != subtitle:
            self.border_subtitle = subtitle

    def find(self, text: str, by: int) -> bool:
        """Bring the next row into sight that has a text, in a direction; round the end."""
        self._found = text.casefold()
        places = [at for at, (row, _) in enumerate(self._rows) if self._found in row.casefold()]
        return self._go_to_next(places if text else [], by)

    def find_style(self, style: str, by: int) -> bool:
        """Bring the next row into sight that is drawn in a style, as `find` does."""
        self._found = ""
        return self._go_to_next([at for at, row in enumerate(self._rows) if row[1] == style], by)

    def _go_to_next(self, places: Sequence[int], by: int) -> bool:
        if not places:
            self._found_at = None
            self.refresh()
            return False
        first = round(self.scroll_y) if self._found_at is None else self._found_at + by
        if by > 0:
            ahead = [at for at in places if at >= first]
            self._found_at = ahead[0] if ahead else places[0]
        else:
            ahead = [at for at in places if at <= first]
            self._found_at = ahead[-1] if ahead else places[-1]
        self._set_following(False)
        self.scroll_to(y=max(self._found_at - self.size.height // 2, 0), animate=False, force=True)
        self.refresh()
        return True

    def follow_end(self) -> None:
        """Go to the end and stay there; a pane that does not follow stays where it is."""
        self._found, self._found_at = "", None
        self._set_following(True)
        self._go_to_end()

    def _set_following(self, following: bool) -> None:
        self._following = following and self._follow
        self._badge()

    def _scrolled_back(self) -> None:
        if self.max_scroll_y > 0:
            self._set_following(False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow again once one has come to the end."""
        super().watch_scroll_y(old_value, new_value)
        self._painted = []
        if new_value > old_value and new_value >= self.max_scroll_y - 1:
            self._set_following(True)

    def action_scroll_up(self) -> None:
        """One line back."""
        self._scrolled_back()
        super().action_scroll_up()

    def action_page_up(self) -> None:
        """One page back."""
        self._scrolled_back()
        super().action_page_up()

    def action_scroll_home(self) -> None:
        """To the beginning."""
        self._scrolled_back()
        super().action_scroll_home()

    def on_mouse_scroll_up(self) -> None:
        """The wheel goes back."""
        self._scrolled_back()

    def _add_rows(self, lines: Sequence[Line]) -> None:
        if self._wrapped_at <= 0:
            return
        if self._wrap:
            pieces = (_wrapped(*line, self._wrapped_at) for line in lines)
            self._rows += itertools.chain.from_iterable(pieces)
        else:
            self._rows += lines
            self._longest = max(self._longest, *(cell_len(text) for text, _ in lines), 0)

    def _fit(self) -> None:
        size = Size(max(self._longest, self._wrapped_at), len(self._rows))
        height = self.size.height
        if (size.height > height) == (self.virtual_size.height > height) and size.height > height:
            # Behind the layout's back, which would draw the whole pane anew for each line of a log:
            # nothing but the scroll position depends on it, for there is no scroll bar.
            self.set_reactive(Widget.virtual_size, size)  # pyright: ignore[reportArgumentType]
            self.scroll_y = self.validate_scroll_y(self.scroll_y)
        else:
            self.virtual_size = size
            # The pane learns how far it can scroll with the next layout.
            self.call_after_refresh(self._go_to_end)
        if self._following:
            self._go_to_end()
        else:
            self.repaint()

    def _go_to_end(self) -> None:
        if self._following:
            self.scroll_target_y = self.max_scroll_y
            self.set_scroll(None, self.max_scroll_y)
            self.repaint()

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        at = y + round(self.scroll_y)
        if not self._rows and y == 0:
            text, style = self._empty, "$quiet"
        elif at < len(self._rows):
            text, style = self._rows[at]
        else:
            text, style = "", ""
        # One style to the end of the line is half the bytes of two.
        space = " " * (self._width - cell_len(text))
        if isinstance(style, Content):
            content = style.append(space)
        else:
            content = Content.styled(text + space, style) if style else Content(text + space)
        if self._found and (start := text.casefold().find(self._found)) >= 0:
            content = content.stylize("reverse", start, start + len(self._found))
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(at)) is not None:
            start, end = span
            content = content.stylize("reverse", start, None if end == -1 else end)
        column = round(self.scroll_x)
        if column:
            whole = self.strip(content, max(content.cell_length, column))
            return (
                whole.crop(column, column + self._width)
                .adjust_cell_length(self._width, self.rich_style)
                .apply_offsets(column, at)
            )
        return self.strip(content, self._width).apply_offsets(0, at)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that the mouse has marked."""
        text = selection.extract("\n".join(text for text, _ in self._rows))
        return (text, "\n") if text else None

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw the mark."""
        self.refresh()


def clean(text: str) -> str:
    """A line as it is drawn: without control characters, tabs as spaces."""
    return plain(text).expandtabs(4)


def _wrapped(text: str, style: str | Content, width: int) -> list[Line]:
    """Cut a line into pieces of at most `width` cells, between words where that is possible."""
    pieces: list[Line] = []
    begin, whole = 0, len(text)

    def piece(end: int) -> Line:
        return text[begin:end], style[begin:end] if isinstance(style, Content) else style

    while cell_len(rest := text[begin:]) > width:
        most = _characters_within(rest, width)
        cut = rest.rfind(" ", most // 2, most + 1)
        pieces.append(piece(end := begin + (cut if cut > 0 else most)))
        begin = whole - len(text[end:].lstrip(" "))
    return [*pieces, piece(whole)]


def _characters_within(text: str, width: int) -> int:
    """How many characters of a text that is too long fit into `width` cells; at least one."""
    used = 0
    for at, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return max(at, 1)
    return len(text)
