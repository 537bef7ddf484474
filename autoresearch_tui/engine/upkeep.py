"""The engine's own pulse: it says that it lives, adds up the cost, and heeds the limits."""

import time

from autoresearch_tui.domain import ClusterStatus, ExperimentStatus, Study, StudyStatus
from autoresearch_tui.engine.context import Context
from autoresearch_tui.engine.scheduler import ACTIVE
from autoresearch_tui.engine.stopping import Stopping

HEARTBEAT_SECONDS = 2.0

TROUBLE_SECONDS = 5.0
"""How long all clusters must have failed before the engine gives up."""

JUMP_SECONDS = 30.0
"""How far the clock may run away from a steady one between two heartbeats."""

FAILED = 1
"""Exit code of an engine that gave up."""

_OUT_OF_USE = (ClusterStatus.DRAINING, ClusterStatus.STOPPED, ClusterStatus.GONE)

_COSTING = (ClusterStatus.UP, ClusterStatus.SETTING_UP, ClusterStatus.DRAINING)


class Upkeep:
    """Runs beside the other loops, and ends the study when a limit is reached."""

    def __init__(self, context: Context, stopping: Stopping) -> None:
        self._context = context
        self._stopping = stopping
        self._beat_at = context.clock()
        self._steady_at = time.monotonic()
        self._failed_at: float | None = None

    async def run(self) -> None:
        """Watch over the study until it is to end."""
        context = self._context
        while not context.ended.is_set():
            ticket = context.changed.ticket
            study = context.store.study()
            reason = self._limit(study)
            if reason and study.status in (StudyStatus.RUNNING, StudyStatus.PAUSED):
                await self._stopping.begin(reason, "engine")
            if self._stopping.is_done():
                context.finish(context.store.study().end_reason)
                return
            now = context.clock()
            if trouble := self._trouble(now):
                context.store.record("engine.failed", trouble)
                context.finish(trouble, FAILED)
                return
            if now - self._beat_at >= HEARTBEAT_SECONDS:
                self._beat(now)
            left = max(self._beat_at + HEARTBEAT_SECONDS - now, 0.05)
            await context.changed.wait(ticket, timeout=left)

    def _beat(self, now: float) -> None:
        store = self._context.store
        hours = (now - self._beat_at) / 3600
        self._note_jump(now)
        self._beat_at = now
        prices = sum(c.price for c in store.clusters() if c.status in _COSTING)
        spent = store.study().spent_usd + prices * hours
        store.change_study(heartbeat_at=now, spent_usd=spent)

    def _note_jump(self, now: float) -> None:
        """Record that the clock was set or the machine slept: nobody idled meanwhile."""
        steady = time.monotonic()
        jump = (now - self._beat_at) - (steady - self._steady_at)
        self._steady_at = steady
        if abs(jump) > JUMP_SECONDS:
            self._context.store.record("engine.jumped", f"the clock went {jump:+.0f} s at once")

    def _trouble(self, now: float) -> str:
        """Why no run can ever start, once that has lasted for a while."""
        clusters = [c for c in self._context.store.clusters() if c.status not in _OUT_OF_USE]
        failed = [c for c in clusters if c.status is ClusterStatus.FAILED]
        if not failed or len(failed) < len(clusters) or self._context.store.runs(ACTIVE):
            self._failed_at = None
            return ""
        self._failed_at = self._failed_at or now
        if now - self._failed_at < TROUBLE_SECONDS:
            return ""
        names = f"{failed[0].name} … {failed[-1].name}" if len(failed) > 1 else failed[0].name
        return f"no cluster is left: {names}: {failed[0].note}"

    def _limit(self, study: Study) -> str:
        judged = self._context.store.experiment_counts().get(ExperimentStatus.JUDGED, 0)
        if study.max_experiments is not None and judged >= study.max_experiments:
            return f"{judged} experiments judged (limits.max_experiments)"
        if study.deadline is not None and self._context.clock() >= study.deadline:
            return "the time is up (limits.max_hours)"
        if study.budget_usd is not None and study.spent_usd >= study.budget_usd:
            return f"${study.spent_usd:.2f} spent (limits.budget_usd)"
        return ""
