"""Stands for a cluster's agent where SSH is closed: speaks like it, and asks SkyPilot instead.

Slower, and it knows less: no job can be withdrawn that waits, an exit code is only good or bad, and
output comes in pieces every half minute.
"""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

from autoresearch_tui.backends.skypilot.calls import Calls
from autoresearch_tui.backends.skypilot.link import Pipe
from autoresearch_tui.backends.skypilot.rows import Row
from autoresearch_tui.backends.skypilot.sdk import QueuedJob, SkyError, SkyPilot

_LOOK_SECONDS = 30.0
"""Between two looks at the queue, each of which costs the API server seconds."""

_TRUST_SECONDS = 300.0
"""After which SSH is tried again."""

_BEAT_SECONDS = 5.0


@dataclass(slots=True)
class _Followed:
    """A job's output on its way to a reader, `offset` bytes of which have been sent."""

    job: int
    offset: int


class Blind:
    """What can be said of one cluster by SkyPilot's own calls."""

    def __init__(self, sky: SkyPilot, calls: Calls, cluster: str, uid: str, setup: str) -> None:
        self._sky, self._calls, self._cluster = sky, calls, cluster
        self._prefix, self._setup = f"{uid}_", setup
        self._forgotten: set[int] = set()
        self._followed: dict[int, _Followed] = {}
        self._over: set[int] = set()
        self._answers: list[dict[str, Any]] = []
        self._wake = asyncio.Event()
        self._is_asked = True

    @property
    def pipe(self) -> Pipe:
        """What a link talks to."""
        return Pipe(self._take, self._lines(), self._last_words)

    async def _last_words(self) -> str:
        return "SSH is tried again"

    def _take(self, line: bytes) -> None:
        command = json.loads(line)
        # That a job may not run can be said on its cluster alone.
        value = False if command["do"] == "claim" else None
        if command["do"] == "follow":
            self._followed[command["tag"]] = _Followed(command["job"], command["offset"])
        elif command["do"] == "unfollow":
            self._followed.pop(command["tag"], None)
        elif command["do"] == "forget":
            self._forgotten.add(command["job"])
        elif command["do"] == "refresh":
            self._is_asked = True
        self._answers.append({"answer": command["id"], "value": value})
        self._wake.set()

    async def _lines(self) -> AsyncIterator[bytes]:
        until, looked = time.monotonic() + _TRUST_SECONDS, 0.0
        while time.monotonic() < until:
            news = [*self._answers]
            self._answers.clear()
            if self._is_asked or time.monotonic() - looked > _LOOK_SECONDS:
                self._is_asked = False
                news.append(await self._look())
                news += await self._outputs()
                looked = time.monotonic()
            for each in news or [{"beat": True}]:
                yield json.dumps(each | {"now": time.time()}).encode() + b"\n"
            self._wake.clear()
            try:
                async with asyncio.timeout(_BEAT_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look(self) -> dict[str, Any]:
        try:
            queue = await self._calls(self._sky.queue, self._cluster)
        except SkyError:
            return {"beat": True}
        rows = [self._row(job) for job in queue if job.name.startswith(self._prefix)]
        self._over = {row.job for row in rows if row.is_over}
        setups = [row for row in rows if row.key.startswith("setup_")]
        is_ready = bool(setups) and setups[-1].key.startswith(self._setup)
        is_ready = is_ready and setups[-1].status == "SUCCEEDED"
        return {"rows": [asdict(row) for row in rows], "ready": is_ready}

    def _row(self, job: QueuedJob) -> Row:
        marks: dict[str, str] = {}
        if job.started_at is not None:
            marks["begun"] = str(job.started_at)
        if job.status in ("SUCCEEDED", "FAILED") and job.ended_at is not None:
            marks["end"] = f"{int(job.status == 'FAILED')} {job.ended_at}"
        return Row(
            job.job,
            job.name.removeprefix(self._prefix),
            job.status,
            job.submitted_at,
            job.ended_at,
            marks=marks,
            here=job.job not in self._forgotten,
        )

    async def _outputs(self) -> list[dict[str, Any]]:
        news: list[dict[str, Any]] = []
        for tag, followed in list(self._followed.items()):
            is_over = followed.job in self._over
            try:
                data = await self._calls(self._sky.output, self._cluster, followed.job)
            except SkyError:
                continue
            if fresh := data[followed.offset :]:
                followed.offset = len(data)
                news.append({"log": tag, "data": base64.b64encode(fresh).decode()})
            if is_over:
                self._followed.pop(tag, None)
                news.append({"log": tag, "over": True})
        return news
