"""Blocking calls in threads of our own, away from the event loop and from its threads."""

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_AT_ONCE = 16
"""Calls, of which most only wait for the API server; it takes about that many itself."""

LAUNCHES = 3
"""At once: six that wait for capacity made every other call ten times as slow."""


class Calls:
    """Runs calls of the SDK; one that nobody waits for any more goes on to its end.

    Their threads do not keep the process: a server that hangs must not keep an engine from ending.
    """

    def __init__(self) -> None:
        self.launches = asyncio.Semaphore(LAUNCHES)
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def __call__(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of the call."""
        async with self._free:
            loop = asyncio.get_running_loop()
            outcome: asyncio.Future[R] = loop.create_future()

            def settle(set_it: Callable[[], None]) -> None:
                def once() -> None:
                    if not outcome.done():
                        set_it()

                if not loop.is_closed():
                    loop.call_soon_threadsafe(once)

            def work() -> None:
                try:
                    result = call(*args, **kwargs)
                except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
                    failure = error
                    settle(lambda: outcome.set_exception(failure))
                else:
                    settle(lambda: outcome.set_result(result))

            threading.Thread(target=work, name="skypilot", daemon=True).start()
            return await outcome
