"""What the operator asks of the engine, and how the answer is shown."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from autoresearch_tui.control import request
from autoresearch_tui.errors import AutoresearchError
from autoresearch_tui.paths import StudyPaths


class Notify(Protocol):
    """Shows a message for a moment."""

    def __call__(self, message: str, *, is_error: bool = False) -> None:
        """Show it."""
        ...


class Operator:
    """Sends requests to the engine of a study; each answer is told."""

    def __init__(
        self, paths: StudyPaths, start: Callable[[], Awaitable[None]], notify: Notify
    ) -> None:
        self._paths = paths
        self._start = start
        self._notify = notify

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
