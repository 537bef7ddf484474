"""What many clusters cost the engine's machine: SkyPilot's backend against replayed clusters.

    python -m benchmarks.fleet [--seconds 20]

Each cluster says over its connection what a real one says: a job runs, prints five lines a second,
and ends every few seconds while the next one waits; beats in between. Calls of SkyPilot answer at
once. Prints CPU and memory of the backend and a reader of each running job's output, for 16 and 64
clusters; the limits are a tenth of a core with 16, and 200 MB.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import resource
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from autoresearch_tui.backends.base import JobStatus
from autoresearch_tui.backends.skypilot.backend import SkyPilotBackend
from autoresearch_tui.backends.skypilot.link import Pipe
from autoresearch_tui.backends.skypilot.registry import Launched, Registry
from autoresearch_tui.backends.skypilot.sdk import QueuedJob, Record, Request, SkyTask
from autoresearch_tui.backends.task import Task
from autoresearch_tui.config import Settings
from autoresearch_tui.paths import StudyPaths

JOB_SECONDS = 10.0
LINES_A_SECOND = 5
LINE = b"step 00100 (10.0%) | loss: 3.100000 | dt: 315ms | tok/sec: 1,664,507 | remaining: 270s\r"


class Replayed:
    """What one cluster's agent says, as time goes by."""

    def __init__(self, number: int) -> None:
        self.begin = time.time() - number * JOB_SECONDS / 64
        self.tags: set[int] = set()
        self.answers: list[dict[str, object]] = []
        self.was: object = None

    def write(self, line: bytes) -> None:
        command = json.loads(line)
        if command["do"] == "follow":
            self.tags.add(command["tag"])
        if command["id"]:
            self.answers.append({"answer": command["id"], "value": None})

    def row(self, number: int, now: float) -> dict[str, object]:
        start = self.begin + number * JOB_SECONDS
        marks: dict[str, str] = {}
        status = "PENDING"
        if now >= start:
            marks, status = {"begun": str(start)}, "RUNNING"
        if now >= start + JOB_SECONDS:
            marks, status = marks | {"end": f"0 {start + JOB_SECONDS}"}, "SUCCEEDED"
        row = {"job": number + 1, "key": f"e{number:04}-r1_abc", "status": status, "marks": marks}
        return row | {"submitted_at": start, "here": now < start + 2 * JOB_SECONDS}

    async def lines(self) -> AsyncIterator[bytes]:
        text = base64.b64encode(LINE).decode()
        while True:
            now = time.time()
            newest = int((now - self.begin) / JOB_SECONDS) + 1
            rows = [self.row(number, now) for number in range(max(newest - 3, 0), newest + 1)]
            news = [*self.answers]
            self.answers.clear()
            if rows != self.was:
                self.was = rows
                news.append({"rows": rows, "ready": True})
                news += [{"log": tag, "over": True} for tag in self.tags]
                self.tags.clear()
            news += [{"log": tag, "data": text} for tag in self.tags]
            for each in news or [{"beat": True}]:
                yield json.dumps(each | {"now": now}).encode() + b"\n"
            await asyncio.sleep(1 / LINES_A_SECOND)


class Answers:
    """SkyPilot's calls, answered at once."""

    def status(self, names: Sequence[str], *, refresh: bool = False) -> Sequence[Record]:
        return [Record(name, "UP", name, "Replay", "H100", price=2.5) for name in names]

    def launch(self, cluster: str, task: SkyTask, idle_minutes: int | None) -> str:
        return "launched"

    def execute(self, cluster: str, task: SkyTask) -> str:
        return "executed"

    def wait(self, request: str) -> None:
        return None

    def requests(self, cluster: str) -> Sequence[Request]:
        return ()

    def abort(self, request: str) -> None:
        return None

    def cancel(self, cluster: str, jobs: Sequence[int]) -> None:
        return None

    def down(self, cluster: str) -> None:
        return None

    def queue(self, cluster: str) -> Sequence[QueuedJob]:
        return ()

    def output(self, cluster: str, job: int) -> bytes:
        return b""


@asynccontextmanager
async def reach(record: Record, command: str) -> AsyncGenerator[Pipe]:
    replayed = Replayed(int(record.name.rpartition("-")[2]))

    async def last_words() -> str:
        return ""

    yield Pipe(replayed.write, replayed.lines(), last_words)


async def follow(backend: SkyPilotBackend, read_of: Counter[str]) -> None:
    """Read the output of every running job, as an engine does, and count the pieces by cluster."""
    reading: dict[str, asyncio.Task[None]] = {}

    async def read(cluster: str, name: str) -> None:
        with contextlib.suppress(Exception):
            async for _ in backend.log(cluster, name, 0):
                read_of[cluster] += 1

    async for looks in backend.watch():
        for look in looks:
            for job in look.jobs or ():
                key = f"{look.cluster.name} {job.name}"
                if job.status is JobStatus.RUNNING and key not in reading:
                    reading[key] = asyncio.create_task(read(look.cluster.name, job.name))


async def measure(count: int, seconds: float, root: Path) -> None:
    wanted = {"clusters": [{"accelerator": "H100:1", "count": count}]}
    registry = Registry(root / "registry")

    async def setup_dir() -> Path:
        return root

    backend = SkyPilotBackend(
        StudyPaths(root),
        Settings.model_validate({"skypilot": wanted}),
        Task(root / "experiment.yaml", "true", "", {}, {}),
        setup_dir,
        sky=Answers(),
        reach=reach,
        registry=registry,
    )
    for number in range(1, count + 1):
        name = f"study-{number:02}"
        registry.put(Launched(name, str(root), backend._fleet.uid, time.time()))
    await backend.start()
    read_of: Counter[str] = Counter()
    following = asyncio.create_task(follow(backend, read_of))
    await asyncio.sleep(2.0)
    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    share = (time.process_time() - cpu) / (time.monotonic() - wall)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    least = min(read_of.values()) / seconds if len(read_of) == count else 0.0
    print(f"at least {least:.1f} pieces of output a second from each of", end=" ")
    print(f"{count:>3} clusters: {100 * share:5.1f} % of a core, {memory:.0f} MB at most")
    following.cancel()
    await backend.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    for count in (16, 64):
        with tempfile.TemporaryDirectory() as root:
            asyncio.run(measure(count, seconds, Path(root)))


if __name__ == "__main__":
    main()
