"""What is left out of the sequences that draw is never missed on the terminal."""

import random
import re

import pytest
from rich.cells import cell_len

from autoresearch_tui.tui.picture import Picture

WORDS = (
    *("1", "2", "3", "4", "7", "9", "31", "38;5;9", "38;2;1;2;3", "38;2;4;5;6", "97"),
    *("41", "48;5;200", "48;2;1;2;3", "48;2;9;9;9", "107"),
)
STRANGE = ("22", "39", "4:3", "58;2;1;2;3", "38;9")
"""Not known to the picture, or nothing."""

BLANK = (" ", frozenset[str]())


class Terminal:
    """Shows what is sent to it: a cell each, with what its style was set by."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], tuple[str, frozenset[str]]] = {}
        self._style: dict[str, str] = {}
        self._x = self._y = 0

    def take(self, data: str) -> None:
        silent = r"\x1b\[\?[0-9]+[hl]|\x1b\][^\x07]*\x07|\x07"
        tokens = re.findall(rf"\x1b\[([0-9;:]*)([mHJ])|(?:{silent})|(.)", data, re.DOTALL)
        for numbers, act, text in tokens:
            if act == "m":
                self._set(numbers)
            elif act == "H":
                self._y, self._x = (int(number) - 1 for number in numbers.split(";"))
            elif act == "J":
                self.cells.clear()
            elif text == "\n":
                self._y, self._x = self._y + 1, 0
            elif text:
                self._put(text)

    def _put(self, text: str) -> None:
        self.cells[self._y, self._x] = (text, frozenset(self._style.values()))
        for beside in range(1, cell_len(text)):
            self.cells[self._y, self._x + beside] = ("", frozenset())
        self._x += cell_len(text)

    def _set(self, words: str) -> None:
        parts = re.findall(r"[345]8;5;\d+|[345]8;2;\d+;\d+;\d+|[0-9:]+", words) or ["0"]
        for part in parts:
            self._style = {} if part == "0" else self._style | {self._kind(part): part}

    @staticmethod
    def _kind(part: str) -> str:
        if re.match(r"38|3\d$|9\d$", part):
            return "colour"
        return "background" if re.match(r"48|4\d$|10\d$", part) else part


def piece(luck: random.Random, words: tuple[str, ...], texts: tuple[str, ...]) -> str:
    """A styled text as Textual writes it, or a move, or something else."""
    kind = luck.random()
    if kind < 0.3:
        return f"\x1b[{luck.randint(1, 3)};{luck.randint(1, 30)}H"
    if kind < 0.4:
        return luck.choice(["\n", "\x1b[?2026h", "\x1b[?2026l", "\x1b]2;a title\x07"])
    if kind < 0.42:
        return "\x1b[2J"
    text = luck.choice(texts)
    if kind < 0.5:
        return text
    style = ";".join(luck.sample(words, luck.randint(1, 2)))
    return f"\x1b[{style}m{text}\x1b[0m"


NARROW = ("a", "    ", "words of more", "words of mere", "━━━╌╌╌", "━━━━╌╌")


@pytest.mark.parametrize("words", [WORDS, WORDS + STRANGE], ids=["known", "strange"])
@pytest.mark.parametrize("texts", [NARROW, (*NARROW, "é🚀", "幅を")], ids=["narrow", "wide"])
def test_the_terminal_shows_the_same(words: tuple[str, ...], texts: tuple[str, ...]):
    for seed in range(500):
        luck, picture = random.Random(seed), Picture()
        whole, thin = Terminal(), Terminal()
        thin.take("\x1b[35;1m")
        for _ in range(12):
            drawn = "".join(piece(luck, words, texts) for _ in range(luck.randint(0, 9)))
            whole.take(drawn)
            thin.take(picture.changes(drawn))
            assert thin.cells == whole.cells, seed


def drawing(*lines: str) -> str:
    return "\n".join(
        f"\x1b[{y};1H\x1b[38;2;1;2;3;48;2;4;5;6m{line}\x1b[0m" for y, line in enumerate(lines, 1)
    )


def test_what_is_there_is_not_sent_again():
    picture = Picture()
    assert picture.changes(drawing("step 100 | loss: 2.91", "x")).count("\x1b[0;38;2;1;2;3") == 1
    assert picture.changes(drawing("step 100 | loss: 2.91", "x")) == ""
    sent = picture.changes(drawing("step 105 | loss: 2.87", "y"))
    assert sent == "\x1b[1;8H5\x1b[1;20H87\x1b[2;1Hy"


def test_a_style_is_said_once_and_taken_away():
    picture = Picture()
    picture.changes(drawing("one"))
    assert picture.changes("\x1b[5;1H\x1b[38;2;7;7;7;48;2;4;5;6mx\x1b[0m") == (
        "\x1b[5;1H\x1b[38;2;7;7;7mx"
    )
    assert picture.changes("\x1b[1;48;2;4;5;6my\x1b[0m") == "\x1b[0;1;48;2;4;5;6my"


def test_a_frame_without_a_change_is_none():
    picture = Picture()
    frame = f"\x1b[?2026h{drawing('one')}\x1b[?2026l"
    assert picture.changes(frame).endswith("\x1b[?2026l")
    assert picture.changes(frame) == ""
    # Textual writes the bounds apart from what is between them.
    assert picture.changes("\x1b[?2026h") == ""
    assert picture.changes(drawing("two")) == "\x1b[?2026h\x1b[1;1Htwo"
    assert picture.changes("\x1b[?2026l") == "\x1b[?2026l"


def test_the_cursor_is_where_an_input_is():
    picture = Picture()
    picture.changes(drawing("one"))
    assert picture.changes(f"{drawing('one')}\x1b[9;4H") == "\x1b[9;4H"
    assert picture.changes(f"{drawing('one')}\x1b[1;1H") == ""


def test_the_bell_and_the_title_change_nothing():
    picture = Picture()
    picture.changes(drawing("one"))
    assert picture.changes("\x07\x1b]2;a title\x07") == "\x07\x1b]2;a title\x07"
    assert picture.changes(drawing("one")) == ""


def test_after_what_is_not_known_all_is_sent():
    picture = Picture()
    picture.changes(drawing("one"))
    assert "\x1b[2J" in picture.changes("\x1b[2J")
    assert "one" in picture.changes(drawing("one"))
