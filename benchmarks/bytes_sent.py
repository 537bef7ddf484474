"""Bytes a second that the cockpit sends to its terminal: what it costs over SSH.

    python benchmarks/bytes_sent.py [SECONDS]

A finished study should send nothing, two streaming runs under 5 kB/s at 120x40.
"""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from autoresearch_tui.domain import (
    ApprovalMode,
    Cluster,
    ClusterStatus,
    Experiment,
    ExperimentStatus,
    Progress,
    Run,
    RunStatus,
    Study,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer, open_writer

COLUMNS, LINES = 120, 40
SETTLED = 4.0
"""Seconds given to the first pictures."""


def fill(store: Writer, paths: StudyPaths, status: StudyStatus) -> None:
    now = time.time()
    row = Study("night", str(paths.root), "c", "val_bpb", True, status, ApprovalMode.AUTO, now)
    store.create_study(row)
    store.change_study(
        started_at=now - 3600, heartbeat_at=now, noise_sd=0.01, engine_pid=os.getpid()
    )
    if status is StudyStatus.FINISHED:
        store.change_study(ended_at=now, end_reason="enough")
    for number in range(1, 101):
        name = f"e{number:04}"
        is_last = number > 98 and status is StudyStatus.RUNNING
        facts: dict[str, object] = {}
        if not is_last:
            facts = {
                "verdict": Verdict.KEEP if number == 1 else Verdict.DISCARD,
                "value": 1 + number % 7 / 100,
                "judged_at": now - 3600 + number * 30,
                "is_best": number == 1,
                "accelerator": "CPU",
            }
        state = ExperimentStatus.RUNNING if is_last else ExperimentStatus.JUDGED
        parent = None if number == 1 else "e0001"
        store.put_experiment(
            Experiment(
                name, number, 1, state, f"LR {number}", "why", "o", now, parent=parent, **facts
            )  # type: ignore[arg-type]
        )
        cluster = f"cpu-{1 + number % 2:02}"
        run = RunStatus.RUNNING if is_last else RunStatus.SUCCEEDED
        ended = None if is_last else now - 3600 + number * 30
        store.put_run(
            Run(f"{name}-r1", name, 1, run, 1, now, cluster, "CPU", now, now - 3630, ended)
        )
    for name in ("cpu-01", "cpu-02"):
        store.put_cluster(Cluster(name, "local", "CPU", ClusterStatus.UP, now))
    paths.logs.mkdir(parents=True, exist_ok=True)


def sent(study: Path, seconds: float, act: Callable[[float], None]) -> float:
    """Bytes a second after the first pictures, while `act` is called every 50 ms."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execv(sys.executable, [sys.executable, "-m", "autoresearch_tui", str(study)])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    begun, counted = time.monotonic(), 0
    while (gone := time.monotonic() - begun) < SETTLED + seconds:
        act(gone)
        if select.select([terminal], [], [], 0.05)[0]:
            data = os.read(terminal, 65536)
            counted += len(data) if gone > SETTLED else 0
    os.kill(child, 15)
    while select.select([terminal], [], [], 2.0)[0]:
        try:
            if not os.read(terminal, 65536):
                break
        except OSError:
            break
    os.waitpid(child, 0)
    return counted / seconds


def measure(status: StudyStatus, seconds: float) -> float:
    with tempfile.TemporaryDirectory() as name:
        study = Path(name)
        subprocess.run(["git", "init", "-q", name], check=True)
        paths = StudyPaths(study)
        paths.state.mkdir()
        with open_writer(paths.database) as store:
            fill(store, paths, status)
            told = 0

            def stream(gone: float) -> None:
                nonlocal told
                if status is StudyStatus.FINISHED or gone < told / 10:
                    return
                told += 1
                now, share = time.time(), (told % 600) / 600
                for run in ("e0099-r1", "e0100-r1"):
                    line = f"step {told:05} ({100 * share:.1f}%) | loss: {3 - share:.6f}"
                    with paths.run_log(run).open("a") as file:
                        file.write(line + "\n")
                    if told % 3 == 0:
                        left = 60 * (1 - share)
                        progress = Progress(run, share, told, 3 - share, left, line, now)
                        store.put_read([progress], {}, [])
                if told % 20 == 0:
                    store.change_study(heartbeat_at=now)

            return sent(study, seconds, stream)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    for status, goal in ((StudyStatus.FINISHED, 100), (StudyStatus.RUNNING, 5000)):
        rate = measure(status, seconds)
        print(f"{status:<9} {rate:8.0f} bytes/s, {rate / goal:6.2f} of the goal of {goal}")


if __name__ == "__main__":
    main()
