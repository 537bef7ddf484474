"""The streaming log of one run, or of a cluster's set-up."""

import asyncio
import codecs
from pathlib import Path

from autoresearch_tui.tui.widgets.lines import Lines

_POLL_SECONDS = 0.5
_MOST_BYTES = 400_000
"""Newest bytes that are read of a file at a time."""


class LogTail:
    """Reads what a file has gained. Each call blocks on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self) -> tuple[bool, list[str]]:
        """Whether the file has begun anew, and its new whole lines."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                is_new = size < self._offset
                begin = 0 if is_new else self._offset
                skipped = size - begin > _MOST_BYTES
                file.seek(size - _MOST_BYTES if skipped else begin)
                data = file.read()
        except OSError:
            return False, []
        if is_new:
            self._decoder.reset()
            self._rest = ""
        self._offset = size
        text = self._rest + self._decoder.decode(data)
        *lines, self._rest = text.split("\n")
        return is_new, lines[1:] if skipped else lines


class LogPane(Lines):
    """Follows one file at a time."""

    def __init__(self) -> None:
        super().__init__(id="log", empty="no output yet", follow=True, wrap=False)
        self._path: Path | None = None
        self._tail: LogTail | None = None
        self._reading = False

    def on_mount(self) -> None:
        """Begin to follow."""
        self.set_interval(_POLL_SECONDS, self._poll)

    def follow(self, path: Path | None, title: str) -> None:
        """Show another file from its beginning; the same one goes on."""
        self.entitle(title)
        if path != self._path:
            self._path = path
            self._tail = LogTail(path) if path is not None else None
            self.clear()

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


def _style(line: str) -> str:
    if line.startswith(("FAIL", "Traceback", "error", "Error")):
        return "$error"
    return "$quiet" if line.startswith("step ") else ""
