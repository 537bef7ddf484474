"""Whole studies in virtual time, for tests."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autoresearch_tui.backends.simulated import Faults, SimulatedWorld
from autoresearch_tui.config import Settings
from autoresearch_tui.researchers.base import Researcher
from autoresearch_tui.simulation.clock import run_virtually
from autoresearch_tui.simulation.repository import MemoryRepository
from autoresearch_tui.simulation.study import BEGIN, Landscape, Simulation, simulated_world
from autoresearch_tui.store import Reader, open_reader


@dataclass
class Night:
    """A study of four clusters, and what it is to be tried with."""

    directory: Path
    researchers: Sequence[Researcher]
    settings: dict[str, object] = field(default_factory=dict)
    clusters: Sequence[tuple[int, str, float]] = ((3, "H100", 3.0), (1, "H200", 5.0))
    faults: Faults | None = None
    landscape: Landscape = field(default_factory=Landscape)
    live: Callable[[Simulation], Awaitable[object]] = lambda study: study.engine()

    def __post_init__(self) -> None:
        self.world: SimulatedWorld | None = None
        self.repository: MemoryRepository | None = None
        self.heard: Callable[[str], object] = lambda text: None

    def run(self) -> Reader:
        """Let it run to its end, and read what became of it."""
        run_virtually(self._run())
        return open_reader(self.directory / ".autoresearch" / "study.db")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.heard(str(context)))

        def clock() -> float:
            return BEGIN + loop.time()

        given = Settings.model_validate({"study": {"tag": "night"}, **self.settings})
        self.world = simulated_world(self.clusters, self.landscape, clock, self.faults)
        async with self.world:
            study = Simulation(self.directory, clock, given, self.world, self.researchers)
            self.repository = study.repository
            await self.live(study)
