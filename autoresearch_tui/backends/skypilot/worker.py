"""Runs on a cluster, as one job of SkyPilot's: executes what lies in its spool, one after another.

Alone, on any Python from 3.7 on, with nothing but the standard library: its text is a job's
command. What is in the spool is put there, and read, by the agent (`agent.py`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_TICK = 0.02

_MARK = "AUTORESEARCH_WORKER"
"""An environment variable that tells the processes of a study's workers from others."""


class Worker:
    """Executes the spool `key` below the directory `state` of a study.

    Ends after `idle` seconds without work, so that a cluster that nobody feeds any more goes down.
    """

    def __init__(self, state: str, key: str, idle: str) -> None:
        self.state = Path(state)
        self.spool = self.state / "spool" / key
        self.key = key
        self.idle = float(idle)

    def run(self) -> None:
        """Execute what comes, until nothing does."""
        try:
            (self.state / "jobs" / self.key).mkdir(parents=True)
        except FileExistsError:
            # A second submission of this very worker.
            return
        self.spool.mkdir(parents=True, exist_ok=True)
        self.end_left_over()
        waits_since = time.monotonic()
        while True:
            item = self.next()
            if item is not None:
                self.execute(item)
                waits_since = time.monotonic()
            elif time.monotonic() - waits_since > self.idle and self.closes():
                return
            else:
                time.sleep(_TICK)

    def next(self) -> Path | None:
        """The first item that has not been executed."""
        return min((item for item in self.spool.iterdir() if "~" not in item.name), default=None)

    def execute(self, item: Path) -> None:
        """Run one item's script to its end, and add its exit code to the item's name."""
        key = item.name.partition("-")[2]
        stop = self.state / "jobs" / key / "stop"
        env = dict(os.environ, **{_MARK: str(self.state)})
        with (self.state / "out" / key / "run.log").open("ab") as log:
            process = subprocess.Popen(
                ["bash", str(item)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                start_new_session=True,
            )
        while process.poll() is None:
            if stop.exists():
                self.end_all()
            time.sleep(_TICK)
        # A rename needs no room on a full disk.
        item.rename(item.with_name(f"{item.name}~{process.returncode}"))

    def closes(self) -> bool:
        """Take nothing more in; False where something came at the last moment."""
        closed = self.spool / "~closed"
        closed.touch()
        # Who puts something in looks for this mark afterwards: one of us two sees the other.
        if self.next() is None:
            return True
        closed.unlink()
        return False

    def end_left_over(self) -> None:
        """End what a worker that was killed has left: only one run at a time is measured."""
        while self.end_all():
            time.sleep(_TICK)

    def end_all(self) -> bool:
        """Kill every process of a run of this study here; whether there was one."""
        mark = f"{_MARK}={self.state}".encode()
        found = False
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        os.kill(int(entry.name), signal.SIGKILL)
                        found = True
        return found


if __name__ == "__main__":
    Worker(*sys.argv[1:4]).run()
