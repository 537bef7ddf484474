"""Records the night that `replay` shows where there is no study: simulated clusters, a script.

    python -m autoresearch_tui.simulation.recording autoresearch_tui/night.db.xz

What is played back is what this program really did: its scheduler, judge and desk, on clusters and
a metric that are computed. The researcher is a script in the place of a language model; it reads
the results and says why it proposes what it does.
"""

import asyncio
import logging
import lzma
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from autoresearch_tui.backends.simulated import NIGHT
from autoresearch_tui.config import Settings
from autoresearch_tui.domain import (
    ConstantEdit,
    Experiment,
    ExperimentStatus,
    Proposal,
    Scalar,
    Verdict,
)
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.lifecycle.events import Vetoed
from autoresearch_tui.researchers.base import Brief, Desk
from autoresearch_tui.researchers.optimizer import OptimizerResearcher
from autoresearch_tui.simulation.clock import run_virtually
from autoresearch_tui.simulation.study import BEGIN, Landscape, Simulation, simulated_world

CLUSTERS = ((13, "H100", 2.5), (3, "H200", 3.5))
HOURS = 3.0
_STEPS = {"DEPTH": 1.15, "BETA": 1.01}
_WORDS_A_SECOND = 12
_FACTOR = 1.3


@dataclass
class _Axis:
    """What the script knows of a constant: how far each direction has led."""

    up: list[str] = field(default_factory=list[str])
    down: list[str] = field(default_factory=list[str])

    @property
    def is_left(self) -> bool:
        """Both ways were tried twice without a gain."""
        return all(side[-2:] == ["discard", "discard"] for side in (self.up, self.down))


class Script:
    """Looks at one or two constants at a time, follows what gains, and says why."""

    name = "script"
    listens = True

    def __init__(self) -> None:
        self._axes: dict[str, _Axis] = {}
        # Which constants an experiment moves, and whether up.
        self._ideas: dict[str, tuple[tuple[str, bool], ...]] = {}
        self._tried: set[tuple[tuple[str, Scalar], ...]] = set()
        self._turns = 0
        self._told = 0
        self._barred: set[str] = set()

    async def close(self) -> None:
        """Nothing is held."""

    async def turn(self, desk: Desk) -> None:
        """Learn from what is new, hear the operator, propose a wave."""
        brief = await desk.brief()
        self._turns += 1
        await self._hear(desk)
        await self._learn(desk, brief)
        wave = self._wave(brief)
        await self._speak(desk, "thinking", self._reasons(brief, wave))
        titles = ", ".join(proposal.title for proposal in wave[:4])
        desk.think("call", f"propose {len(wave)}: {titles}{' …' if len(wave) > 4 else ''}")
        admitted = await desk.propose(wave)
        for experiment, proposal in zip(admitted, wave, strict=True):
            before = brief.incumbent.constants
            self._ideas[experiment.id] = tuple(
                (edit.name, float(edit.value) > float(before[edit.name]))
                for edit in proposal.edits
                if isinstance(edit, ConstantEdit)
            )
        refused = [e.why for e in admitted if e.status is ExperimentStatus.REJECTED]
        taken = len(wave) - len(refused)
        desk.think("answer", f"{taken} taken in" + "".join(f"; refused: {why}" for why in refused))
        if self._turns % 4 == 0:
            await self._note(desk, brief)

    async def _speak(self, desk: Desk, kind: str, text: str) -> None:
        words = text.split(" ")
        for at in range(0, len(words), 6):
            desk.think(kind, " ".join(words[at : at + 6]) + " ")
            await asyncio.sleep(6 / _WORDS_A_SECOND)

    async def _hear(self, desk: Desk) -> None:
        for event in await desk.library.told(self._told):
            self._told = event.seq
            if event.kind == "operator.said":
                self._barred |= {name for name in self._names if name in event.text}
                await self._speak(desk, "says", f"Understood: {event.text}. I leave that alone.\n")
            elif event.kind == "experiment.vetoed":
                text = f"{event.subject} was vetoed: {event.text}. Nothing like it again.\n"
                await self._speak(desk, "says", text)

    @property
    def _names(self) -> Sequence[str]:
        return sorted(self._axes)

    async def _learn(self, desk: Desk, brief: Brief) -> None:
        if not self._axes:
            self._axes = {name: _Axis() for name in brief.incumbent.constants}
        for experiment in brief.changed:
            moves = self._ideas.get(experiment.id)
            if moves is None or experiment.verdict is None:
                continue
            del self._ideas[experiment.id]
            for name, is_up in moves:
                axis = self._axes[name]
                (axis.up if is_up else axis.down).append(str(experiment.verdict))
            if experiment.verdict is Verdict.KEEP:
                await self._speak(desk, "thinking", _told(experiment))

    def _wave(self, brief: Brief) -> list[Proposal]:
        open_axes = [
            name
            for name, axis in self._axes.items()
            if not axis.is_left and name not in self._barred
        ] or [name for name in self._axes if name not in self._barred]
        ranked = sorted(open_axes, key=lambda name: (-self._gains(name), self._trials(name), name))
        first, *others = ranked
        found: list[Proposal] = []
        if self._turns % 3 == 0 and others:
            for steps in product(self._factors(first), self._factors(others[0])):
                moves = dict(zip((first, others[0]), steps, strict=True))
                found += self._proposal(brief, moves, "a grid: they may depend on each other")
        for name in ranked:
            if len(found) >= max(brief.wanted, 2):
                break
            for factor in self._factors(name):
                found += self._proposal(brief, {name: factor}, self._why(name))
        return found[: max(brief.wanted, 6)]

    def _gains(self, name: str) -> int:
        axis = self._axes[name]
        return (axis.up + axis.down).count("keep")

    def _trials(self, name: str) -> int:
        return len(self._axes[name].up + self._axes[name].down)

    def _factors(self, name: str) -> tuple[float, ...]:
        step = _STEPS.get(name, _FACTOR) ** (1 + self._turns % 2)
        axis = self._axes[name]
        if axis.up[-1:] == ["keep"]:
            return (step,)
        if axis.down[-1:] == ["keep"]:
            return (1 / step,)
        return (step, 1 / step)

    def _why(self, name: str) -> str:
        if self._gains(name):
            return f"{name} has gained before; it may go further the same way"
        if self._trials(name):
            return f"{name} has shown nothing yet, but not on this parent"
        return f"{name} has not been tried; both ways, to see which"

    def _proposal(self, brief: Brief, moves: dict[str, float], why: str) -> list[Proposal]:
        constants = brief.incumbent.constants
        edits: list[ConstantEdit] = []
        for name, factor in moves.items():
            before = constants[name]
            moved = float(before) * factor or 0.02
            after: Scalar = float(f"{moved:.3g}")
            if isinstance(before, int):
                after = max(round(moved), 1)
            if name == "BETA":
                after = min(round(float(moved), 4), 0.999)
            if after == before:
                return []
            edits.append(ConstantEdit("train.py", name, after))
        after_all = {**constants, **{edit.name: edit.value for edit in edits}}
        key = tuple(sorted(after_all.items()))
        if key in self._tried:
            return []
        self._tried.add(key)
        title = ", ".join(f"{e.name} {constants[e.name]} → {e.value}" for e in edits)
        return [Proposal(title, why, tuple(edits))]

    def _reasons(self, brief: Brief, wave: Sequence[Proposal]) -> str:
        best = brief.incumbent
        said = f"The best is {best.id}"
        if best.value is not None:
            said += f" with {best.value:.4f} on {best.accelerator}"
        if brief.noise.sd:
            said += f"; one run is good to {brief.noise.sd:.4f}"
        said += f". {brief.wanted} more are wanted. "
        left = [name for name, axis in self._axes.items() if axis.is_left]
        if left:
            said += f"{', '.join(left)}: tried twice both ways without a gain, I leave them. "
        whys = dict.fromkeys(proposal.hypothesis for proposal in wave[:6])
        return said + "; ".join(whys) + ".\n"

    async def _note(self, desk: Desk, brief: Brief) -> None:
        lines = [f"best {brief.incumbent.id}", ""]
        for name, axis in sorted(self._axes.items()):
            kept = (axis.up + axis.down).count("keep")
            lines.append(f"- {name}: {kept} of {len(axis.up + axis.down)} kept")
        note = await desk.library.notepad()
        await desk.write_notepad("\n".join(lines), note.version)


