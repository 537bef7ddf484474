"""A broadcast by which the engine's loops wake each other."""

import asyncio


class Bell:
    """Says that something has changed. A waiter misses nothing that came after its `ticket`."""

    def __init__(self) -> None:
        self._count = 0
        self._event = asyncio.Event()

    @property
    def ticket(self) -> int:
        """Take it before looking at the state that `wait` is to watch."""
        return self._count

    def set(self) -> None:
        """Wake all who wait."""
        self._count += 1
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, ticket: int, timeout: float) -> bool:
        """Wait up to `timeout` seconds for a change after `ticket`; whether there was one."""
        if self._count != ticket:
            return True
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return False
        return True
