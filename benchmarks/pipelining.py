"""How long a cluster waits between two runs, by who fills its queue; on a real Slurm (needs root).

    python -m benchmarks.pipelining [--jobs 6] [--seconds 15]

Launches one cluster by the real SkyPilot and executes the same jobs five times: all queued before
(the floor: what SkyPilot needs between two jobs of a full queue), by our backend with one and with
two jobs waiting behind the running one, by the naive loop that submits, waits for the end and
submits again, and by the worker that short runs are given to. Prints the gaps between the jobs' own
first and last lines, and the API server's CPU a job.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

from autoresearch_tui.backends.base import Job, JobState, JobStatus
from autoresearch_tui.backends.skypilot.backend import SkyPilotBackend
from autoresearch_tui.backends.task import Task
from autoresearch_tui.config import Settings
from autoresearch_tui.paths import StudyPaths
from tests.e2e.slurm_rig import Slurm, slurm

CLUSTER = "bench-01"


class Bench:
    """One cluster, and its jobs as they were last seen."""

    def __init__(self, root: Path, rig: Slurm, jobs: int, seconds: float) -> None:
        self.rig, self.jobs, self.seconds, self.root = rig, jobs, seconds, root
        self.seen: dict[str, JobState] = {}
        self.is_up = asyncio.Event()
        self.changed = asyncio.Event()
        self.backend: SkyPilotBackend
        self.watching: asyncio.Task[None]

    async def start(self, pilot: str) -> None:
        groups = [{"accelerator": "H100:1", "infra": "slurm"}]
        wanted = {"clusters": groups, "pilot": pilot}
        settings = Settings.model_validate({"study": {"tag": "bench"}, "skypilot": wanted})
        task = Task(self.root / "experiment.yaml", "true", "", {}, {})
        self.backend = SkyPilotBackend(StudyPaths(self.root), settings, task, self.setup_dir)
        await self.backend.start()
        self.is_up.clear()
        self.watching = asyncio.create_task(self.watch())
        await self.is_up.wait()

    async def stop(self) -> None:
        self.watching.cancel()
        await self.backend.close()

    async def setup_dir(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.root))

    async def watch(self) -> None:
        async for (look,) in self.backend.watch():
            if look.jobs is not None:
                self.is_up.set()
            self.seen |= {job.name: job for job in look.jobs or ()}
            self.changed.set()

    async def submit(self, name: str) -> None:
        workdir = Path(tempfile.mkdtemp(dir=self.root))
        # A limit of a minute says that it is a short one.
        job = Job(name, workdir, f"sleep {self.seconds}", time_limit=60.0)
        await self.backend.submit(CLUSTER, job)

    async def until(self, name: str, status: JobStatus) -> None:
        while (job := self.seen.get(name)) is None or not (
            job.status is status or job.status.is_final
        ):
            self.changed.clear()
            await self.changed.wait()

    async def queued_before(self, names: list[str]) -> None:
        for name in names:
            await self.submit(name)

    async def pipelined(self, names: list[str], depth: int = 1) -> None:
        for name in names[: depth + 1]:
            await self.submit(name)
        for before, name in zip(names, names[depth + 1 :], strict=False):
            await self.until(before, JobStatus.SUCCEEDED)
            await self.submit(name)

    async def two_waiting(self, names: list[str]) -> None:
        await self.pipelined(names, 2)

    async def naive(self, names: list[str]) -> None:
        for name in names:
            await self.submit(name)
            await self.until(name, JobStatus.SUCCEEDED)

    async def measure(self, what: str, way: Callable[[list[str]], Awaitable[None]]) -> float:
        names = [f"{what}-{number}" for number in range(self.jobs)]
        before = cpu_seconds(self.rig)
        await way(names)
        for name in names:
            await self.until(name, JobStatus.SUCCEEDED)
        jobs = [self.seen[name] for name in names]
        assert all(job.status is JobStatus.SUCCEEDED for job in jobs), jobs
        pairs = pairwise(jobs)
        gaps = [(b.started_at or 0.0) - (a.ended_at or 0.0) for a, b in pairs]
        gap = statistics.median(gaps)
        share = gap / (gap + 300)
        print(
            f"{what:<12} gap {gap:5.2f} s (median; {min(gaps):.2f} to {max(gaps):.2f}), "
            f"{100 * share:.1f} % of five-minute runs; "
            f"API server {(cpu_seconds(self.rig) - before) / len(names):.1f} CPU-s a job"
        )
        return gap


def cpu_seconds(rig: Slurm) -> float:
    times = [process.cpu_times() for process in rig.servers()]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


async def run(rig: Slurm, root: Path, jobs: int, seconds: float) -> None:
    bench = Bench(root, rig, jobs, seconds)
    await bench.start("never")
    floor = await bench.measure("floor", bench.queued_before)
    ways = (bench.pipelined, bench.two_waiting, bench.naive)
    gaps = {way.__name__: await bench.measure(way.__name__, way) for way in ways}
    await bench.stop()
    await bench.start("auto")
    gaps["worker"] = await bench.measure("worker", bench.pipelined)
    shares = (f"{name} {gap / floor:.2f}" for name, gap in gaps.items())
    print(f"as a share of the floor: {', '.join(shares)}")
    await bench.backend.release()
    await bench.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    with slurm() as rig, tempfile.TemporaryDirectory() as root:
        # SkyPilot looks for its state below the home, when it is imported.
        os.environ |= rig.env
        asyncio.run(run(rig, Path(root), options.jobs, options.seconds))


if __name__ == "__main__":
    main()
