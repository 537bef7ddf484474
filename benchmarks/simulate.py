"""A study on clusters that do not exist, in virtual time: how full its queues are kept.

    python -m benchmarks.simulate --clusters 13xH100,3xH200 --hours 8 --seed 1

prints what an operator would ask of a night: experiments judged, how busy the clusters were while
they were up, the gaps between runs, lost and repeated runs; and what it took here.
"""

import argparse
import asyncio
import logging
import re
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

from autoresearch_tui.backends.base import JobStatus
from autoresearch_tui.backends.simulated import NIGHT, Execution, Faults, SimulatedWorld
from autoresearch_tui.config import Settings
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.researchers.optimizer import OptimizerResearcher
from autoresearch_tui.simulation.clock import run_virtually
from autoresearch_tui.simulation.study import (
    BEGIN,
    Landscape,
    Sampler,
    Simulation,
    simulated_world,
)

PRICES = {"H100": 2.5, "H200": 3.5}


def main() -> None:
    parser = argparse.ArgumentParser(description="Run a study in virtual time.")
    parser.add_argument("--clusters", default="13xH100,3xH200")
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--experiments", type=int, default=None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--researcher", choices=("sampler", "optimizer"), default="sampler")
    parser.add_argument("--calm", action="store_true", help="without faults and latencies")
    given = parser.parse_args()
    logging.getLogger("autoresearch_tui").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as directory:
        began = time.perf_counter()
        run_virtually(simulate(given, Path(directory)))
        print(f"took here            {time.perf_counter() - began:.1f} s")


async def simulate(given: argparse.Namespace, directory: Path) -> None:
    loop = asyncio.get_running_loop()
    settings = Settings.model_validate(
        {
            "study": {"tag": "night"},
            "limits": {"max_hours": given.hours, "max_experiments": given.experiments},
        }
    )
    found = re.findall(r"(\d+)x([\w-]+)", given.clusters)
    clusters = [(int(count), kind, PRICES.get(kind, 1.0)) for count, kind in found]

    def clock() -> float:
        return BEGIN + loop.time()

    faults = Faults() if given.calm else NIGHT
    world = simulated_world(clusters, Landscape(seed=given.seed), clock, faults)
    researcher = (
        Sampler(given.seed)
        if given.researcher == "sampler"
        else OptimizerResearcher(settings.search, "gpu")
    )
    async with world:
        engine = await Simulation(directory, clock, settings, world, [researcher]).engine()
    tell(engine, world, clock() - BEGIN)


def tell(engine: Engine, world: SimulatedWorld, seconds: float) -> None:
    done = world.executions
    busy = sum(each.ended_at - each.started_at for each in done)
    gaps = gaps_of(done)
    ends = Counter(each.status for each in done)
    finished = Counter(
        each.job.partition(".")[0] for each in done if each.status is JobStatus.SUCCEEDED
    )
    up = sum(each.cost / each.price for each in engine.state.clusters.values() if each.price)
    state = engine.state
    print(f"experiments judged   {state.judged}")
    print(f"best                 {best_of(engine)}")
    print(f"busy                 {100 * busy / 3600 / up:.1f} % of {up:.1f} GPU-hours paid for")
    print(f"gap between runs     {statistics.median(gaps):.2f} s median, {max(gaps):.1f} s most")
    print(f"submissions          {world.submissions} for {len(done)} executions")
    lost, cancelled = ends[JobStatus.LOST], ends[JobStatus.CANCELLED]
    print(f"lost, cancelled      {lost}, {cancelled}")
    print(f"runs executed twice  {sum(count > 1 for count in finished.values())}")
    print(f"spent                ${state.study.spent_usd:.2f}")
    print(f"wall clock           {seconds / 3600:.2f} h: {state.ending}")


def gaps_of(done: list[Execution]) -> list[float]:
    """Seconds between two runs of a cluster; a quarter of an hour and more is an outage."""
    by_cluster: defaultdict[str, list[Execution]] = defaultdict(list)
    for each in sorted(done, key=lambda each: each.started_at):
        by_cluster[each.cluster].append(each)
    found = [
        after.started_at - before.ended_at
        for runs in by_cluster.values()
        for before, after in pairwise(runs)
    ]
    return [gap for gap in found if gap < 60.0] or [0.0]


def best_of(engine: Engine) -> str:
    best = [
        f"{accelerator} {judgement.value:.6f} ({name})"
        for accelerator, name in engine.state.incumbents.items()
        if (judgement := engine.state.judgements[name, accelerator]).value is not None
    ]
    return ", ".join(best)


if __name__ == "__main__":
    main()
