"""How the cost of drawing a new view grows with the study: `python benchmarks/redraw.py`.

Prints the time of one redraw at 100 and at 10,000 experiments, and their ratio.
"""

import asyncio
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from autoresearch_tui.domain import (
    ApprovalMode,
    Cluster,
    ClusterStatus,
    Experiment,
    ExperimentStatus,
    Study,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.tui.app import Cockpit
from autoresearch_tui.tui.view import View

ROUNDS = 20


def view_of(count: int) -> View:
    """A study with `count` judged experiments."""
    now = time.time()
    study = Study("b", "/r", "c", "val_bpb", True, StudyStatus.RUNNING, ApprovalMode.AUTO, now)
    experiments = [
        Experiment(
            f"e{n:05}",
            n,
            n,
            ExperimentStatus.JUDGED,
            f"LR 0.1 → 0.{n}",
            "why",
            "optimizer",
            now,
            parent="e00001" if n > 1 else None,
            verdict=Verdict.KEEP if n % 50 == 1 else Verdict.DISCARD,
            value=1 - n / (50 * count) + (n * 7919 % 100) / 1e4,
            accelerator="CPU",
            judged_at=now + n,
        )
        for n in range(1, count + 1)
    ]
    clusters = [Cluster(f"gpu-{i:02}", "local", "H100", ClusterStatus.UP, now) for i in range(16)]
    running = replace(study, started_at=now, heartbeat_at=now, noise_sd=0.001)
    return View(running, experiments, {}, clusters)


async def redraw(count: int) -> float:
    """Median seconds of drawing a fresh view of `count` experiments at 200x50."""

    async def start() -> None:
        return

    with tempfile.TemporaryDirectory() as folder:
        app = Cockpit(StudyPaths(Path(folder)), start, lambda experiment: "")
        async with app.run_test(size=(200, 50)) as pilot:
            taken: list[float] = []
            for _ in range(ROUNDS):
                view = view_of(count)
                begun = time.perf_counter()
                app.main.view = view
                app.main._draw()
                await pilot.pause()
                taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def main() -> None:
    """Measure and print."""
    small, large = (asyncio.run(redraw(count)) for count in (100, 10_000))
    print(f"redraw at    100 experiments: {1000 * small:6.1f} ms")
    print(f"redraw at 10,000 experiments: {1000 * large:6.1f} ms")
    print(f"ratio: {large / small:.1f}")


if __name__ == "__main__":
    main()
