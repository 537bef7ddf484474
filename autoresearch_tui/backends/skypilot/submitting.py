"""Puts jobs at the end of clusters' queues, one at a time for each."""

import asyncio
import secrets
import shutil
import time

from autoresearch_tui.backends.base import Job
from autoresearch_tui.backends.skypilot.cluster import SkyCluster
from autoresearch_tui.backends.skypilot.plan import Plan
from autoresearch_tui.backends.skypilot.rows import jobs_of
from autoresearch_tui.backends.skypilot.script import job_name
from autoresearch_tui.backends.skypilot.sdk import Record, SkyError, Trouble
from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import RefusedError

_CERTAIN_SECONDS = 60.0
"""After a submission that was not answered, for which it may still arrive."""


class Submitting:
    """What is, and has been, on its way to the queues of a study's clusters."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._turns: dict[str, asyncio.Lock] = {}
        self._tried_at: dict[str, float] = {}

    async def submit(self, place: SkyCluster, job: Job) -> None:
        """Append `job` to a cluster's queue; a second time with the same name does nothing.

        Raises:
            RefusedError: it surely was not taken.
            BackendError: it may have been taken or not.
        """
        # Execs beside each other arrive out of order, and none the sooner.
        async with self._turns.setdefault(place.face.name, asyncio.Lock()):
            state, record = place.face.state(), place.face.record
            if state.status is not ClusterStatus.UP or place.jobs.link is None or record is None:
                raise RefusedError(
                    f"{place.face.name}: takes no jobs while {state.status}: {state.note}"
                )
            if place.jobs.row(job.name) is None:
                place.jobs.submitting += 1
                try:
                    await self._execute(place, record, job)
                finally:
                    place.jobs.submitting -= 1

    async def _execute(self, place: SkyCluster, record: Record, job: Job) -> None:
        plan, key = self._plan, f"{job.name}_{secrets.token_hex(3)}"
        try:
            task = await asyncio.to_thread(plan.job_task, job, key, record)
        except OSError as error:
            raise RefusedError(f"its files cannot be staged: {error}") from error
        self._tried_at[job.name] = time.monotonic()
        try:
            request = await plan.calls(plan.sky.execute, place.face.name, task)
            await plan.calls(plan.sky.wait, request)
        except SkyError as error:
            place.jobs.take_note(str(error))
            if error.trouble in (Trouble.ABSENT, Trouble.IMPOSSIBLE):
                raise RefusedError(str(error)) from error
            raise
        place.jobs.take_note("")
        place.jobs.expect(job.name)
        await asyncio.to_thread(shutil.rmtree, plan.stage / key, ignore_errors=True)
        if place.jobs.link is not None:
            link = place.jobs.link
            await link.until(lambda: job.name in jobs_of(link.rows or ()))

    async def may_arrive(self, cluster: str, name: str) -> bool:
        """Whether a job that is not seen on a cluster may still be on its way to it.

        Raises:
            SkyError: SkyPilot does not say.
        """
        plan, mark = self._plan, job_name(self._plan.uid, f"{name}_")
        requests = await plan.calls(plan.sky.requests, cluster)
        if any(mark in each.body and not each.is_over for each in requests):
            return True
        answered = any(mark in each.body for each in requests)
        tried = self._tried_at.get(name)
        if tried is None or answered:
            return False
        return time.monotonic() - tried < _CERTAIN_SECONDS
