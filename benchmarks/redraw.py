"""How the cost of drawing a new view grows with the study: `python -m benchmarks.redraw`.

Prints the time of one redraw of a study with runs on 16 clusters, at 100 and at 10,000 experiments,
and their ratio: where a verdict is new, and where only the runs have moved on. What is worked out
of a new verdict beforehand, in the thread that reads the database, is told apart.
"""

import asyncio
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from textual.pilot import Pilot

from autoresearch_tui.domain import (
    ApprovalMode,
    Cluster,
    ClusterStatus,
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
            judged_at=now - 300 * (count - n) / 16,
        )
        for n in range(1, count + 1)
    ]
    runs = {
        f"{e.id}-r1": Run(
            f"{e.id}-r1",
            e.id,
            1,
            RunStatus.SUCCEEDED if e.number < count - 16 else RunStatus.RUNNING,
            1,
            now - 300 * (count - e.number) / 16,
            f"gpu-{e.number % 16:02}",
            "H100",
            now - 300 * (count - e.number) / 16,
            now - 300 * (count - e.number) / 16,
            now - 300 * (count - e.number - 16) / 16 if e.number < count - 16 else None,
            value=e.value,
        )
        for e in experiments
    }
    rows = [
        Judgement(e.id, "H100", e.verdict or Verdict.DISCARD, 1, e.value, 0.0, "", e.judged_at or 0)
        for e in experiments
    ]
    clusters = [Cluster(f"gpu-{i:02}", "local", "H100", ClusterStatus.UP, now) for i in range(16)]
    running = replace(study, started_at=now, heartbeat_at=now, noise_sd=0.001)
    begun = now - 300 * count / 16
    running = replace(running, started_at=begun)
    lives = [(begun, now)]
    progress = {
        run.id: Progress(run.id, 0.5, 100, 3.0, 150.0, "", now)
        for run in runs.values()
        if run.status is RunStatus.RUNNING
    }
    return View(
        running,
        experiments,
        runs,
        clusters,
        progress,
        judgements=rows,
        lives=lives,
        results_of=object(),
    )


async def redraw(count: int) -> tuple[float, float, float]:
    """Median seconds at 200x50 of `count` experiments: drawing a new verdict, none; preparing."""

    async def start() -> None:
        return

    with tempfile.TemporaryDirectory() as folder:
        app = Cockpit(StudyPaths(Path(folder)), start, lambda experiment: "")
        async with app.run_test(size=(200, 50)) as pilot:
            fresh: list[float] = []
            same: list[float] = []
            prepared: list[float] = []
            for _ in range(ROUNDS):
                view = view_of(count)
                begun = time.perf_counter()
                view.prepared()
                prepared.append(time.perf_counter() - begun)
                fresh.append(await _took(app, pilot, view))
                moved = {
                    run: replace(p, fraction=p.fraction + 0.01) for run, p in view.progress.items()
                }
                later = replace(view, progress=moved).taking_over(view)
                same.append(await _took(app, pilot, later))
    return statistics.median(fresh), statistics.median(same), statistics.median(prepared)


async def _took(app: Cockpit, pilot: Pilot[int], view: View) -> float:
    begun = time.perf_counter()
    app.main.view = view
    app.main.draw()
    # What a pause of the pilot waits beside the screen's own update is no part of it.
    app.screen._on_timer_update()  # pyright: ignore[reportPrivateUsage]
    took = time.perf_counter() - begun
    await pilot.pause()
    return took


def main() -> None:
    """Measure and print."""
    small, large = (asyncio.run(redraw(count)) for count in (100, 10_000))
    for name, at in (("a new verdict", 0), ("progress alone", 1), ("beforehand", 2)):
        print(f"{name}, at    100 experiments: {1000 * small[at]:6.1f} ms")
        print(f"{name}, at 10,000 experiments: {1000 * large[at]:6.1f} ms")
        print(f"{name}, ratio: {large[at] / small[at]:.1f}")


if __name__ == "__main__":
    main()
