"""Keys that come before the line has opened that they are meant for.

A terminal gives whole bursts of keys at once: behind `V` the reason for a veto must not reach the
screen below, where its capitals would be acts.
"""

import time
from collections.abc import Callable

from textual.events import Key

_MOST_SECONDS = 1.0
"""How long a line may take to open; then it does not come."""


class TypedAhead:
    """Holds keys from the one that opens a line until that line has the focus."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: list[Key] = []
        self._until: float | None = None

    def begin(self) -> None:
        """A line is being opened."""
        self._until = self._clock() + _MOST_SECONDS

    def holds(self, key: Key) -> bool:
        """Keep a key where a line is being opened."""
        if self._until is None:
            return False
        if self._clock() > self._until:
            self._until = None
            # What was meant for a line that never came is nothing that anybody wants done.
            self._held.clear()
            return False
        self._held.append(key)
        return True

    def take(self) -> list[Key]:
        """The line is there: the keys that it missed."""
        held, self._held, self._until = self._held, [], None
        return held