def _told(experiment: Experiment) -> str:
    gain = f" by {experiment.gain:.4f}" if experiment.gain is not None else ""
    return f"{experiment.id} was kept: {experiment.title} is better{gain}. "


async def _operator(engine: Engine) -> None:
    """Says a word, and refuses a proposal."""
    await asyncio.sleep(2400)
    words = "leave BATCH alone from here on, memory is tight on the H100s"
    engine.store.record("operator.said", words, actor="maria")
    engine.words += 1
    engine.changed.set()
    await asyncio.sleep(1800)
    for _ in range(600):
        waiting = engine.store.experiments([ExperimentStatus.PROPOSED])
        if waiting:
            why = "too close to what was tried already"
            engine.tell(Vetoed((waiting[-1].id,), why, "maria"))
            return
        await asyncio.sleep(5)


async def record(directory: Path) -> Path:
    """Run the night in `directory`; gives its database."""
    loop = asyncio.get_running_loop()
    settings = Settings.model_validate(
        {
            "study": {"tag": "night"},
            "limits": {"max_hours": HOURS},
            "approval": {"mode": "veto", "countdown_seconds": 30},
        }
    )

    def clock() -> float:
        return BEGIN + loop.time()

    world = simulated_world(CLUSTERS, Landscape(seed=3), clock, NIGHT)
    both = [Script(), OptimizerResearcher(settings.search, "gpu")]
    async with world:
        study = Simulation(directory, clock, settings, world, both)
        await study.engine(_operator)
    return directory / ".autoresearch" / "study.db"


def pack(database: Path, target: Path) -> int:
    """Write the database compressed, without what a recording does not need; gives its bytes."""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        for table in ("outbox", "readings", "curves"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
    finally:
        connection.close()
    data = lzma.compress(database.read_bytes(), preset=9 | lzma.PRESET_EXTREME)
    return target.write_bytes(data)


def main() -> None:
    """Record a night, and write it to the file that is named."""
    logging.getLogger("autoresearch_tui").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as directory:
        database = Path(directory) / ".autoresearch" / "study.db"
        run_virtually(record(Path(directory)))
        print(f"{pack(database, Path(sys.argv[1])):,} bytes")


if __name__ == "__main__":
    main()
