"""What the cockpit costs its terminal and its machine: `python -m benchmarks.cockpit [SECONDS]`.

Runs the installed program in a pseudo-terminal on a study with runs, small and large, finished and
with runs that print ten lines a second each, and holds each figure against its goal: seconds to the
first picture, bytes a second, the share of one core, and milliseconds from a key to its effect.
"""

import itertools
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from autoresearch_tui.domain import (
    ApprovalMode,
    Cluster,
    ClusterStatus,
    CurvePoint,
    Experiment,
    ExperimentStatus,
    Judgement,
    Progress,
    Run,
    RunStatus,
    Study,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer, open_writer
from benchmarks.terminal import Terminal

COLUMNS, LINES = 120, 40
SETTLED = 4.0
"""Seconds given to the first pictures."""
KEYS = 200
_RUN_SECONDS = 30


@dataclass(frozen=True)
class Case:
    """A study to look at: its judged experiments, and its runs that print meanwhile."""

    judged: int
    streaming: int


CASES = (Case(300, 0), Case(300, 2), Case(10_000, 0), Case(10_000, 2), Case(10_000, 16))


def fill(store: Writer, paths: StudyPaths, case: Case) -> list[str]:
    """Write the study; gives the runs that are under way."""
    now, slots = time.time(), max(case.streaming, 2)
    begun = now - _RUN_SECONDS * (case.judged + slots) / slots
    is_over = case.streaming == 0
    status = StudyStatus.FINISHED if is_over else StudyStatus.RUNNING
    row = Study("night", str(paths.root), "c", "val_bpb", True, status, ApprovalMode.AUTO, begun)
    store.create_study(row)
    ended = {"ended_at": now, "end_reason": "enough"} if is_over else {}
    store.change_study(
        started_at=begun, heartbeat_at=now, noise_sd=0.01, engine_pid=os.getpid(), **ended
    )
    with store.transaction():
        for at in range(slots):
            store.put_cluster(Cluster(f"cpu-{at:02}", "local", "CPU", ClusterStatus.UP, begun))
        for number in range(1, case.judged + 1):
            _put_judged(store, number, begun, slots)
    running = []
    for number in range(case.judged + 1, case.judged + case.streaming + 1):
        name = f"e{number:05}"
        store.put_experiment(_experiment(name, number, ExperimentStatus.RUNNING, now))
        place = f"cpu-{number % slots:02}"
        store.put_run(Run(f"{name}-r1", name, 1, RunStatus.RUNNING, 1, now, place, "CPU", now, now))
        running.append(f"{name}-r1")
    paths.logs.mkdir(parents=True, exist_ok=True)
    return running


def _experiment(name: str, number: int, status: ExperimentStatus, at: float, **facts: object):
    parent = None if number == 1 else "e00001"
    title = f"LR 0.1 → 0.{number}"
    return Experiment(
        name,
        number,
        1 + number // 16,
        status,
        title,
        "why",
        "optimizer",
        at,
        parent=parent,
        **facts,
    )  # type: ignore[arg-type]


def _put_judged(store: Writer, number: int, begun: float, slots: int) -> None:
    name, at = f"e{number:05}", begun + _RUN_SECONDS * number / slots
    value = 1 - number / 1e6 + (number * 7919 % 100) / 1e4
    verdict = Verdict.KEEP if number % 50 == 1 else Verdict.DISCARD
    store.put_experiment(
        _experiment(
            name,
            number,
            ExperimentStatus.JUDGED,
            at - _RUN_SECONDS,
            verdict=verdict,
            value=value,
            judged_at=at,
            is_best=number == 1,
            accelerator="CPU",
        )
    )
    place = f"cpu-{number % slots:02}"
    run = Run(
        f"{name}-r1", name, 1, RunStatus.SUCCEEDED, 1, at - _RUN_SECONDS, place, "CPU",
        at - _RUN_SECONDS, at - _RUN_SECONDS, at, value=value,
    )  # fmt: skip
    store.put_run(run)
    store.put_judgement(Judgement(name, "CPU", verdict, 1, value, 0.0, "", at))


def stream(study: Path, runs: list[str]) -> None:
    """Print ten lines a second in each run, and note how far they are as an engine does."""
    paths, begun = StudyPaths(study), time.monotonic()
    with open_writer(paths.database) as store:
        for told in itertools.count(1):
            time.sleep(max(begun + told / 10 - time.monotonic(), 0))
            now, share = time.time(), (told % 600) / 600
            loss = 3 - share
            line = f"step {told:05} ({100 * share:.1f}%) | loss: {loss:.6f}"
            for run in runs:
                with paths.run_log(run).open("a") as file:
                    file.write(line + "\n")
            if told % 5 == 0:
                read = [
                    Progress(run, share, told, loss, 60 - 60 * share, line, now) for run in runs
                ]
                points = {run: [CurvePoint(told, share, loss, now)] for run in runs}
                store.put_read(read, points, [])
            if told % 20 == 0:
                store.change_study(heartbeat_at=now)


@dataclass(frozen=True)
class Figures:
    """What was measured: seconds, bytes a second, share of a core, milliseconds."""

    first: float
    rate: float
    share: float
    median: float
    slow: float


def measure(case: Case, seconds: float) -> Figures:
    """Look at such a study for so long."""
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(["git", "init", "-q", name], check=True)
        paths = StudyPaths(Path(name))
        paths.state.mkdir()
        with open_writer(paths.database) as store:
            runs = fill(store, paths, case)
        # Where it is done in this process, a key waits for it too.
        streaming = multiprocessing.Process(target=stream, args=(paths.root, runs), daemon=True)
        if runs:
            streaming.start()
        terminal = Terminal(paths.root, COLUMNS, LINES)
        try:
            return _looked_at(terminal, case, seconds)
        finally:
            terminal.close()
            if runs:
                streaming.terminate()
                streaming.join()


def _looked_at(terminal: Terminal, case: Case, seconds: float) -> Figures:
    newest = _row(case.judged + min(case.streaming, 1))
    is_there = lambda shown: shown.background(newest) is not None  # noqa: E731
    first = terminal.seconds_until(is_there, terminal.begun)
    terminal.sent(SETTLED)
    before = terminal.cpu_seconds()
    rate = terminal.sent(seconds) / seconds
    share = (terminal.cpu_seconds() - before) / seconds
    # Those that run stand above those that are judged.
    terminal.press("j" * (case.streaming + 1))
    terminal.sent(1.0)
    chosen = terminal.shown.background(_row(case.judged))
    took = sorted(_key_to_effect(terminal, case.judged - 1 - at, chosen) for at in range(KEYS))
    return Figures(first, rate, share, 1000 * took[KEYS // 2], 1000 * took[KEYS * 99 // 100])


def _row(number: int) -> str:
    """How an experiment's row in the list begins, with the pane's border."""
    return f"│ e{number:05}"


def _key_to_effect(terminal: Terminal, number: int, chosen: str | None) -> float:
    """Seconds until the next older experiment stands on the background of what is chosen."""
    terminal.sent(random.uniform(0.05, 0.3))
    begun = time.monotonic()
    terminal.press("j")
    row = _row(number)
    return terminal.seconds_until(lambda shown: shown.background(row) == chosen, begun)


def _told(name: str, value: float, goal: float, form: str) -> str:
    return f"  {name:<24} {value:{form}}   {value / goal:5.2f} of the goal of {goal:g}"


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    for case in CASES:
        found = measure(case, seconds)
        still = case.streaming == 0
        print(f"{case.judged:,} experiments, {case.streaming} runs printing")
        print(_told("first picture, s", found.first, 1.0, "8.2f"))
        print(_told("bytes/s", found.rate, 100 if still else 5000, "8.0f"))
        print(_told("share of a core, %", 100 * found.share, 0.5 if still else 10, "8.1f"))
        print(_told("key to effect, ms", found.median, 50, "8.1f"))
        print(_told("99 of 100 keys, ms", found.slow, 50, "8.1f"))


if __name__ == "__main__":
    main()
