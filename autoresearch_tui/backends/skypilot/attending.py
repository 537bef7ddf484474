"""Listens to a cluster that is up, and knows its jobs, until it is gone or has to be set up."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from enum import Enum, auto

from autoresearch_tui.backends.base import JobState
from autoresearch_tui.backends.skypilot.face import Face
from autoresearch_tui.backends.skypilot.launching import Launching
from autoresearch_tui.backends.skypilot.link import Link, NoWayError
from autoresearch_tui.backends.skypilot.rows import (
    STUCK_SECONDS,
    Row,
    jobs_of,
    state_of,
    worker_of,
)
from autoresearch_tui.backends.skypilot.script import SETUP, WORKER, name_of
from autoresearch_tui.backends.skypilot.sdk import Record, SkyError, Trouble
from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import BackendError
from autoresearch_tui.plain import plain

log = logging.getLogger(__name__)

_S = ClusterStatus

_HICCUP_SECONDS = 3.0
"""Before an answer that there is no such cluster is asked for again, and then believed."""

_NEWS_SECONDS = 120.0
"""For which a cluster that is to go keeps the ends of its jobs for whoever wants to read them."""

_LOOK_SECONDS = 30.0
"""Between two questions to SkyPilot about a cluster that is up: somebody may have taken it down."""

_EXPECTED_SECONDS = 90.0
"""For which a job that SkyPilot has taken may not be seen yet."""

_RECONNECTS = (1.0, 4.0, 10.0, 30.0)
"""Seconds before a connection that failed is tried again, longer each time."""

_CLOSED = 3
"""Failures to reach a cluster by SSH in a row after which SkyPilot is asked instead."""


class End(Enum):
    """Why nobody listens to a cluster any more."""

    GONE = auto()
    NEEDS_SETUP = auto()


class Attending:
    """What is heard of one cluster. `link` is the way to it; `submitting` counts jobs under way.

    `busy_at` is when it last had something to do, in Unix seconds. Where it `is_blind` SkyPilot is
    asked instead of an agent. With `is_hurried` it goes though
    nobody has taken note of its jobs' ends.
    """

    def __init__(self, face: Face, launching: Launching) -> None:
        self._face = face
        self._launching = launching
        self.link: Link | None = None
        self.submitting = 0
        self.is_hurried = False
        self.busy_at = self._ran_at = time.time()
        self._first_job = 0
        self._end: asyncio.Future[End] | None = None
        self._has_served = False
        self.is_blind = False
        self._setup = _Setup(face, self.heard)
        self._trouble = self._closed = ""
        self._has_relaunched = False
        self._expected: dict[str, float] = {}

    def close(self) -> None:
        """Read nothing more."""
        self._setup.close()

    def jobs(self) -> tuple[JobState, ...] | None:
        """Its jobs; None where it does not answer."""
        if self.link is None or self.link.rows is None or self._face.status is not _S.UP:
            return None
        if self.is_blind and worker_of(self.link.rows, self._first_job):
            # What it executes cannot be seen from where we stand.
            return None
        # What is known is from before a job that has been taken: it would look lost.
        newest = max(self._expected.values(), default=-_EXPECTED_SECONDS)
        if time.monotonic() - newest < _EXPECTED_SECONDS:
            return None
        found = jobs_of(self.link.rows)
        return tuple(self.job(row) for row in found.values())

    def job(self, row: Row) -> JobState:
        """How one of its jobs stands."""
        skew = self.link.skew if self.link else 0.0
        return state_of(row, self._face.name, skew, self._first_job, time.time())

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

    @property
    def worker(self) -> str:
        """The key of the worker that it has; empty without one, or where none can be spoken to."""
        if self.link is None or self.link.rows is None or self.is_blind:
            return ""
        return worker_of(self.link.rows, self._first_job)

    def answering(self) -> Link:
        """The way to it.

        Raises:
            BackendError: it does not answer.
        """
        if self.link is None or self.link.rows is None:
            raise BackendError(f"{self._face.name}: does not answer: {self._face.note}")
        return self.link

    def expect(self, name: str) -> None:
        """A job has been taken by the queue, and will be seen there."""
        self._expected[name] = time.monotonic()
        self.heard()

    def take_note(self, trouble: str) -> None:
        """Show what keeps it from being given jobs; nothing any more where it is empty."""
        self._trouble = trouble
        self.heard()

    async def attend(self, record: Record) -> End:
        """Listen to it, again and again, until it is gone or has to be set up."""
        failures = 0
        while True:
            self._has_served = False
            self._setup.forget()
            self.is_blind = is_closed = failures >= _CLOSED
            try:
                return await self._listen(record)
            except NoWayError as error:
                why = str(error)
                if not self._has_relaunched and not self._face.member.leaving:
                    # UP is no proof: once more by its name, which makes no second allocation.
                    self._has_relaunched = True
                    log.warning("%s: launched again: %s", self._face.name, why)
                    return End.NEEDS_SETUP
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
            if self._face.status is not _S.UP:
                self._face.say(self._face.status, why)
            else:
                self._face.say(_S.UP, f"does not answer: {why}")
            log.warning("%s: %s", self._face.name, why)
            if await self._is_gone():
                return End.GONE
            await asyncio.sleep(_RECONNECTS[min(failures, len(_RECONNECTS)) - 1])

    async def _listen(self, record: Record) -> End:
        end = self._end = asyncio.get_running_loop().create_future()
        plan = self._face.plan
        way = (
            contextlib.nullcontext(plan.blind(self._face.name))
            if self.is_blind
            else plan.reach(record, plan.agent(record))
        )
        async with way as pipe:
            self.link = Link(self._face.plan.uid, pipe, self.heard)
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
                if await self._face.ask() is None and await self._is_gone():
                    self._finish(End.GONE)

    async def _is_gone(self) -> bool:
        """Whether SkyPilot has no such cluster any more, asked twice: once may be a hiccup."""
        try:
            for _ in range(2):
                record = await self._face.ask(refresh=True)
                if record is not None:
                    return not record.is_up
                await asyncio.sleep(_HICCUP_SECONDS)
        except SkyError as error:
            return error.trouble is Trouble.ABSENT
        return True

    def _finish(self, end: End) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(end)

    def heard(self) -> None:
        """Look at what its agent says."""
        link = self.link
        if link is None or link.rows is None:
            return
        self._has_served = True
        self._has_relaunched = self._has_relaunched and self.is_blind
        self._expected = {n: at for n, at in self._expected.items() if n not in jobs_of(link.rows)}
        setups = [row for row in link.rows if name_of(row.key) == SETUP]
        self._first_job = setups[-1].job if setups else 0
        self._face.plan.pace.take(link.rows)
        # A worker without work is no reason to stay.
        waits = (r for r in link.rows if name_of(r.key) != WORKER and r.job >= self._first_job)
        is_busy = self.submitting > 0 or any(not row.is_over for row in waits)
        if is_busy or self._face.status is not _S.UP:
            self.busy_at = time.time()
        if is_busy:
            self._ran_at = time.time()
        if self._face.member.leaving and not is_busy and not self._holds_news(link):
            self._finish(End.GONE)
        elif link.is_ready:
            self._launching.setups = 0
            self._face.say(_S.UP, self._trouble or self._closed)
        elif setups:
            if self._setup.has_failed(link, setups[-1]):
                self._finish(End.NEEDS_SETUP)
        else:
            self._finish(End.NEEDS_SETUP)
        self._face.changed()

    def _holds_news(self, link: Link) -> bool:
        """Whether there are jobs whose end nobody has taken note of yet; that is waited for."""
        if self.is_hurried or time.time() - self._ran_at > _NEWS_SECONDS:
            return False
        return bool(jobs_of(link.rows or ()))


class _Setup:
    """The output of a cluster's set-up: kept, and its newest line shown."""

    def __init__(self, face: Face, heard: Callable[[], None]) -> None:
        self._face = face
        self._heard = heard
        self._said_by: asyncio.Task[None] | None = None
        self._reads = 0
        self._last_line = ""

    def close(self) -> None:
        """Read nothing more."""
        if self._said_by is not None:
            self._said_by.cancel()

    def forget(self) -> None:
        """Read it from its beginning when it is seen again."""
        self._reads = 0

    def has_failed(self, link: Link, row: Row) -> bool:
        """Whether a set-up has ended without success, and all that it said has been read."""
        if self._reads != row.job:
            self._reads = row.job
            self._face.say(_S.SETTING_UP, "its set-up runs")
            self._said_by = asyncio.create_task(self._read(link, row))
        elif row.is_over and (self._said_by is None or self._said_by.done()):
            said = f": {self._last_line}" if self._last_line else ""
            self._face.say(_S.SETTING_UP, f"its set-up has failed ({row.status}){said}")
            return True
        return False

    async def _read(self, link: Link, row: Row) -> None:
        """Keep what the set-up says, and show its newest line."""
        path = self._face.plan.setup_log(self._face.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._last_line = ""
        try:
            async with contextlib.aclosing(link.log(row, 0, "setup-*")) as chunks:
                with path.open("wb") as file:
                    async with asyncio.timeout(self._face.plan.setup_seconds):
                        async for chunk in chunks:
                            file.write(chunk)
                            file.flush()
                            self._show(chunk)
        except TimeoutError:
            self._last_line = f"stopped after {self._face.plan.setup_seconds / 60:.0f} minutes"
            with contextlib.suppress(SkyError):
                await self._face.plan.calls(self._face.plan.sky.cancel, self._face.name, [row.job])
        except (BackendError, OSError) as error:
            log.warning("%s: its set-up's output broke off: %s", self._face.name, error)
        asyncio.get_running_loop().call_soon(self._heard)

    def _show(self, chunk: bytes) -> None:
        lines = plain(chunk.decode(errors="replace").replace("\r", "\n")).split("\n")
        self._last_line = next((t.strip() for t in reversed(lines) if t.strip()), self._last_line)
        if self._face.status is _S.SETTING_UP:
            self._face.say(_S.SETTING_UP, self._last_line[:200])
