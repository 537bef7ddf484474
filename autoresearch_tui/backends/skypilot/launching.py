"""Brings a cluster up: in turn with others, patiently, and only one that is this study's own."""

import asyncio
import contextlib
import time
from dataclasses import replace

from autoresearch_tui.backends.skypilot.face import WAITS, Face, pause_after
from autoresearch_tui.backends.skypilot.registry import Launched
from autoresearch_tui.backends.skypilot.sdk import Record, SkyError, Trouble
from autoresearch_tui.domain import ClusterStatus

_S = ClusterStatus

_SETUPS = 3
"""Times that a set-up may fail before somebody has to look."""

_MEMORY = 40
"""Looks at a launch without anything new, after which others may go first."""


class Launching:
    """The launches of one cluster. `setups` counts those since a set-up last succeeded."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self.setups = 0

    @property
    def is_ours(self) -> bool:
        """Whether this study has launched it, or begun to."""
        known = self._face.plan.registry.get(self._face.name)
        return known is not None and known.uid == self._face.plan.uid

    def check_ours(self) -> None:
        """Refuse a cluster that somebody else has launched.

        Raises:
            SkyError: it is not this study's own.
        """
        if self._face.member.ours and not self.is_ours:
            known = self._face.plan.registry.get(self._face.name)
            whose = f"the study in {known.study}" if known else "somebody else"
            raise SkyError(
                Trouble.IMPOSSIBLE,
                f"a cluster of this name was launched by {whose}: give this study another tag, or "
                f"adopt it with --use {self._face.name}",
            )

    def keep_price(self, record: Record) -> None:
        """Leave word of what it costs, for whoever finds it up one day."""
        known, registry = self._face.plan.registry.get(self._face.name), self._face.plan.registry
        if known is not None and self._face.member.ours:
            price = self._face.price(record.accelerators)
            registry.put(replace(known, accelerators=record.accelerators, price=price))

    async def launch(self) -> None:
        """Have it brought up and set up; returns once it is up, its set-up having begun.

        Raises:
            SkyError: it cannot be had, or not now.
        """
        plan, name = self._face.plan, self._face.name
        if self.setups >= _SETUPS:
            text = f"{self._face.note}; once that is mended: `autoresearch-tui wake {name}`"
            raise SkyError(Trouble.IMPOSSIBLE, text)
        if self.setups:
            await self._face.pause_for(pause_after(self.setups))
        if self._face.member.ours:
            if self._face.record is not None:
                self.check_ours()
            shown = self._face.member.accelerators or plan.asked
            known = plan.registry.get(name)
            if known is None or known.uid != plan.uid:
                plan.registry.put(Launched(name, plan.study, plan.uid, time.time(), shown))
        request = await self._under_way()
        if request is None:
            await self._take_turn()
            try:
                request = await self._ask_for_it()
                await self._until_over(request)
            finally:
                plan.calls.launches.release()
        else:
            await self._until_over(request)
        await plan.calls(plan.sky.wait, request)
        self._face.say(_S.SETTING_UP, "up; its set-up begins")
        self.setups += 1

    async def _take_turn(self) -> None:
        """Wait until few enough others are launched."""
        self._face.say(_S.PROVISIONING, f"{WAITS} for other launches")
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._face.plan.calls.launches.acquire()
                    return
            if self._face.member.leaving:
                raise SkyError(Trouble.CAPACITY, "not wanted any more")

    async def _ask_for_it(self) -> str:
        plan = self._face.plan
        self._face.say(_S.PROVISIONING, "asked for")
        task = await plan.setup_task(self._face.name, self._face.member, self._face.record)
        idle = plan.idle_minutes if self._face.member.ours else None
        return await plan.calls(plan.sky.launch, self._face.name, task, idle)

    async def _under_way(self) -> str | None:
        """A launch that an earlier engine asked for, and that has no outcome yet."""
        found = await self._face.plan.calls(self._face.plan.sky.requests, self._face.name)
        launches = [r for r in found if r.name.endswith("launch") and not r.is_over]
        return launches[-1].id if launches else None

    async def _until_over(self, request: str) -> None:
        """Wait, showing what SkyPilot says; a launch that others wait behind gives way to them."""
        plan, looks, last = self._face.plan, 0, ""
        while True:
            found = await plan.calls(plan.sky.requests, self._face.name)
            its = next((each for each in found if each.id == request), None)
            if its is None or its.is_over:
                return
            record = await self._face.ask()
            text = (record.reason or record.event) if record else ""
            is_waiting = "pending" in text.lower() or "resources" in text.lower()
            note = f"{WAITS}: {text}" if is_waiting else text or "asked for"
            self._face.say(_S.PROVISIONING, note)
            looks, last = (looks + 1 if text == last else 0), text
            if self._face.member.leaving or (
                is_waiting and looks > _MEMORY and plan.calls.launches.locked()
            ):
                await plan.calls(plan.sky.abort, request)
                await plan.calls(plan.sky.down, self._face.name)
                raise SkyError(Trouble.CAPACITY, text or "given up")
            await asyncio.sleep(2.0)
