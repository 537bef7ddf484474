"""The backend of this machine: one cluster for each GPU, or each share of its cores."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from autoresearch_tui.backends.base import ClusterState, FixedFleet, Job, JobState, Look
from autoresearch_tui.backends.local.environment import job_environment, offline_uv
from autoresearch_tui.backends.local.job_log import follow
from autoresearch_tui.backends.local.machine import Share, shares
from autoresearch_tui.backends.local.python import ensure_environment
from autoresearch_tui.backends.local.sandbox import Sandbox, choose
from autoresearch_tui.backends.local.setup import Setup
from autoresearch_tui.backends.local.slot_files import drain_pipe, open_pipe
from autoresearch_tui.backends.local.slot_set import SlotSet
from autoresearch_tui.backends.task import Task
from autoresearch_tui.config import SandboxSettings
from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.errors import AutoresearchError, BackendError, RefusedError
from autoresearch_tui.paths import StudyPaths

P = ParamSpec("P")
R = TypeVar("R")

# Seconds between two looks for supervisors that have died with work left.
_REVIVE_SECONDS = 5.0

# Seconds between two looks where nothing is heard of.
_LOOK_SECONDS = 1.0

# Seconds before a failed set-up is tried again: a network may have been away for a moment.
_SETUP_PAUSES = (2.0, 10.0)


class LocalBackend(FixedFleet):
    """Executes jobs on this machine for the study at `paths`; an implementation of `Backend`.

    The set-up of `task` runs in a directory that `setup_dir` makes and gives away; `commit` names
    its contents: when it, the script or the variables change, the set-up runs again. `slots` is the
    number of runs at a time, by default one a GPU or, without GPUs, one a physical core; never more
    than one a GPU. `prices` are dollars an hour by accelerator. Without a job and without an
    engine, a slot's supervisor ends after `idle_minutes`. `sandbox` says what runs may reach;
    without it they reach everything.
    """

    def __init__(
        self,
        paths: StudyPaths,
        task: Task,
        setup_dir: Callable[[], Awaitable[Path]],
        *,
        commit: str = "",
        slots: int | None = None,
        prices: Mapping[str, float] | None = None,
        sandbox: SandboxSettings | None = None,
        environ: Mapping[str, str] = os.environ,
        idle_minutes: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._slots = SlotSet(paths.local.absolute(), idle_minutes * 60)
        self._setup_dir = setup_dir
        log = paths.setup_log(self.name).absolute()
        # Another Python is another environment, into which nothing has been installed yet.
        contents = f"{commit} {sys.executable} {sys.version}"
        self._setup = Setup(self._slots.setup, task.setup, task.envs, contents, log)
        self._count = slots
        self._prices = prices or {}
        self._rules = sandbox or SandboxSettings(mode="off")
        self._sandbox = Sandbox("none", paths.state)
        self._state = paths.state.absolute()
        self._environ = environ
        self._clock = clock
        self._shares: dict[str, Share] = {}
        self._draining: list[ClusterState] = []
        self._status = ClusterStatus.PROVISIONING
        self._note = ""
        self._troubles: Mapping[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changes: set[asyncio.Task[object]] = set()
        self._revived_at = -_REVIVE_SECONDS
        self._changed = asyncio.Event()
        self._pipe: int | None = None

    @property
    def name(self) -> str:
        """Short name."""
        return "local"

    async def start(self) -> None:
        """Find the machine's slots and begin to set them up; tries a failed set-up again.

        Raises:
            BackendError: the state directory cannot be used.
        """
        if self._is_under_way("start"):
            return
        if not self._shares:
            found = await asyncio.to_thread(shares, self._count, self._environ)
            self._shares = {share.name: share for share in found}
        await asyncio.to_thread(self._slots.attach)
        await asyncio.to_thread(self._prepare)
        await asyncio.to_thread(self._slots.prepare, self._shares.values())
        try:
            self._listen()
        except OSError as error:
            raise BackendError(f"local: its pipe cannot be opened: {error}") from error
        done = await asyncio.to_thread(self._setup.is_done)
        self._set_status(ClusterStatus.UP if done else ClusterStatus.SETTING_UP)
        if not done:
            self._tasks["start"] = asyncio.create_task(self._set_up())
        self._revive()

    async def clusters(self) -> Sequence[ClusterState]:
        """All slots; those that are no longer wanted are draining while they have jobs."""
        return [*(self._cluster(share) for share in self._shares.values()), *self._draining]

    async def submit(self, cluster: str, job: Job) -> None:
        """Append `job` to the queue of `cluster`; a second time with the same name does nothing.

        Raises:
            RefusedError: there is no such slot, or it is not up.
            BackendError: the disk refuses, or its supervisor cannot start.
        """
        share, slot = self._shares.get(cluster), self._slots.get(cluster)
        if share is None or slot is None:
            raise RefusedError(f"{cluster}: no such slot on this machine")
        state = self._cluster(share)
        if state.status is not ClusterStatus.UP:
            raise RefusedError(f"{cluster}: takes no jobs while {state.status}: {state.note}")
        env = {**self._environment(), **job.envs, **share.envs}
        box = self._sandbox.description()
        await self._complete(slot.submit, job, env, share.cpus, self._clock(), None, box)

    async def watch(self) -> AsyncIterator[Sequence[Look]]:
        """Yield all slots with all their jobs whenever one may have changed, and each second."""
        while True:
            jobs: Sequence[JobState] | None = None
            with contextlib.suppress(BackendError):
                jobs = await self._jobs()
            clusters = await self.clusters()
            yield [Look(cluster, _of(cluster.name, jobs)) for cluster in clusters]
            await self._wait(_LOOK_SECONDS)

    async def find(self, cluster: str, name: str) -> JobState | None:
        """The job of that name, if the slot has it."""
        slot = self._slots.get(cluster)
        if slot is None:
            return None
        states = await asyncio.to_thread(slot.states)
        return next((state for state in states if state.name == name), None)

    async def _jobs(self) -> Sequence[JobState]:
        states = await asyncio.to_thread(self._slots.states)
        names = {state.cluster for state in states} - self._shares.keys()
        if self._shares and names != {cluster.name for cluster in self._draining}:
            self._draining = await asyncio.to_thread(self._describe, sorted(names))
        if self._shares and self._status is not ClusterStatus.STOPPED:
            self._revive()
        return states

    async def _wait(self, timeout: float) -> None:
        """Return when a job or slot may have changed since the last call, or `timeout` s later."""
        with contextlib.suppress(OSError):
            self._listen()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        self._changed.clear()

    async def withdraw(self, cluster: str, name: str) -> bool:
        """Take a job out of the queue; False when it has started, ended or is not known."""
        slot = self._slots.get(cluster)
        return slot is not None and await self._complete(slot.withdraw, name)

    async def cancel(self, cluster: str, name: str) -> None:
        """Ask for a job's end: SIGTERM to its process group, SIGKILL five seconds later."""
        if slot := self._slots.get(cluster):
            await self._complete(slot.cancel, name)

    def log(self, cluster: str, name: str, offset: int) -> AsyncIterator[bytes]:
        """Yield the job's raw output from byte `offset`, as it comes, until the job has ended.

        Raises:
            BackendError: the job is not known, or its output cannot be read.
        """
        slot = self._slots.get(cluster)
        if slot is None:
            raise BackendError(f"{cluster}: no such slot on this machine")
        return follow(slot, name, offset)

    async def forget(self, cluster: str, name: str) -> None:
        """Remove an ended job's files; it is no longer in `jobs`.

        Raises:
            BackendError: the job has not ended.
        """
        if slot := self._slots.get(cluster):
            await self._complete(slot.forget, name)

    async def release(self) -> None:
        """Let the slots' processes end: idle ones now, the others once their queues are empty."""
        await self._cancel_tasks()
        self._set_status(ClusterStatus.STOPPED, "the study is over")
        await asyncio.to_thread(self._slots.stop)

    async def close(self) -> None:
        """End this side, once what it is changing is changed; slots and jobs go on."""
        await self._cancel_tasks()
        await asyncio.gather(*self._changes, return_exceptions=True)
        if self._pipe is not None:
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = None
        self._slots.detach()

    def _cluster(self, share: Share) -> ClusterState:
        status, note = self._status, self._note
        if status is ClusterStatus.UP and (trouble := self._troubles.get(share.name)):
            status, note = ClusterStatus.FAILED, trouble
        price = self._prices.get(share.accelerator, 0.0)
        return ClusterState(share.name, share.accelerator, status, note, price)

    def _describe(self, names: Sequence[str]) -> list[ClusterState]:
        found = [(name, slot.accelerator()) for name in names if (slot := self._slots.get(name))]
        note = "not used any more"
        return [
            ClusterState(name, kind, ClusterStatus.DRAINING, note, self._prices.get(kind, 0.0))
            for name, kind in found
        ]

    @property
    def confinement(self) -> str:
        """How runs are confined, in words, once started."""
        return self._sandbox.words

    def _prepare(self) -> None:
        """The study's own Python, and the sandbox of its runs."""
        python = self._state / "env"
        ensure_environment(python)
        inner = (str(python), str(python.with_name("uv")))
        self._sandbox = choose(self._rules, self._state, inner, self._environ)

    def _environment(self, *, install: bool = False) -> dict[str, str]:
        programs, online = self._state / "env" / "bin", install or self._rules.network
        env = job_environment(self._environ, programs, self._rules.env, install=online)
        return env if install else {**env, **offline_uv()}

    async def _set_up(self) -> None:
        for pause in (*_SETUP_PAUSES, None):
            try:
                await self._setup.run(
                    self._setup_dir, self._environment(install=True), self._clock, self._say
                )
            except (AutoresearchError, OSError) as error:
                if pause is None:
                    self._set_status(ClusterStatus.FAILED, str(error))
                    return
                self._say(f"{error}; again in {pause:.0f} s")
                await asyncio.sleep(pause)
            else:
                self._set_status(ClusterStatus.UP)
                return

    def _say(self, line: str) -> None:
        self._set_status(ClusterStatus.SETTING_UP, line)

    def _set_status(self, status: ClusterStatus, note: str = "") -> None:
        self._status, self._note = status, note
        self._changed.set()

    def _revive(self) -> None:
        """Look after supervisors in the background, now and then."""
        now = asyncio.get_running_loop().time()
        if now >= self._revived_at + _REVIVE_SECONDS and not self._is_under_way("revive"):
            self._revived_at = now
            self._tasks["revive"] = asyncio.create_task(self._revive_all())

    async def _revive_all(self) -> None:
        try:
            troubles = await asyncio.to_thread(self._slots.revive)
        except BackendError as error:
            troubles = dict.fromkeys(self._shares, str(error))
        if troubles != self._troubles:
            self._troubles = troubles
            self._changed.set()

    async def _complete(self, change: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `change` in a thread; who is cancelled leaves it behind, and `close` waits for it."""
        task = asyncio.create_task(asyncio.to_thread(change, *args, **kwargs))
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return await asyncio.shield(task)

    def _is_under_way(self, task: str) -> bool:
        return task in self._tasks and not self._tasks[task].done()

    async def _cancel_tasks(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()

    def _listen(self) -> None:
        if self._pipe is None:
            self._pipe = open_pipe(self._slots.home / "changed")
            asyncio.get_running_loop().add_reader(self._pipe, self._on_change, self._pipe)

    def _on_change(self, pipe: int) -> None:
        drain_pipe(pipe)
        self._changed.set()


def _of(cluster: str, jobs: Sequence[JobState] | None) -> tuple[JobState, ...] | None:
    return None if jobs is None else tuple(job for job in jobs if job.cluster == cluster)
