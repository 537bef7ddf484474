"""Puts jobs at the end of clusters' queues, one at a time for each."""

import asyncio
import secrets
import shutil
import time

from autoresearch_tui.backends.base import Job
from autoresearch_tui.backends.skypilot.cluster import SkyCluster
from autoresearch_tui.backends.skypilot.pace import SHORT_SECONDS
from autoresearch_tui.backends.skypilot.plan import Plan
from autoresearch_tui.backends.skypilot.rows import is_between, jobs_of
from autoresearch_tui.backends.skypilot.script import job_name
from autoresearch_tui.backends.skypilot.sdk import Record, SkyError, SkyTask, Trouble
from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import RefusedError

_CERTAIN_SECONDS = 60.0
"""After a submission that was not answered, for which it may still arrive."""


class Submitting:
    """What is, and has been, on its way to the queues of a study's clusters.

    `pilot` says whether short jobs are given to a worker, which executes one after another within
    one job of SkyPilot's: `auto` or `never`.
    """

    def __init__(self, plan: Plan, pilot: str) -> None:
        self._plan = plan
        self._is_allowed = pilot == "auto"
        self._closed: set[str] = set()
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
                    await self._submit(place, record, job)
                finally:
                    place.jobs.submitting -= 1

    async def _submit(self, place: SkyCluster, record: Record, job: Job) -> None:
        if self._may_have_worker(place):
            worker = place.jobs.worker if place.jobs.worker not in self._closed else ""
            if not worker and (job.time_limit < SHORT_SECONDS or self._plan.pace.is_short):
                worker = await self._begin_worker(place, record)
            if worker:
                await self._spool(place, worker, job)
                return
        await self._execute(place, record, job)

    def _may_have_worker(self, place: SkyCluster) -> bool:
        """Whether jobs may be executed by a worker there.

        It would keep others from a cluster that is theirs, and has only the first of many nodes.
        """
        is_alone = self._plan.task.raw.get("num_nodes") in (None, 1)
        return self._is_allowed and place.face.member.ours and is_alone and not place.jobs.is_blind

    async def _begin_worker(self, place: SkyCluster, record: Record) -> str:
        """Have SkyPilot execute a worker; its key.

        Raises:
            RefusedError: it has not, or is not known to have.
        """
        try:
            task = await asyncio.to_thread(self._plan.worker_task, record)
            await self._ask_for(place, task)
        except (SkyError, OSError) as error:
            raise RefusedError(f"has no worker: {error}") from error
        await place.jobs.answering().until(lambda: place.jobs.worker not in ("", *self._closed))
        if place.jobs.worker in ("", *self._closed):
            raise RefusedError("its worker is not seen yet")
        return place.jobs.worker

    async def _spool(self, place: SkyCluster, worker: str, job: Job) -> None:
        """Have a worker execute a job after what it has."""
        link = place.jobs.answering()
        try:
            spooled = await asyncio.to_thread(self._plan.spooled_job, job, _key(job))
        except OSError as error:
            raise RefusedError(f"its files cannot be packed: {error}") from error
        self._tried_at[job.name] = time.monotonic()
        is_taken = await link.ask("spool", worker=worker, **spooled)
        del self._tried_at[job.name]
        if not is_taken:
            self._closed.add(worker)
            raise RefusedError("its worker has just ended")
        await self._until_seen(place, job)

    async def _execute(self, place: SkyCluster, record: Record, job: Job) -> None:
        """Have SkyPilot execute a job after what the cluster has."""
        # What takes a job in and what starts the next one would slow each other down.
        link = place.jobs.answering()
        if not place.jobs.is_blind:
            await link.until(lambda: not is_between(link.rows or ()))
        try:
            task = await asyncio.to_thread(self._plan.job_task, job, _key(job), record)
        except OSError as error:
            raise RefusedError(f"its files cannot be staged: {error}") from error
        self._tried_at[job.name] = time.monotonic()
        try:
            await self._ask_for(place, task)
        except SkyError as error:
            if error.trouble in (Trouble.ABSENT, Trouble.IMPOSSIBLE):
                raise RefusedError(str(error)) from error
            raise
        await self._until_seen(place, job)

    async def _ask_for(self, place: SkyCluster, task: SkyTask) -> None:
        """Have SkyPilot take a task, and show what keeps it from that.

        Raises:
            SkyError: it has not, or not as far as is known.
        """
        plan = self._plan
        try:
            request = await plan.calls(plan.sky.execute, place.face.name, task)
            await plan.calls(plan.sky.wait, request)
        except SkyError as error:
            place.jobs.take_note(str(error))
            raise
        place.jobs.take_note("")
        await asyncio.to_thread(shutil.rmtree, task.workdir, ignore_errors=True)

    async def _until_seen(self, place: SkyCluster, job: Job) -> None:
        place.jobs.expect(job.name)
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


def _key(job: Job) -> str:
    """The name of a job's folder on a cluster, which no other submission of it has."""
    return f"{job.name}_{secrets.token_hex(3)}"
