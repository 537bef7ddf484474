"""Passes on what a model says while it says it, in pieces that are worth writing down."""

import asyncio

from autoresearch_tui.researchers.base import Think

_PIECE_SECONDS = 0.1


class Speech:
    """Gathers tokens of one kind for a tenth of a second before they are put on record."""

    def __init__(self, think: Think) -> None:
        self._think = think
        self._kind = ""
        self._pieces: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, kind: str, text: str) -> None:
        """Something more of a kind."""
        if kind != self._kind:
            self.flush()
            self._kind = kind
        self._pieces.append(text)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_PIECE_SECONDS, self.flush)

    def flush(self) -> None:
        """Put on record what has been gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if text := "".join(self._pieces):
            self._think(self._kind, text)
        self._pieces.clear()

    def end(self) -> None:
        """What comes next begins a line of its own."""
        self.flush()
        self._kind = ""
