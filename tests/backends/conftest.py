"""Real slots in a temporary study, and nothing left of them afterwards."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from autoresearch_tui.backends.base import Job, JobState
from autoresearch_tui.backends.local.backend import LocalBackend
from autoresearch_tui.backends.task import Task
from autoresearch_tui.paths import StudyPaths

T = TypeVar("T")
DEADLINE = 30.0


def processes_of(directory: Path) -> dict[int, str]:
    """Living processes whose command line or working directory lies in `directory`."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if ") Z " in (entry / "stat").read_text():
                continue
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(directory) in command or (entry / "cwd").readlink().is_relative_to(directory):
                found[int(entry.name)] = command
    return found


class Study:
    """A study directory with backends on it, one after the other, as engines come and go."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths = StudyPaths(root)
        self._open: list[LocalBackend] = []
        self.setup_dirs = 0

    async def setup_dir(self) -> Path:
        self.setup_dirs += 1
        path = self.root / "incoming" / f"setup-{self.setup_dirs}"
        path.mkdir(parents=True)
        return path

    def task(self, setup: str = "", envs: dict[str, str] | None = None) -> Task:
        return Task(self.root / "experiment.yaml", "true", setup, envs or {}, {})

    async def backend(
        self, slots: int = 1, setup: str = "", commit: str = "", **options: object
    ) -> LocalBackend:
        backend = LocalBackend(
            self.paths, self.task(setup), self.setup_dir, commit=commit, slots=slots, **options
        )
        self._open.append(backend)
        await backend.start()
        return backend

    def job(self, name: str, script: str, **options: object) -> Job:
        workdir = self.root / "incoming" / name
        workdir.mkdir(parents=True, exist_ok=True)
        return Job(name, workdir, script, **options)

    async def close(self) -> None:
        for backend in self._open:
            await backend.close()

    def supervisor(self, cluster: str) -> int:
        return int((self.paths.local / cluster / "lock").read_text())


@pytest.fixture
async def study(tmp_path: Path) -> AsyncIterator[Study]:
    study = Study(tmp_path / "study")
    study.root.mkdir()
    yield study
    await study.close()
    kill_all(study.root)


def kill_all(directory: Path) -> None:
    while found := processes_of(directory):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


async def until(backend: LocalBackend, find: Callable[[], Awaitable[T | None]]) -> T:
    """The first true value of `find`, asked again at each change."""
    deadline = time.monotonic() + DEADLINE
    async for _ in backend.watch():
        if found := await find():
            return found
        if time.monotonic() > deadline:
            break
    raise AssertionError(f"not within {DEADLINE} s; jobs: {await jobs(backend)}")


async def jobs(backend: LocalBackend) -> list[JobState]:
    """All jobs that the backend knows now."""
    async with contextlib.aclosing(backend.watch()) as looks:
        return [job for look in await anext(looks) for job in look.jobs or ()]


async def job_state(backend: LocalBackend, name: str) -> JobState | None:
    return next((state for state in await jobs(backend) if state.name == name), None)


async def ended(backend: LocalBackend, *names: str) -> list[JobState]:
    """How the jobs ended, in the order of `names`."""

    async def find() -> list[JobState] | None:
        states = {state.name: state for state in await jobs(backend) if state.status.is_final}
        return [states[name] for name in names] if states.keys() >= set(names) else None

    return await until(backend, find)


async def running(backend: LocalBackend, name: str) -> JobState:
    async def find() -> JobState | None:
        state = await job_state(backend, name)
        return state if state and state.status == "running" else None

    return await until(backend, find)


async def exists(backend: LocalBackend, path: Path) -> None:
    async def find() -> bool:
        return await asyncio.to_thread(path.exists)

    await until(backend, find)


async def output(backend: LocalBackend, cluster: str, name: str, offset: int = 0) -> bytes:
    """All that a job prints from `offset`, read while it runs."""
    async with asyncio.timeout(DEADLINE):
        return b"".join([chunk async for chunk in backend.log(cluster, name, offset)])
