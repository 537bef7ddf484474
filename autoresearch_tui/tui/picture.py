"""What a terminal shows, as far as is known: of what is drawn anew only the changes are sent.

Textual draws whole lines, and a pane that scrolls as a whole. Over a slow line that is the most of
what the cockpit costs, and mostly it is what is there already.
"""

import re
from functools import lru_cache

from rich.cells import cell_len

from autoresearch_tui.tui.look import PLAIN, Look

_TOKEN = re.compile(
    r"\x1b\[(?P<style>[0-9;:]*)m"
    r"|\x1b\[(?P<y>\d+);(?P<x>\d+)H"
    r"|(?P<newline>\n)"
    r"|(?P<frame>\x1b\[\?2026[hl])"
    r"|(?P<harmless>\x07|\x1b\[\?[0-9;]*[hl]|\x1b\[\?[0-9;]*\$p|\x1b\[[<>=][0-9;]*u"
    r"|\x1b\[[0-9;]*t|\x1b\](?!8;)[^\x07\x1b]*(?:\x07|\x1b\\))"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|(?P<other>\x1b\[[0-?]*[ -/]*[@-~]|\x1b[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|.)",
    re.DOTALL,
)
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
"""A frame's bounds, for terminals that show one only when it is whole."""

_BRIDGE = 8
"""Cells that are as they were and yet written again: a move of the cursor costs as much."""

Cell = tuple[str, Look]


class _Row:
    """The cells of a line; those that are not known are None."""

    def __init__(self) -> None:
        self.cells: list[Cell | None] = []

    def changed(self, x: int, new: list[Cell]) -> list[tuple[int, int]]:
        """Where some cells from a column on differ: parts of them, none near to the next."""
        old = self.cells[x : x + len(new)]
        if old == new:
            return []
        found: list[tuple[int, int]] = []
        old += [None] * (len(new) - len(old))
        for at, (was, is_now) in enumerate(zip(old, new, strict=True)):
            if was == is_now:
                continue
            if found and at - found[-1][1] <= _BRIDGE:
                found[-1] = (found[-1][0], at + 1)
            else:
                found.append((at, at + 1))
        return found

    def put(self, x: int, new: list[Cell]) -> None:
        """Remember what is shown from a column on."""
        self.cells += [None] * (x - len(self.cells))
        self.cells[x : x + len(new)] = new


class Picture:
    """Follows the sequences that draw on a terminal, and gives those that are enough."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know nothing, as after a change of size: all that is drawn next is sent."""
        self._rows: dict[int, _Row] = {}
        self._x = self._y = 0
        self._cursor: tuple[int, int] | None = None
        self._look: Look | None = None
        self._wanted = PLAIN
        self._begins = False
        self._out: list[str] = []

    def changes(self, data: str) -> str:
        """What is to be sent so that the terminal shows what `data` draws."""
        self._out = []
        for token in _TOKEN.finditer(data):
            self._take(token)
        if (self._x, self._y) not in (self._cursor, (0, 0)):
            # An input method opens where the cursor is; at home it is nowhere.
            self._move(self._x, self._y)
        return "".join(self._out)

    def _take(self, token: re.Match[str]) -> None:
        kind, text = token.lastgroup, token[0]
        if kind == "style":
            self._wanted = self._wanted.then(token["style"])
        elif kind == "x":
            self._x, self._y = int(token["x"]) - 1, int(token["y"]) - 1
        elif kind == "newline":
            self._x, self._y = 0, self._y + 1
        elif kind == "text":
            self._write(text)
        elif kind == "frame":
            self._bound(text)
        elif kind == "harmless":
            self._send(text)
        else:
            self._pass_on(text)

    def _bound(self, text: str) -> None:
        """A frame in which nothing changes is none."""
        if text == _BEGIN:
            self._begins = True
        elif self._begins:
            self._begins = False
        else:
            self._out.append(text)

    def _send(self, text: str) -> None:
        if self._begins:
            self._out.append(_BEGIN)
            self._begins = False
        self._out.append(text)

    def _pass_on(self, text: str) -> None:
        """What is not known here may do anything."""
        self._move(self._x, self._y)
        self._send(self._wanted.after(self._look) + text)
        wanted, x, y = self._wanted, self._x, self._y
        out = self._out
        self.forget()
        self._wanted, self._x, self._y, self._out = wanted, x, y, out

    def _write(self, text: str) -> None:
        row = self._rows.setdefault(self._y, _Row())
        if not _takes_a_cell_each(text):
            self._write_wide(row, text)
            return
        look = self._wanted
        new: list[Cell] = [(character, look) for character in text]
        for begin, end in row.changed(self._x, new):
            self._move(self._x + begin, self._y)
            self._send(look.after(self._look) + text[begin:end])
            self._look, self._cursor = look, (self._x + end, self._y)
        row.put(self._x, new)
        self._x += len(new)

    def _write_wide(self, row: _Row, text: str) -> None:
        """Terminals differ in how wide it is: the line is not known from here on."""
        self._move(self._x, self._y)
        self._send(self._wanted.after(self._look) + text)
        self._look, self._cursor = self._wanted, None
        del row.cells[self._x :]
        self._x += cell_len(text)

    def _move(self, x: int, y: int) -> None:
        if self._cursor != (x, y):
            self._send(f"\x1b[{y + 1};{x + 1}H")
            self._cursor = (x, y)


@lru_cache(maxsize=4096)
def _takes_a_cell_each(text: str) -> bool:
    return text.isascii() or all(cell_len(character) == 1 for character in text)
