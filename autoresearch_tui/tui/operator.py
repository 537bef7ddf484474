"""What the operator asks of the engine, and how the answer is shown."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from autoresearch_tui.control import request
from autoresearch_tui.errors import AutoresearchError
from autoresearch_tui.paths import StudyPaths


class Notify(Protocol):
    """Shows a message for a moment."""

    def __call__(self, message: str, *, is_error: bool = False) -> None:
        """Show it."""
        ...


UNDO_SECONDS = 15.0
"""How long the last act can be taken back."""


@dataclass(frozen=True, slots=True)
class Undo:
    """The request that takes an act back, and what is said once that is done."""

    words: str
    do: str
    args: dict[str, object]


class Operator:
    """Sends requests to the engine of a study; each answer is told."""

    def __init__(
        self,
        paths: StudyPaths,
        start: Callable[[], Awaitable[None]],
        notify: Notify,
        *,
        can_act: bool = True,
    ) -> None:
        """`can_act` is False for who only looks, and where there is nothing but a recording."""
        self._paths = paths
        self._start = start
        self._notify = notify
        self.can_act = can_act
        self._undo: Undo | None = None
        self._until = 0.0

    async def act(self, done: str, do: str, undo: Undo | None = None, **args: object) -> None:
        """Ask, and keep how to take it back."""
        hint = " (u takes it back)" if undo is not None else ""
        if await self.ask(done + hint, do, **args):
            self._undo, self._until = undo, time.time() + UNDO_SECONDS

    async def take_back(self) -> None:
        """Take the last act back, while that is possible."""
        undo, self._undo = self._undo, None
        if undo is None or time.time() > self._until:
            self._notify("Nothing to take back")
        else:
            await self.ask(undo.words, undo.do, **undo.args)

    async def ask(self, done: str, do: str, **args: object) -> bool:
        """Ask, then say `done`, or why not; whether it was done."""
        try:
            await request(self._paths, do, args)
        except AutoresearchError as error:
            self._notify(str(error), is_error=True)
            return False
        self._notify(done)
        return True

    async def start(self) -> None:
        """Start an engine."""
        try:
            await self._start()
        except AutoresearchError as error:
            self._notify(str(error), is_error=True)
        else:
            self._notify("The engine runs")
