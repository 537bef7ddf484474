"""The streaming log of one run, or of a cluster's set-up."""

import asyncio
import re
from pathlib import Path

from textual.binding import Binding

from autoresearch_tui.tail import Tail
from autoresearch_tui.tui.widgets.lines import Lines

_NO_OUTPUT = "no output yet"
_POLL_SECONDS = 0.5
_MOST_BYTES = 400_000
"""Newest bytes that are read of a file at a time."""


class LogPane(Lines):
    """Follows one file at a time."""

    BINDINGS = [Binding("exclamation_mark", "next_error", "next error", show=False)]

    def __init__(self) -> None:
        super().__init__(id="log", empty=_NO_OUTPUT, follow=True, wrap=False)
        self._path: Path | None = None
        self._tail: Tail | None = None
        self._reading = False

    def on_mount(self) -> None:
        """Begin to follow."""
        self.set_interval(_POLL_SECONDS, self._poll)

    def follow(self, path: Path | None, title: str, *, is_over: bool = False) -> None:
        """Show another file from its beginning; the same one goes on. `is_over`: nothing comes."""
        self.say_when_empty(
            "nothing was written, or its log is not here" if is_over else _NO_OUTPUT
        )
        self.entitle(title)
        if path != self._path:
            self._path = path
            self._tail = Tail(path, most=_MOST_BYTES) if path is not None else None
            self.clear()

    def action_next_error(self) -> None:
        """Go to the next line that tells of an error."""
        if not self.find_style(_ERROR, 1):
            self.notify("No error in this log")

    async def _poll(self) -> None:
        tail = self._tail
        if tail is None or self._reading or not self.is_on_screen:
            return
        self._reading = True
        try:
            is_new, lines = await asyncio.to_thread(tail.read)
        finally:
            self._reading = False
        if tail is not self._tail:
            return
        if is_new:
            self.clear()
        if lines:
            self.write((line, _style(line)) for line in lines)


_ERROR = "$error"
_TELLS_OF_ERROR = re.compile(
    r"FAIL|Traceback|fatal\b|error\b|Error\b|[\w.]*(Error|Exception|Interrupt)(:|$)"
)


def _style(line: str) -> str:
    if _TELLS_OF_ERROR.match(line):
        return _ERROR
    return "$quiet" if line.startswith("step ") else ""
