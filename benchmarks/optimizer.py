"""What a question to the optimiser costs: the first of an engine, and each one after a result.

    python -m benchmarks.optimizer [--results 2000]

Prints seconds on this machine and their ratio, which is what counts.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from autoresearch_tui.code.constants import all_constants
from autoresearch_tui.code.space import SearchAxis, build_space
from autoresearch_tui.config import Search
from autoresearch_tui.domain import (
    ConstantEdit,
    Experiment,
    ExperimentStatus,
    Noise,
    Proposal,
    Scalar,
    Verdict,
)
from autoresearch_tui.researchers.base import Brief
from autoresearch_tui.researchers.optimizer import OptimizerResearcher

FILES = {"train.py": (Path(__file__).parents[1] / "trainer" / "train.py").read_text()}


class Desk:
    """Takes in all proposals."""

    identity = "optimizer"

    def __init__(self, changed: Sequence[Experiment], incumbent: Experiment) -> None:
        self._brief = Brief(
            1, "CPU", "val_bpb", True, incumbent, FILES, changed, Noise(0.01, 4, freedom=3)
        )

    async def brief(self) -> Brief:
        """One proposal is wanted."""
        return self._brief

    async def propose(self, proposals: Sequence[Proposal]) -> Sequence[Experiment]:
        """All are taken."""
        return [
            Experiment(f"x{number}", number, 1, ExperimentStatus.QUEUED, "t", "h", "o", 0.0)
            for number in range(len(proposals))
        ]

    def think(self, kind: str, text: str) -> None:
        """Nobody reads it."""

    def spend(self, tokens_in: int, tokens_out: int, cost: float) -> None:
        """It costs nothing."""


def results(count: int, axes: Sequence[SearchAxis], chance: random.Random) -> list[Experiment]:
    """Experiments with two constants moved each, 5 % of them crashes; the first is the baseline."""
    constants = all_constants(FILES)
    found = [_result(1, constants, chance)]
    for number in range(2, count + 1):
        moved: dict[str, Scalar] = dict(constants)
        for axis in chance.sample(list(axes), 2):
            moved[axis.key] = chance.choice(axis.levels)
        found.append(_result(number, moved, chance))
    return found


def _result(number: int, constants: dict[str, Scalar], chance: random.Random) -> Experiment:
    is_first, is_crash = number == 1, number > 1 and chance.random() < 0.05
    return Experiment(
        f"e{number:04}",
        number,
        1,
        ExperimentStatus.JUDGED,
        "t",
        "h",
        "optimizer",
        0.0,
        edits=() if is_first else (ConstantEdit("train.py", "X", 1),),
        parent=None if is_first else "e0001",
        constants=constants,
        verdict=Verdict.CRASH if is_crash else Verdict.DISCARD,
        value=None if is_crash else 1.7 + chance.gauss(0.0, 0.02),
    )


async def measure(count: int) -> tuple[float, float]:
    """Seconds of the first question after `count` results, and of one after one more (median)."""
    chance = random.Random(1)
    known = results(count + 20, build_space(FILES, Search()), chance)
    researcher = OptimizerResearcher(Search(seed=1))

    async def ask(changed: Sequence[Experiment]) -> float:
        began = time.perf_counter()
        await researcher.turn(Desk(changed, known[0]))
        return time.perf_counter() - began

    first = await ask(known[:count])
    return first, statistics.median([await ask([each]) for each in known[count:]])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=2000)
    given = parser.parse_args()
    asyncio.run(measure(50))
    for count in (given.results // 8, given.results // 2, given.results):
        first, later = asyncio.run(measure(count))
        ratio = first / later
        print(f"{count:>6} results: first {first:.3f} s, then {later:.3f} s, ratio {ratio:.1f}")


if __name__ == "__main__":
    main()
