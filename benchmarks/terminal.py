"""The installed program in a pseudo-terminal of its own, with what it sends and takes counted."""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

from rich.cells import cell_len

_TICKS = os.sysconf("SC_CLK_TCK")
_LIMIT = 30.0
_SLICE = 0.01
"""Seconds waited for output at a time."""


class Shown:
    """The characters on a terminal's screen and their backgrounds, as what is sent draws them."""

    _TOKEN = re.compile(
        r"\x1b\[(?:(?P<y>\d+);(?P<x>\d+)H|(?P<style>[0-9;]*)m|[0-?]*[@-~])"
        r"|\x1b\][^\x07]*\x07|(?P<character>.)",
        re.DOTALL,
    )

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._rows: dict[int, dict[int, tuple[str, str]]] = {}
        self._background = ""
        self._x = self._y = 0
        self._rest = ""

    def take(self, data: bytes) -> None:
        """Draw what was sent; a sequence that is cut off waits for its end."""
        text = self._rest + self._decode(data)
        cut = text.rfind("\x1b")
        is_whole = cut < 0 or re.match(r"\x1b(\[[0-?]*[@-~]|\][^\x07]*\x07)", text[cut:])
        self._rest = "" if is_whole else text[cut:]
        for token in self._TOKEN.finditer(text if is_whole else text[:cut]):
            self._draw(token)

    def _draw(self, token: re.Match[str]) -> None:
        if token["y"]:
            self._y, self._x = int(token["y"]) - 1, int(token["x"]) - 1
        elif (style := token["style"]) is not None:
            found = re.search(r"48;2;\d+;\d+;\d+", style)
            is_reset = style.split(";")[0] in ("", "0")
            self._background = found[0] if found else "" if is_reset else self._background
        elif character := token["character"]:
            self._rows.setdefault(self._y, {})[self._x] = character, self._background
            self._x += cell_len(character)

    def background(self, text: str) -> str | None:
        """What the end of a text stands on, where it is shown first."""
        for y in sorted(self._rows):
            cells = [self._rows[y][x] for x in sorted(self._rows[y])]
            at = "".join(character for character, _ in cells).find(text)
            if at >= 0:
                return cells[at + len(text) - 1][1]
        return None


class Terminal:
    """The cockpit of a study in a terminal of its own."""

    def __init__(self, study: Path, columns: int, lines: int) -> None:
        self.begun = time.monotonic()
        self.shown = Shown()
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execv(sys.executable, [sys.executable, "-m", "autoresearch_tui", str(study)])
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    def read(self) -> bytes:
        """What was sent within a moment."""
        if not select.select([self._terminal], [], [], _SLICE)[0]:
            return b""
        data = os.read(self._terminal, 65536)
        self.shown.take(data)
        return data

    def press(self, key: str) -> None:
        """Type a key."""
        os.write(self._terminal, key.encode())

    def seconds_until(self, is_shown: Callable[[Shown], bool], since: float) -> float:
        """Seconds from `since`, of the monotonic clock, until the screen shows something.

        Raises:
            TimeoutError: It did not.
        """
        while (gone := time.monotonic() - since) < _LIMIT:
            if self.read() and is_shown(self.shown):
                return time.monotonic() - since
        raise TimeoutError(f"it was not shown within {gone:.0f} s")

    def sent(self, seconds: float) -> int:
        """Bytes sent within so many seconds."""
        until, counted = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            counted += len(self.read())
        return counted

    def cpu_seconds(self) -> float:
        """What the program has computed so far, its threads with it."""
        facts = Path(f"/proc/{self._process}/stat").read_text().rpartition(")")[2].split()
        return (int(facts[11]) + int(facts[12])) / _TICKS

    def close(self) -> None:
        """End the program and wait for it."""
        os.kill(self._process, signal.SIGTERM)
        while select.select([self._terminal], [], [], 2.0)[0]:
            try:
                if not os.read(self._terminal, 65536):
                    break
            except OSError:
                break
        os.waitpid(self._process, 0)
        os.close(self._terminal)
