"""The life of one cluster: brought up, attended to, lost, brought up again, given back."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from autoresearch_tui.backends.base import ClusterState, Look
from autoresearch_tui.backends.skypilot.attending import Attending, End
from autoresearch_tui.backends.skypilot.face import WAITS, Face, pause_after
from autoresearch_tui.backends.skypilot.fleet import Member
from autoresearch_tui.backends.skypilot.launching import Launching
from autoresearch_tui.backends.skypilot.plan import Plan
from autoresearch_tui.backends.skypilot.sdk import SkyError, Trouble
from autoresearch_tui.backends.skypilot.telemetry import gpu_words
from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import AutoresearchError

log = logging.getLogger(__name__)

_S = ClusterStatus

_LOOK_SECONDS = 30.0
"""Between two looks for a cluster that somebody else has to start."""


class SkyCluster:
    """One cluster of a study, as `member` wants it; `changed` is called when it looks different.

    `face` is how it looks, `jobs` what it has to do.
    """

    def __init__(self, member: Member, plan: Plan, changed: Callable[[], None]) -> None:
        self.face = Face(member, plan, changed)
        self._launching = Launching(self.face)
        self.jobs = Attending(self.face, self._launching)
        self._plan = plan
        self._unseen: list[ClusterState] = []
        self._seen = asyncio.Event()
        self._has_asked = False

    @property
    def is_absent(self) -> bool:
        """Whether SkyPilot has been asked, and has no such cluster that could hold a job."""
        return self._has_asked and self.face.record is None

    def look(self) -> Look:
        """What it looks like, the oldest news first; its jobs where it answers."""
        if self._unseen:
            return Look(self._unseen.pop(0), ())
        self._seen.set()
        link = self.jobs.link
        said = [gpu_words(link.gpus) if link else "", "by a worker" if self.jobs.worker else ""]
        return Look(self.face.state(), self.jobs.jobs(), "  ".join(part for part in said if part))

    async def live(self) -> None:
        """Bring it up and keep it; returns once it is given back."""
        try:
            await self._live()
        finally:
            self.jobs.close()

    async def _live(self) -> None:
        failures = 0
        while True:
            try:
                if await self._live_once():
                    return
                failures = 0
            except SkyError as error:
                failures += 1
                await self._wait_out(error, failures)
            except (AutoresearchError, OSError) as error:
                failures += 1
                pause = pause_after(failures)
                self.face.say(_S.PROVISIONING, f"{error}; tried again in {pause:.0f} s")
                await self.face.pause_for(pause)
            except Exception as error:
                # One cluster's defect must not end the night of the others.
                log.exception("%s", self.face.name)
                what = f"{type(error).__name__}: {error}"
                self.face.say(_S.FAILED, f"a defect: {what}; see engine.log")
                if self.face.member.leaving:
                    await self._give_back()
                    return
                await self.face.pause_for(None)

    def retry(self) -> None:
        """Try again what has failed for good."""
        self._launching.setups = 0
        self.face.again.set()

    def leave(self, member: Member, *, at_once: bool = False) -> None:
        """Finish what runs, and go; with `at_once` whatever nobody has taken note of."""
        self.face.member, self.jobs.is_hurried = member, at_once
        self.face.again.set()
        # Nobody may be looking any more.
        self._seen.set()
        self.face.changed()
        self.jobs.heard()

    async def _live_once(self) -> bool:
        if self.face.member.leaving and not self._launching.is_ours:
            # There is none, or one of this name that somebody else has launched.
            self.face.say(_S.GONE, "not launched")
            return True
        self.face.record = await self.face.ask()
        self._has_asked = True
        if self.face.member.leaving and not (self.face.record and self.face.record.is_up):
            await self._give_back()
            return True
        if self.face.record is None or not self.face.record.is_up:
            await self._come_up()
            return False
        self._launching.check_ours()
        self._launching.keep_price(self.face.record)
        end = await self.jobs.attend(self.face.record)
        if self.face.member.leaving:
            await self._give_back()
            return True
        if end is End.NEEDS_SETUP:
            await self._launching.launch()
        else:
            await self._be_gone()
            await self._sleep_if_idle()
        return False

    async def _come_up(self) -> None:
        if self.face.member.ours:
            await self._launching.launch()
            return
        how = f"is {self.face.record.status}" if self.face.record else "is not there"
        text = f"{how}; it is not this study's to start: `sky start {self.face.name}`"
        self.face.say(_S.FAILED, text)
        await self.face.pause_for(_LOOK_SECONDS)

    async def _wait_out(self, error: SkyError, failures: int) -> None:
        log.warning("%s: %s: %s", self.face.name, error.trouble.name, error)
        if error.trouble is Trouble.CAPACITY:
            self.face.say(_S.PROVISIONING, f"{WAITS} for capacity: {error}")
            await self.face.pause_for(pause_after(failures + 1))
        elif error.trouble is Trouble.IMPOSSIBLE:
            self.face.say(_S.FAILED, str(error))
            await self.face.pause_for(None)
        else:
            self.face.say(_S.PROVISIONING, f"{error}; tried again in {pause_after(failures):.0f} s")
            await self.face.pause_for(pause_after(failures))

    async def _be_gone(self) -> None:
        """Have it seen that it is gone, so that what it held is not waited for."""
        why = await self._why_gone()
        self.face.status, self.face.note, self.face.record = _S.GONE, why, None
        self._unseen.append(self.face.state())
        self._seen.clear()
        self.face.changed()
        await self._seen.wait()
        self.face.say(_S.PROVISIONING, f"{why}; brought up again")

    async def _why_gone(self) -> str:
        with contextlib.suppress(SkyError):
            found = await self._plan.calls(self._plan.sky.requests, self.face.name)
            for request in reversed(found):
                is_end = request.name.endswith((".down", ".stop")) and request.user
                if is_end and request.created_at > self.face.up_at:
                    return f"taken down by {request.user}"
        return "its allocation is gone"

    async def _sleep_if_idle(self) -> None:
        """Stay down where it went down by itself for want of work, until there is some."""
        idle = time.time() - self.jobs.busy_at
        if self.face.member.ours and idle > self._plan.idle_seconds:
            minutes = self._plan.idle_minutes
            self.face.say(_S.STOPPED, f"went down after {minutes} idle minutes; up again for work")
            await self.face.pause_for(None)

    async def _give_back(self) -> None:
        """Take it down, however often that has to be asked."""
        failures = 0
        while True:
            self.face.say(_S.DRAINING, "goes down")
            try:
                await self._plan.calls(self._plan.sky.down, self.face.name)
                break
            except SkyError as error:
                if error.trouble is Trouble.ABSENT:
                    break
                failures += 1
                self.face.say(_S.DRAINING, f"cannot be taken down yet: {error}")
                await asyncio.sleep(pause_after(failures))
        self._plan.registry.remove(self.face.name)
        self.face.say(_S.GONE, "given back")
