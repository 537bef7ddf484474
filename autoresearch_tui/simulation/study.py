"""A whole study in virtual time: real heart, engine and database, imagined clusters and metric."""

import asyncio
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autoresearch_tui.backends.base import Job
from autoresearch_tui.backends.simulated import (
    Faults,
    Outcome,
    SimulatedBackend,
    SimulatedWorld,
    Spec,
)
from autoresearch_tui.backends.task import Task
from autoresearch_tui.code.constants import all_constants
from autoresearch_tui.config import Settings
from autoresearch_tui.domain import ConstantEdit, Proposal
from autoresearch_tui.engine.admission import Admission
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.jobs import hash_lines
from autoresearch_tui.engine.living import Watch, live
from autoresearch_tui.engine.other_task import keep_task
from autoresearch_tui.engine.publishing import Publisher
from autoresearch_tui.engine.starting import take_up
from autoresearch_tui.engine.study_row import (
    apply_limits,
    find_study,
    named_together,
    write_study,
)
from autoresearch_tui.errors import ExhaustedError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.researchers.base import Desk, Researcher
from autoresearch_tui.simulation.repository import MemoryRepository
from autoresearch_tui.store.loading import load_state
from autoresearch_tui.store.writer import open_writer

BEGIN = 1_800_000_000.0
"""Unix seconds at which simulated studies begin."""

TRAIN = """LR = 0.04
WEIGHT_DECAY = 0.2
WARMUP = 0.0
DEPTH = 8
WIDTH = 64
BATCH = 512
BETA = 0.95
SCALE = 1.0
"""

_BEST = {
    "LR": 0.02,
    "WEIGHT_DECAY": 0.1,
    "WARMUP": 0.05,
    "DEPTH": 10,
    "WIDTH": 80,
    "BATCH": 256,
    "BETA": 0.98,
    "SCALE": 0.7,
}
_METRIC, _DEPTH_OF_BOWL = 1.003, 0.004


@dataclass(frozen=True, slots=True)
class Landscape:
    """How long runs take and what they give.

    The metric is a bowl over the logarithms of the constants, `sd` its noise; a run takes `seconds`
    times a factor drawn from a normal distribution of width `jitter`, and crashes with the chance
    `crashed`.
    """

    seconds: float = 320.0
    jitter: float = 0.03
    sd: float = 0.0008
    crashed: float = 0.02
    seed: int = 0

    def execute(self, job: Job, files: Mapping[str, str], accelerator: str) -> Outcome:
        """What a job gives; the same for the same job on the same accelerator type."""
        chance = random.Random(f"{self.seed} {job.name} {accelerator}")
        seconds = max(self.seconds * chance.gauss(1.0, self.jitter), 1.0)
        if chance.random() < self.crashed:
            return Outcome(chance.random() * 60, b"RuntimeError: simulated\n", 1)
        text = files["train.py"]
        constants = all_constants({"train.py": text})
        value = _METRIC + sum(
            _DEPTH_OF_BOWL * _away(float(constants[name]), best) ** 2
            for name, best in _BEST.items()
        )
        # A faster accelerator sees more of the data in the same time.
        value -= 0.01 if accelerator == "H200" else 0.0
        value += chance.gauss(0.0, self.sd)
        before, after = hash_lines({"train.py": text}, ["train.py"])
        said = f"{before}---\nval_bpb: {value:.6f}\n{after}"
        return Outcome(seconds, said.encode())


def _away(value: float, best: float) -> float:
    return abs(value - best) / max(abs(best), 1e-3)


class Sampler:
    """A researcher that moves one or two constants at random; it costs next to nothing."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._tried: set[tuple[object, ...]] = set()

    @property
    def name(self) -> str:
        """Short name."""
        return "sampler"

    @property
    def listens(self) -> bool:
        """It does not understand words."""
        return False

    async def turn(self, desk: Desk) -> None:
        """As many proposals as are wanted."""
        brief = await desk.brief()
        constants = all_constants(brief.files)
        await desk.propose([self._propose(constants) for _ in range(brief.wanted)])

    async def close(self) -> None:
        """Nothing is held."""

    def _propose(self, constants: Mapping[str, object]) -> Proposal:
        for _ in range(1000):
            names = self._chance.sample(sorted(_BEST), self._chance.choice((1, 1, 2)))
            edits = tuple(
                ConstantEdit("train.py", name, self._moved(constants[name])) for name in names
            )
            after = {**constants, **{edit.name: edit.value for edit in edits}}
            key = tuple(after[name] for name in sorted(_BEST))
            if key not in self._tried:
                self._tried.add(key)
                title = ", ".join(f"{edit.name} → {edit.value}" for edit in edits)
                return Proposal(title, "perhaps", edits)
        raise ExhaustedError("nothing new was found in a thousand draws")

    def _moved(self, value: object) -> float | int:
        factor = math.exp(self._chance.gauss(0.0, 0.4))
        if isinstance(value, int):
            return max(round(value * factor), value + 1 if factor > 1 else 1)
        moved = float(str(value)) * factor or self._chance.choice((0.02, 0.05, 0.1))
        return float(f"{moved:.4g}")


@dataclass(slots=True)
class Simulation:
    """One study in a directory of its own; `engine` may be called again after an end.

    `clock` gives Unix seconds, and `run` is the command of its task.
    """

    directory: Path
    clock: Callable[[], float]
    settings: Settings
    world: SimulatedWorld
    researchers: Sequence[Researcher]
    repository: MemoryRepository = field(
        default_factory=lambda: MemoryRepository({"train.py": TRAIN}, ["train.py"])
    )
    run: str = "true"

    async def engine(self, watch: Watch | None = None) -> Engine:
        """Run an engine until it ends; its database is closed then."""
        paths = StudyPaths(self.directory)
        store = open_writer(paths.database, self.clock)
        try:
            study, now = find_study(store), self.clock()
            if study is None:
                base = self.repository.base_commit
                write_study(store, self.settings, self.directory, base, now)
            apply_limits(store, self.settings, now, frozenset())
            raw = {"run": self.run}
            task = Task(self.directory / "experiment.yaml", self.run, "", {}, raw)
            keep_task(store, task)
            began = study.started_at if study is not None and study.started_at else now
            store.change_study(researcher=named_together(self.researchers), started_at=began)
            store.record("engine.started", "simulated")
            engine = Engine(
                paths,
                self.settings,
                store,
                self.repository,
                task,
                SimulatedBackend(self.world),
                self.researchers,
                await asyncio.to_thread(load_state, store, self.settings),
                self.clock,
            )
            publisher, admission = Publisher(engine), Admission(engine)
            await take_up(engine, publisher)
            await live(engine, admission, publisher, watch)
            return engine
        finally:
            store.close()


def simulated_world(
    clusters: Sequence[tuple[int, str, float]],
    landscape: Landscape,
    clock: Callable[[], float],
    faults: Faults | None = None,
) -> SimulatedWorld:
    """Clusters by count, accelerator type and price in dollars an hour."""
    specs = [
        Spec(f"{accelerator.lower()}-{number:02}", accelerator, price)
        for count, accelerator, price in clusters
        for number in range(1, count + 1)
    ]
    return SimulatedWorld(specs, landscape.execute, clock, faults, landscape.seed)
