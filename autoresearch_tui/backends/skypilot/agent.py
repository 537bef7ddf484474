"""Runs on a cluster: says what its job table and a study's jobs there look like, as they change.

Alone, on any Python from 3.7 on, with nothing but the standard library: its text is sent over SSH.
Reads commands and writes news, each a line of JSON, and ends with its input.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_TICK = 0.1
_CHUNK = 65536
_BEAT_SECONDS = 5.0
_ENDS = ("SUCCEEDED", "FAILED", "FAILED_SETUP", "FAILED_DRIVER", "CANCELLED")
_MARKS = ("begun", "end", "withdrawn", "cancelled", "twin", "why")
_QUERY = (
    "SELECT job_id, job_name, status, submitted_at, end_at, exit_codes FROM jobs "
    "WHERE substr(job_name, 1, ?) = ? ORDER BY job_id"
)
_GPU = "--query-gpu=utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw"


class Agent:
    """What one study has on one cluster.

    `home` is the cluster's home directory, `runtime` that of SkyPilot's files; `uid` begins the
    names of the study's jobs, and `token` names the set-up that they need.
    """

    def __init__(self, home: str, runtime: str, uid: str, token: str) -> None:
        self.home = Path(home)
        self.jobs_db = Path(runtime) / ".sky" / "jobs.db"
        self.prefix = uid + "_"
        self.state = self.home / ".autoresearch" / uid
        self.work = self.home / "sky_workdir" / "runs"
        self.ready = self.state / "ready" / token
        self.said: object = None
        self.table: sqlite3.Connection | None = None
        self.followed: dict[int, tuple[int, Path, str, int]] = {}
        self.ended: dict[int, dict[str, Any]] = {}
        self.beat_at = 0.0
        self.buffer = b""
        self.gpu: subprocess.Popen[bytes] | None = None
        self.gpu_at = 0.0

    def run(self) -> None:
        """Serve until the input ends."""
        while True:
            readable, _, _ = select.select([0], [], [], _TICK)
            if readable and not self.read():
                return
            self.look()
            for tag in list(self.followed):
                self.feed(tag)
            self.measure()
            if time.time() - self.beat_at > _BEAT_SECONDS:
                self.say({"beat": True})

    def say(self, news: dict[str, Any]) -> None:
        """Write one piece of news, with this machine's time."""
        self.beat_at = time.time()
        sys.stdout.write(json.dumps(dict(news, now=self.beat_at)) + "\n")
        sys.stdout.flush()

    def read(self) -> bool:
        """Take commands in; False when there will be no more."""
        data = os.read(0, _CHUNK)
        if not data:
            return False
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            command = json.loads(line.decode())
            answer = getattr(self, "do_" + command.pop("do"))
            asked = command.pop("id")
            try:
                self.say({"answer": asked, "value": answer(**command)})
            except OSError as error:
                self.say({"answer": asked, "error": str(error)})
        return True

    def do_follow(self, tag: int, job: int, name: str, offset: int, part: str) -> None:
        """Send a job's output, or its set-up's, from a byte on, marked with `tag`."""
        self.followed[tag] = (job, self.log(job, name).parent, part, offset)

    def do_refresh(self) -> None:
        """Look at once, as is done ten times a second."""

    def do_unfollow(self, tag: int) -> None:
        """Send no more of it."""
        self.followed.pop(tag, None)

    def do_claim(self, key: str, mark: str) -> bool:
        """Take a job's only leave to run, before it does; whether that came first."""
        place = self.state / "jobs" / key
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.mkdir()
        except FileExistsError:
            return False
        (place / mark).touch()
        return True

    def do_forget(self, job: int, key: str, name: str) -> None:
        """Remove what an ended job left."""
        shutil.rmtree(str(self.work / key), ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            (self.work / (key + ".sh")).unlink()
        shutil.rmtree(str(self.home / "sky_logs" / f"{job}-{name}"), ignore_errors=True)

    def look(self) -> None:
        """Say what the job table holds, if that has changed."""
        rows = [self.row(*each) for each in self.rows()]
        ready = self.ready.exists()
        if (rows, ready) != self.said:
            self.said = (rows, ready)
            self.say({"rows": rows, "ready": ready})

    def rows(self) -> list[Any]:
        """The study's lines of the job table; none where it cannot be read."""
        try:
            if self.table is None:
                where = f"file:{self.jobs_db}?mode=ro"
                self.table = sqlite3.connect(where, uri=True, timeout=1.0)
            width = len(self.prefix)
            return self.table.execute(_QUERY, (width, self.prefix)).fetchall()
        except sqlite3.Error:
            self.table = None
            return []

    def row(
        self,
        job: int,
        name: str,
        status: str,
        submitted_at: float,
        end_at: float | None,
        exit_codes: str | None,
    ) -> dict[str, Any]:
        """All there is to know of a job."""
        key = name[len(self.prefix) :]
        if job in self.ended and not self.ended[job]["here"]:
            return self.ended[job]
        found: dict[str, Any] = {
            "job": job,
            "key": key,
            "status": status,
            "submitted_at": submitted_at,
        }
        found.update({"end_at": end_at, "exit_codes": exit_codes, "marks": self.marks(key)})
        found["here"] = (self.work / key).is_dir()
        if status in _ENDS:
            self.ended[job] = found
        return found

    def marks(self, key: str) -> dict[str, str]:
        """What a job, and we, have written down of it."""
        found: dict[str, str] = {}
        for name in _MARKS:
            with contextlib.suppress(OSError, ValueError):
                found[name] = (self.state / "jobs" / key / name).read_text()
        return found

    def log(self, job: int, name: str) -> Path:
        """The raw output of a job."""
        return self.home / "sky_logs" / f"{job}-{name}" / "tasks" / "run.log"

    def feed(self, tag: int) -> None:
        """Send what a followed output has gained; its end, once its job is over."""
        job, logs, part, offset = self.followed[tag]
        over = job in self.ended
        try:
            # The name of a set-up's output has that of its node in it.
            with next(logs.glob(part)).open("rb") as file:
                file.seek(offset)
                data = file.read(_CHUNK)
        except (OSError, StopIteration):
            data = b""
        if data:
            text = base64.b64encode(data).decode()
            self.say({"log": tag, "data": text})
            self.followed[tag] = (job, logs, part, offset + len(data))
        elif over:
            del self.followed[tag]
            self.say({"log": tag, "over": True})

    def measure(self) -> None:
        """Say how hard the GPUs work, every few seconds, where there are any."""
        if self.gpu is not None and self.gpu.stdout is not None and self.gpu.poll() is not None:
            out = self.gpu.stdout.read().decode(errors="replace").splitlines()
            self.gpu = None
            if out:
                self.say({"gpu": out})
        if self.gpu is None and time.time() - self.gpu_at > _BEAT_SECONDS:
            self.gpu_at = time.time()
            words = ["nvidia-smi", _GPU, "--format=csv,noheader,nounits"]
            with contextlib.suppress(OSError):
                self.gpu = subprocess.Popen(
                    words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )


if __name__ == "__main__":
    Agent(*sys.argv[1:3], *json.loads(sys.argv[3])).run()
