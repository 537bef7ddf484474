"""How long the engine's event loop is held at a time, in a study that has grown large.

    python -m benchmarks.event_loop [--experiments 10000] [--seconds 20]

Makes a study of so many judged experiments (and a fifth more runs), starts a real engine on it, on
the real clock, with 16 simulated clusters whose runs take a second, and prints the longest
callbacks of its event loop, from the start of the engine on. The budget is 20 ms.
"""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from asyncio import events
from collections import defaultdict
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from autoresearch_tui.code.constants import all_constants
from autoresearch_tui.code.edits import digest
from autoresearch_tui.config import Settings
from autoresearch_tui.domain import (
    ConstantEdit,
    CurvePoint,
    Experiment,
    ExperimentStatus,
    Judgement,
    Run,
    RunKind,
    RunStatus,
    Scalar,
    Turn,
    Verdict,
)
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.process import SWITCH_SECONDS
from autoresearch_tui.engine.study_row import write_study
from autoresearch_tui.lifecycle.events import Leaving
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.researchers.optimizer import OptimizerResearcher
from autoresearch_tui.simulation.repository import MemoryRepository
from autoresearch_tui.simulation.study import (
    TRAIN,
    Landscape,
    Sampler,
    Simulation,
    simulated_world,
)
from autoresearch_tui.store import Writer, open_writer

CLUSTERS = ((13, "H100", 2.5), (3, "H200", 3.5))
LATE = "a task that wanted to go on was so late"
POINTS = [CurvePoint(step, step / 200, 3.0 - step / 200, float(step)) for step in range(200)]


class Held:
    """Seconds for which callbacks of the event loop held it, by what they are of."""

    def __init__(self) -> None:
        self.longest: defaultdict[str, float] = defaultdict(float)
        self.counts: defaultdict[str, int] = defaultdict(int)

    @contextmanager
    def measured(self) -> Generator[None]:
        """Time every callback of whatever loop runs inside."""
        run = events.Handle._run  # type: ignore[reportPrivateUsage]

        def timed(handle: events.Handle) -> None:
            began = time.perf_counter()
            run(handle)
            self._note(handle, time.perf_counter() - began)

        events.Handle._run = timed  # type: ignore[reportPrivateUsage]
        try:
            yield
        finally:
            events.Handle._run = run  # type: ignore[reportPrivateUsage]

    def _note(self, handle: events.Handle, seconds: float) -> None:
        callback = handle._callback  # type: ignore[reportPrivateUsage]
        task = getattr(callback, "__self__", None)
        name = getattr(callback, "__qualname__", repr(callback))
        if isinstance(task, asyncio.Task):
            name = getattr(task.get_coro(), "__qualname__", name)
        self.longest[name] = max(self.longest[name], seconds)
        self.counts[name] += seconds > 0.020


def fill(store: Writer, repository: MemoryRepository, count: int) -> None:
    """A study of `count` judged experiments, of which the last hundred stand on the best."""
    chance = random.Random(1)
    base = all_constants({"train.py": TRAIN})
    with store.transaction():
        for number in range(1, count + 1):
            if number % 8 == 1:
                store.put_turn(Turn(number, "optimizer", 8, float(number), number + 1.0, 8))
            _put(store, repository, number, base, chance, is_best=number == max(count - 100, 2))


