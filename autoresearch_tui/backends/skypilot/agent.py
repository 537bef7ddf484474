"""Runs on a cluster: says what its job table and a study's jobs there look like, as they change.

Alone, on any Python from 3.7 on, with nothing but the standard library: its text is sent over SSH.
Reads commands and writes news, each a line of JSON, and ends with its input.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import select
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

_TICK = 0.1
_CHUNK = 65536
_INPUT = 1 << 20
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
        self.followed: dict[int, tuple[str, Path, str, int]] = {}
        self.ended: dict[str, dict[str, Any]] = {}
        self.last: list[Any] | None = None
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
        data = os.read(0, _INPUT)
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
        key = name[len(self.prefix) :]
        logs = self.state / "out" / key
        if not logs.is_dir():
            logs = self.home / "sky_logs" / f"{job}-{name}" / "tasks"
        self.followed[tag] = (key, logs, part, offset)

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

    def do_spool(self, worker: str, key: str, files: str, script: str) -> bool:
        """Have a worker execute a job after what it has; False where it takes no more.

        `files` is a tar archive of the job's own files, in base 64.
        """
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(files))) as archive:
            # They are ours: nothing in them is to be altered on their way.
            archive.extraction_filter = staticmethod(lambda member, path: member)  # type: ignore[attr-defined]
            archive.extractall(str(self.work))
        # Its worker may still wait for its turn in SkyPilot's queue.
        spool = self.state / "spool" / worker
        for place in (self.state / "out" / key, spool):
            place.mkdir(parents=True, exist_ok=True)
        new = self.state / "out" / key / "script"
        new.write_text(script)
        new.rename(spool / f"{time.time():017.6f}-{key}")
        # What has closed may have seen it nevertheless, and have begun.
        return not (spool / "~closed").exists() or not self.do_claim(key, "withdrawn")

    def do_stop(self, key: str) -> None:
        """Have the worker end a job that it executes."""
        (self.state / "jobs" / key / "stop").touch()

    def do_forget(self, job: int, key: str, name: str) -> None:
        """Remove what an ended job left."""
        shutil.rmtree(str(self.work / key), ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            (self.work / (key + ".sh")).unlink()
        shutil.rmtree(str(self.home / "sky_logs" / f"{job}-{name}"), ignore_errors=True)
        for item in (self.state / "spool").glob(f"*/*-{key}~*"):
            item.unlink()
            shutil.rmtree(str(self.state / "out" / key), ignore_errors=True)

    def look(self) -> None:
        """Say what the job table holds, if that has changed."""
        table = self.rows()
        if table is None:
            return
        # What a worker has ended is in its spool before its own end is in the table.
        rows = [self.row(*each) for each in table] + self.spooled(table)
        ready = self.ready.exists()
        if (rows, ready) != self.said:
            self.said = (rows, ready)
            self.say({"rows": rows, "ready": ready})

    def rows(self) -> list[Any] | None:
        """The study's lines of the job table, as they were last read; None before that."""
        try:
            if self.table is None:
                where = f"file:{self.jobs_db}?mode=ro"
                self.table = sqlite3.connect(where, uri=True, timeout=1.0)
            width = len(self.prefix)
            self.last = self.table.execute(_QUERY, (width, self.prefix)).fetchall()
        except sqlite3.Error:
            self.table = None
            if self.last is None and not self.jobs_db.exists():
                return []
        return self.last

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
        if key in self.ended and not self.ended[key]["here"]:
            return self.ended[key]
        found: dict[str, Any] = {
            "job": job,
            "key": key,
            "status": status,
            "submitted_at": submitted_at,
        }
        found.update({"end_at": end_at, "exit_codes": exit_codes, "marks": self.marks(key)})
        found["here"] = (self.work / key).is_dir()
        if status in _ENDS:
            self.ended[key] = found
        return found

    def spooled(self, table: list[Any]) -> list[dict[str, Any]]:
        """What there is to know of the jobs that workers have, as if SkyPilot's table had them."""
        width = len(self.prefix)
        workers = {name[width:]: (job, status) for job, name, status, *_ in table}
        found: list[dict[str, Any]] = []
        with contextlib.suppress(FileNotFoundError):
            for item in sorted((self.state / "spool").glob("*/*-*")):
                job, status = workers.get(item.parent.name, (0, "FAILED_DRIVER"))
                at, _, rest = item.name.partition("-")
                key, _, code = rest.partition("~")
                if key not in self.ended:
                    status = self.spooled_status(key, code, status in _ENDS)
                    codes = f"[{code}]" if code else None
                    row = self.row(job, self.prefix + key, status, float(at), None, codes)
                    row["spooled"] = True
                    found.append(row)
                else:
                    found.append(self.ended[key])
        return found

    def spooled_status(self, key: str, code: str, is_over: bool) -> str:
        """How a job of a worker stands, in SkyPilot's words; `is_over` is the worker."""
        place = self.state / "jobs" / key
        if code:
            if (place / "stop").exists() and not (place / "end").exists():
                return "CANCELLED"
            return "SUCCEEDED" if code == "0" else "FAILED"
        if is_over:
            return "FAILED_DRIVER"
        return "RUNNING" if (place / "begun").exists() else "PENDING"

    def marks(self, key: str) -> dict[str, str]:
        """What a job, and we, have written down of it."""
        found: dict[str, str] = {}
        for name in _MARKS:
            with contextlib.suppress(OSError, ValueError):
                found[name] = (self.state / "jobs" / key / name).read_text()
        return found

    def feed(self, tag: int) -> None:
        """Send what a followed output has gained; its end, once its job is over."""
        key, logs, part, offset = self.followed[tag]
        over = key in self.ended
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
            self.followed[tag] = (key, logs, part, offset + len(data))
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
