"""The life of one cluster: brought up, set up, listened to, lost, brought up again, given back."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto

from autoresearch_tui.backends.base import ClusterState, JobState, Look
from autoresearch_tui.backends.skypilot.fleet import Member
from autoresearch_tui.backends.skypilot.link import Link
from autoresearch_tui.backends.skypilot.plan import Plan
from autoresearch_tui.backends.skypilot.registry import Launched
from autoresearch_tui.backends.skypilot.rows import STUCK_SECONDS, Row, jobs_of, state_of
from autoresearch_tui.backends.skypilot.script import name_of
from autoresearch_tui.backends.skypilot.sdk import Record, SkyError, Trouble
from autoresearch_tui.backends.skypilot.telemetry import gpu_words
from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import AutoresearchError, BackendError
from autoresearch_tui.plain import plain

log = logging.getLogger(__name__)

_S = ClusterStatus

_PAUSES = (5.0, 15.0, 60.0, 300.0)
"""Seconds before what failed is tried again, longer each time."""

_HICCUP_SECONDS = 3.0
"""Before an answer that there is no such cluster is asked for again, and then believed."""

_NEWS_SECONDS = 120.0
"""For which a cluster that is to go keeps the ends of its jobs for whoever wants to read them."""

_LOOK_SECONDS = 30.0
"""Between two questions to SkyPilot about a cluster that is up: somebody may have taken it down."""

_SETUPS = 3
"""Times that a set-up may fail before somebody has to look."""

_MEMORY = 40
"""Looks at the launch of a cluster without anything new, after which others may go first."""


_CLOSED = 3
"""Failures to reach a cluster by SSH in a row after which SkyPilot is asked instead."""


class _End(Enum):
    """Why nobody listens to a cluster any more."""

    GONE = auto()
    NEEDS_SETUP = auto()


class SkyCluster:
    """One cluster of a study, as `member` wants it; `changed` is called when it looks different."""

    def __init__(self, member: Member, plan: Plan, changed: Callable[[], None]) -> None:
        self.member = member
        self.link: Link | None = None
        self.record: Record | None = None
        self._plan = plan
        self._changed = changed
        self._status, self._note = _S.PROVISIONING, "about to be looked for"
        self._first_job = 0
        self._setups = 0
        self._busy_at = time.time()
        self.submitting = 0
        self._unseen: list[ClusterState] = []
        self._seen = asyncio.Event()
        self._again = asyncio.Event()
        self._end: asyncio.Future[_End] | None = None
        self._has_served = False
        self._has_asked = False
        self._said_by: asyncio.Task[None] | None = None
        self._reads = 0
        self._last_line = ""
        self._up_at = self._ran_at = time.time()
        self._is_hurried = False
        self._trouble = self._closed = ""

    # What it looks like

    @property
    def name(self) -> str:
        """Its name."""
        return self.member.name

    @property
    def status(self) -> ClusterStatus:
        """Where it stands."""
        return self._status

    @property
    def is_absent(self) -> bool:
        """Whether SkyPilot has been asked, and has no such cluster that could hold a job."""
        return self._has_asked and self.record is None

    def state(self) -> ClusterState:
        """What is known of it now."""
        record, status = self.record, self._status
        if self.member.leaving and status is _S.UP:
            status = _S.DRAINING
        given = record.accelerators if record and record.accelerators else None
        price = self._price(given) if status not in (_S.FAILED, _S.GONE, _S.STOPPED) else 0.0
        return ClusterState(
            self.name,
            given or _shown(self.member.accelerators) or self._plan.asked,
            status,
            self._note,
            price,
            node=record.node if record else "",
        )

    def look(self) -> Look:
        """What it looks like, the oldest news first; its jobs where it answers."""
        if self._unseen:
            return Look(self._unseen.pop(0), ())
        self._seen.set()
        return Look(self.state(), self.jobs(), gpu_words(self.link.gpus) if self.link else "")

    def jobs(self) -> tuple[JobState, ...] | None:
        """Its jobs; None where it does not answer."""
        if self.link is None or self.link.rows is None or self._status is not _S.UP:
            return None
        return tuple(
            self.job(row) for name, row in jobs_of(self.link.rows).items() if name != "setup"
        )

    def job(self, row: Row) -> JobState:
        """How one of its jobs stands."""
        skew = self.link.skew if self.link else 0.0
        return state_of(row, self.name, skew, self._first_job, time.time())

    def is_stuck(self, row: Row) -> bool:
        """Whether a job has been on its way into the queue for so long that it will not arrive."""
        skew = self.link.skew if self.link else 0.0
        return row.status == "INIT" and time.time() - row.submitted_at - skew > STUCK_SECONDS

    def row(self, name: str) -> Row | None:
        """The row of a job.

        Raises:
            BackendError: it does not answer.
        """
        return jobs_of(self.answering().rows or ()).get(name)

    def answering(self) -> Link:
        """The way to it.

        Raises:
            BackendError: it does not answer.
        """
        if self.link is None or self.link.rows is None:
            raise BackendError(f"{self.name}: does not answer: {self._note}")
        return self.link

    def _price(self, given: str | None) -> float:
        if self._status is _S.PROVISIONING and self._note.startswith(_WAITS):
            return 0.0
        known = self.record.price if self.record else 0.0
        return known or self._plan.price(given or self.member.accelerators)

    def _say(self, status: ClusterStatus, note: str = "") -> None:
        if (status, note) != (self._status, self._note):
            self._status, self._note = status, note
            self._changed()

    # Its life

    async def live(self) -> None:
        """Bring it up and keep it; returns once it is given back."""
        try:
            await self._live()
        finally:
            if self._said_by is not None:
                self._said_by.cancel()

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
                self._say(_S.PROVISIONING, f"{error}; tried again in {_pause(failures):.0f} s")
                await self._pause_for(_pause(failures))
            except Exception as error:
                # One cluster's defect must not end the night of the others.
                log.exception("%s", self.name)
                self._say(_S.FAILED, f"a defect: {type(error).__name__}: {error}; see engine.log")
                await self._pause_for(None)

    def retry(self) -> None:
        """Try again what has failed for good."""
        self._setups = 0
        self._again.set()

    def take_note(self, trouble: str) -> None:
        """Show what keeps it from being given jobs; nothing any more where it is empty."""
        self._trouble = trouble
        self._heard()

    def leave(self, member: Member, *, at_once: bool = False) -> None:
        """Finish what runs, and go; with `at_once` whatever nobody has taken note of."""
        self.member, self._is_hurried = member, at_once
        self._again.set()
        self._changed()
        self._heard()

    async def _live_once(self) -> bool:
        self.record = await self._ask()
        self._has_asked = True
        if self.member.leaving and not (self.record and self.record.is_up):
            await self._give_back()
            return True
        if self.record is None or not self.record.is_up:
            await self._come_up()
            return False
        self._check_ours()
        self._keep_price(self.record)
        end = await self._attend(self.record)
        if self.member.leaving:
            await self._give_back()
            return True
        if end is _End.NEEDS_SETUP:
            await self._launch()
        else:
            await self._be_gone()
            await self._sleep_if_idle()
        return False

    async def _ask(self, *, refresh: bool = False) -> Record | None:
        found = await self._plan.calls(self._plan.sky.status, [self.name], refresh=refresh)
        return next((record for record in found if record.name == self.name), None)

    async def _come_up(self) -> None:
        if self.member.ours:
            await self._launch()
            return
        how = f"is {self.record.status}" if self.record else "is not there"
        text = f"{how}; it is not this study's to start: `sky start {self.name}`"
        self._say(_S.FAILED, text)
        await self._pause_for(_LOOK_SECONDS)

    def _check_ours(self) -> None:
        known = self._plan.registry.get(self.name)
        if self.member.ours and (known is None or known.uid != self._plan.uid):
            whose = f"the study in {known.study}" if known else "somebody else"
            raise SkyError(
                Trouble.IMPOSSIBLE,
                f"a cluster of this name was launched by {whose}: give this study another tag, or "
                f"adopt it with --use {self.name}",
            )

    def _keep_price(self, record: Record) -> None:
        """Leave word of what it costs, for whoever finds it up one day."""
        known, registry = self._plan.registry.get(self.name), self._plan.registry
        if known is not None and self.member.ours:
            price = self._price(record.accelerators)
            registry.put(replace(known, accelerators=record.accelerators, price=price))

    async def _launch(self) -> None:
        plan, name = self._plan, self.name
        if self._setups >= _SETUPS:
            text = f"{self._note}; once that is mended: `autoresearch-tui wake {name}`"
            raise SkyError(Trouble.IMPOSSIBLE, text)
        if self._setups:
            await self._pause_for(_pause(self._setups))
        if self.member.ours:
            if self.record is not None:
                self._check_ours()
            shown = self.member.accelerators or plan.asked
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
        self._say(_S.SETTING_UP, "up; its set-up begins")
        self._setups += 1

    async def _take_turn(self) -> None:
        """Wait until few enough others are launched."""
        self._say(_S.PROVISIONING, f"{_WAITS} for other launches")
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._plan.calls.launches.acquire()
                    return
            if self.member.leaving:
                raise SkyError(Trouble.CAPACITY, "not wanted any more")

    async def _ask_for_it(self) -> str:
        plan = self._plan
        self._say(_S.PROVISIONING, "asked for")
        task = await plan.setup_task(self.name, self.member, self.record)
        idle = plan.idle_minutes if self.member.ours else None
        return await plan.calls(plan.sky.launch, self.name, task, idle)

    async def _under_way(self) -> str | None:
        """A launch that an earlier engine asked for, and that has no outcome yet."""
        found = await self._plan.calls(self._plan.sky.requests, self.name)
        launches = [r for r in found if r.name.endswith("launch") and not r.is_over]
        return launches[-1].id if launches else None

    async def _until_over(self, request: str) -> None:
        """Wait, showing what SkyPilot says; a launch that others wait behind gives way to them."""
        plan, looks, last = self._plan, 0, ""
        while True:
            found = await plan.calls(plan.sky.requests, self.name)
            its = next((each for each in found if each.id == request), None)
            if its is None or its.is_over:
                return
            record = await self._ask()
            text = (record.reason or record.event) if record else ""
            is_waiting = "pending" in text.lower() or "resources" in text.lower()
            self._say(_S.PROVISIONING, f"{_WAITS}: {text}" if is_waiting else text or "asked for")
            looks, last = (looks + 1 if text == last else 0), text
            if self.member.leaving or (
                is_waiting and looks > _MEMORY and plan.calls.launches.locked()
            ):
                await plan.calls(plan.sky.abort, request)
                await plan.calls(plan.sky.down, self.name)
                raise SkyError(Trouble.CAPACITY, text or "given up")
            await asyncio.sleep(2.0)

    async def _wait_out(self, error: SkyError, failures: int) -> None:
        log.warning("%s: %s: %s", self.name, error.trouble.name, error)
        if error.trouble is Trouble.CAPACITY:
            self._say(_S.PROVISIONING, f"{_WAITS} for capacity: {error}")
            await self._pause_for(_pause(failures + 1))
        elif error.trouble is Trouble.IMPOSSIBLE:
            self._say(_S.FAILED, str(error))
            await self._pause_for(None)
        else:
            self._say(_S.PROVISIONING, f"{error}; tried again in {_pause(failures):.0f} s")
            await self._pause_for(_pause(failures))

    async def _pause_for(self, seconds: float | None) -> None:
        """Wait, unless the operator has it tried again, or go."""
        self._again.clear()
        if self.member.leaving:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._again.wait()

    # While it is up

    async def _attend(self, record: Record) -> _End:
        """Listen to it, again and again, until it is gone or has to be set up."""
        failures = 0
        while True:
            self._has_served = False
            self._reads = 0
            is_closed = failures >= _CLOSED
            try:
                return await self._listen(record, is_blind=is_closed)
            except BackendError as error:
                why = str(error)
            finally:
                self.link = None
            # After a while without SSH it is tried once more, and no oftener.
            failures = 1 if self._has_served and not is_closed else failures + 1
            if is_closed:
                self._closed, failures = "", _CLOSED - 1
            elif failures >= _CLOSED:
                self._closed = f"SSH is closed, and SkyPilot asked every 30 s instead: {why}"
            if self._status is not _S.UP:
                self._say(self._status, why)
            else:
                self._say(_S.UP, f"does not answer: {why}")
            log.warning("%s: %s", self.name, why)
            if await self._is_gone():
                return _End.GONE
            await asyncio.sleep(min(_pause(failures), 30.0))

    async def _listen(self, record: Record, *, is_blind: bool) -> _End:
        end = self._end = asyncio.get_running_loop().create_future()
        plan = self._plan
        way = (
            contextlib.nullcontext(plan.blind(self.name))
            if is_blind
            else plan.reach(record, plan.agent(record))
        )
        async with way as pipe:
            self.link = Link(self._plan.uid, pipe, self._heard)
            others = [asyncio.create_task(its) for its in (self.link.serve(), self._look_after())]
            try:
                await asyncio.wait({end, *others}, return_when=asyncio.FIRST_COMPLETED)
                if not end.done():
                    # Its connection has ended, and raises why.
                    await others[0]
                return await end
            finally:
                for other in others:
                    other.cancel()
                await asyncio.gather(*others, return_exceptions=True)

    async def _look_after(self) -> None:
        """Ask now and then whether it is still there: what is taken down may answer for a while."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with contextlib.suppress(SkyError):
                if await self._ask() is None and await self._is_gone():
                    self._finish(_End.GONE)

    async def _is_gone(self) -> bool:
        """Whether SkyPilot has no such cluster any more, asked twice: once may be a hiccup."""
        try:
            for _ in range(2):
                record = await self._ask(refresh=True)
                if record is not None:
                    return not record.is_up
                await asyncio.sleep(_HICCUP_SECONDS)
        except SkyError as error:
            return error.trouble is Trouble.ABSENT
        return True

    def _finish(self, end: _End) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(end)

    def _heard(self) -> None:
        """Look at what its agent says."""
        link = self.link
        if link is None or link.rows is None:
            return
        self._has_served = True
        setups = [row for row in link.rows if name_of(row.key) == "setup"]
        self._first_job = setups[-1].job if setups else 0
        is_busy = self.submitting > 0 or any(not row.is_over for row in link.rows)
        if is_busy or self._status is not _S.UP:
            self._busy_at = time.time()
        if is_busy:
            self._ran_at = time.time()
        if self.member.leaving and not is_busy and not self._holds_news(link):
            self._finish(_End.GONE)
        elif link.is_ready:
            self._setups = 0
            if self._status is not _S.UP:
                self._up_at = time.time()
            self._say(_S.UP, self._trouble or self._closed)
        elif setups:
            self._heed_setup(link, setups[-1])
        else:
            self._finish(_End.NEEDS_SETUP)
        self._changed()

    def _holds_news(self, link: Link) -> bool:
        """Whether there are jobs whose end nobody has taken note of yet; that is waited for."""
        if self._is_hurried or time.time() - self._ran_at > _NEWS_SECONDS:
            return False
        return any(name != "setup" for name in jobs_of(link.rows or ()))

    def _heed_setup(self, link: Link, row: Row) -> None:
        """Have what a set-up says read to its end, which may have come, and only then go on."""
        if self._reads != row.job:
            self._reads = row.job
            self._say(_S.SETTING_UP, "its set-up runs")
            self._said_by = asyncio.create_task(self._read_setup(link, row))
        elif row.is_over and (self._said_by is None or self._said_by.done()):
            said = f": {self._last_line}" if self._last_line else ""
            self._say(_S.SETTING_UP, f"its set-up has failed ({row.status}){said}")
            self._finish(_End.NEEDS_SETUP)

    async def _read_setup(self, link: Link, row: Row) -> None:
        """Keep what the set-up says, and show its newest line."""
        path = self._plan.setup_log(self.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._last_line = ""
        try:
            async with contextlib.aclosing(link.log(row, 0, "setup-*")) as chunks:
                with path.open("wb") as file:
                    async with asyncio.timeout(self._plan.setup_seconds):
                        async for chunk in chunks:
                            file.write(chunk)
                            file.flush()
                            self._show_setup(chunk)
        except TimeoutError:
            self._last_line = f"stopped after {self._plan.setup_seconds / 60:.0f} minutes"
            with contextlib.suppress(SkyError):
                await self._plan.calls(self._plan.sky.cancel, self.name, [row.job])
        except (BackendError, OSError) as error:
            log.warning("%s: its set-up's output broke off: %s", self.name, error)
        asyncio.get_running_loop().call_soon(self._heard)

    def _show_setup(self, chunk: bytes) -> None:
        lines = plain(chunk.decode(errors="replace").replace("\r", "\n")).split("\n")
        self._last_line = next((t.strip() for t in reversed(lines) if t.strip()), self._last_line)
        if self._status is _S.SETTING_UP:
            self._say(_S.SETTING_UP, self._last_line[:200])

    # Its end

    async def _be_gone(self) -> None:
        """Have it seen that it is gone, so that what it held is not waited for."""
        why = await self._why_gone()
        self._status, self._note, self.record = _S.GONE, why, None
        self._unseen.append(self.state())
        self._seen.clear()
        self._changed()
        await self._seen.wait()
        self._say(_S.PROVISIONING, f"{why}; brought up again")

    async def _why_gone(self) -> str:
        with contextlib.suppress(SkyError):
            for request in reversed(await self._plan.calls(self._plan.sky.requests, self.name)):
                is_end = request.name.endswith((".down", ".stop")) and request.user
                if is_end and request.created_at > self._up_at:
                    return f"taken down by {request.user}"
        return "its allocation is gone"

    async def _sleep_if_idle(self) -> None:
        """Stay down where it went down by itself for want of work, until there is some."""
        idle = time.time() - self._busy_at
        if self.member.ours and idle > self._plan.idle_seconds:
            minutes = self._plan.idle_minutes
            self._say(_S.STOPPED, f"went down after {minutes} idle minutes; up again for work")
            await self._pause_for(None)

    async def _give_back(self) -> None:
        """Take it down, however often that has to be asked."""
        failures = 0
        while True:
            self._say(_S.DRAINING, "goes down")
            try:
                await self._plan.calls(self._plan.sky.down, self.name)
                break
            except SkyError as error:
                if error.trouble is Trouble.ABSENT:
                    break
                failures += 1
                self._say(_S.DRAINING, f"cannot be taken down yet: {error}")
                await asyncio.sleep(_pause(failures))
        self._plan.registry.remove(self.name)
        self._say(_S.GONE, "given back")


_WAITS = "waits"


def _pause(failures: int) -> float:
    return _PAUSES[min(failures, len(_PAUSES)) - 1]


def _shown(accelerators: str | None) -> str | None:
    return accelerators.removesuffix(":1") if accelerators else None