def _put(
    store: Writer,
    repository: MemoryRepository,
    number: int,
    base: Mapping[str, Scalar],
    chance: random.Random,
    *,
    is_best: bool,
) -> None:
    name, at = f"e{number:04}", float(number)
    values: dict[str, Scalar] = {**base, "LR": 0.001 * number, "DROPOUT": round(chance.random(), 3)}
    text = TRAIN.replace("LR = 0.04", f"LR = {0.001 * number}")
    first = number == 1
    commit = repository.base_commit if first else f"commit {name}"
    if is_best:
        commit = repository.commit_experiment(
            repository.base_commit, {"train.py": text}, id=name, title="t"
        )
    verdict = Verdict.KEEP if first or is_best or number % 20 == 0 else Verdict.DISCARD
    kind = "H200" if number % 5 == 0 and not is_best else "H100"
    value = 0.9 if is_best else 1.0 + chance.random() / 10
    store.put_experiment(
        Experiment(
            name,
            number,
            number // 8,
            ExperimentStatus.JUDGED,
            f"LR 0.04 → {0.001 * number}",
            "It may help.",
            "optimizer",
            at,
            edits=() if first else (ConstantEdit("train.py", "LR", 0.001 * number),),
            parent=None if first else "e0001",
            commit=commit,
            digest=digest({"train.py": text}),
            constants=values,
            runs_judged=1,
            verdict=verdict,
            value=value,
            gain=0.0,
            accelerator=kind,
            judged_at=at,
            is_best=is_best,
        )
    )
    for kind_judged in ("H100", "H200") if first else (kind,):
        best = is_best or (first and kind_judged == "H200")
        store.put_judgement(
            Judgement(name, kind_judged, verdict, 1, value, 0.0, "", at, is_best=best)
        )
    for ordinal in (1, 2) if number % 5 == 0 else (1,):
        run = f"{name}-r{ordinal}"
        store.put_run(
            Run(
                run,
                name,
                ordinal,
                RunStatus.SUCCEEDED,
                number,
                at,
                "h100-01",
                kind,
                at,
                at,
                at + 300,
                0,
                value + chance.gauss(0, 0.001),
                {"val_bpb": value, "peak_vram_mb": 1000.0, "num_steps": 950.0},
                kind=RunKind.SCREEN,
            )
        )
        if number % 10 == 0:
            store.put_read([], {run: POINTS}, [])


async def lag(held: Held, seconds: float) -> None:
    """How late a task is woken that sleeps 2 ms at a time, whoever held the loop or the GIL."""
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        await asyncio.sleep(0.002)
        late = time.perf_counter() - began - 0.002
        held.longest[LATE] = max(held.longest[LATE], late)
        held.counts[LATE] += late > 0.020


async def live(
    directory: Path, seconds: float, repository: MemoryRepository, held: Held, *, sampler: bool
) -> Engine:
    """An engine on that study for so long."""
    settings = Settings.model_validate({"study": {"tag": "large"}})
    world = simulated_world(CLUSTERS, Landscape(seconds=1.0, sd=0.0008), time.time)

    async def watch(engine: Engine) -> None:
        await lag(held, seconds)
        engine.tell(Leaving("measured"))

    given = OptimizerResearcher(settings.search, "gpu")
    researcher = Sampler(1) if sampler else given
    study = Simulation(directory, time.time, settings, world, [researcher], repository)
    async with world:
        return await study.engine(watch)


def main() -> None:
    """Make the study, run the engine, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--sampler", action="store_true", help="No optimiser in its thread.")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    sys.setswitchinterval(SWITCH_SECONDS)
    with tempfile.TemporaryDirectory() as name:
        directory, repository = Path(name), MemoryRepository({"train.py": TRAIN}, ["train.py"])
        with open_writer(StudyPaths(directory).database) as store:
            settings = Settings.model_validate({"study": {"tag": "large"}})
            write_study(store, settings, directory, repository.base_commit, time.time())
            fill(store, repository, given.experiments)
            judged = store.judged()
        held = Held()
        with held.measured():
            engine = asyncio.run(
                live(directory, given.seconds, repository, held, sampler=given.sampler)
            )
        print(f"{engine.state.judged - judged} judged beside {judged} in {given.seconds:.0f} s")
        for what, longest in sorted(held.longest.items(), key=lambda pair: -pair[1])[:8]:
            over = held.counts[what]
            print(f"{1000 * longest:8.1f} ms  {what}" + (f", {over} over 20 ms" if over else ""))


if __name__ == "__main__":
    main()
