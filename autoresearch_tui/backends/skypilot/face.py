"""How one cluster looks from outside: where it stands, what there is to say of it, its price."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from autoresearch_tui.backends.base import ClusterState
from autoresearch_tui.backends.skypilot.fleet import Member
from autoresearch_tui.backends.skypilot.plan import Plan
from autoresearch_tui.backends.skypilot.sdk import Record
from autoresearch_tui.domain import ClusterStatus

_S = ClusterStatus

_PAUSES = (5.0, 15.0, 60.0, 300.0)
"""Seconds before what failed is tried again, longer each time."""

WAITS = "waits"
"""Begins the note of a cluster that waits its turn, or for capacity: that costs nothing."""


class Face:
    """What is known and said of the cluster that `member` wants; `changed` is called with news.

    `record` is what SkyPilot says of it; `again` is set when the operator has it tried again.
    """

    def __init__(self, member: Member, plan: Plan, changed: Callable[[], None]) -> None:
        self.member = member
        self.plan = plan
        self.record: Record | None = None
        self.status, self.note = _S.PROVISIONING, "about to be looked for"
        self.up_at = time.time()
        self.again = asyncio.Event()
        self.changed = changed

    @property
    def name(self) -> str:
        """Its name."""
        return self.member.name

    def state(self) -> ClusterState:
        """What is known of it now."""
        record, status = self.record, self.status
        if self.member.leaving and status is _S.UP:
            status = _S.DRAINING
        given = record.accelerators if record and record.accelerators else None
        price = self.price(given) if status not in (_S.FAILED, _S.GONE, _S.STOPPED) else 0.0
        return ClusterState(
            self.name,
            given or _shown(self.member.accelerators) or self.plan.asked,
            status,
            self.note,
            price,
            node=record.node if record else "",
        )

    def price(self, given: str | None) -> float:
        """Dollars an hour, now."""
        if self.status is _S.PROVISIONING and self.note.startswith(WAITS):
            return 0.0
        known = self.record.price if self.record else 0.0
        return known or self.plan.price(given or self.member.accelerators)

    def say(self, status: ClusterStatus, note: str = "") -> None:
        """Show where it stands, and why."""
        if (status, note) != (self.status, self.note):
            if status is _S.UP and self.status is not _S.UP:
                self.up_at = time.time()
            self.status, self.note = status, note
            self.changed()

    async def ask(self, *, refresh: bool = False) -> Record | None:
        """What SkyPilot says of it; None where there is no such cluster.

        Raises:
            SkyError: it does not answer.
        """
        found = await self.plan.calls(self.plan.sky.status, [self.name], refresh=refresh)
        return next((record for record in found if record.name == self.name), None)

    async def pause_for(self, seconds: float | None) -> None:
        """Wait, unless the operator has it tried again, or go."""
        self.again.clear()
        if self.member.leaving:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.again.wait()


def pause_after(failures: int) -> float:
    """Seconds before what has failed so often in a row is tried again."""
    return _PAUSES[min(failures, len(_PAUSES)) - 1]


def _shown(accelerators: str | None) -> str | None:
    return accelerators.removesuffix(":1") if accelerators else None
