"""The optimiser as a researcher: it turns the constants of the file, a few at a time.

Optuna's tree-structured Parzen estimator (Watanabe, arXiv:2304.11127) says where to look; a
proposal takes over only the most promising of its moves, so that what a result means can be read.
"""

import asyncio
import random
from collections.abc import Sequence

from autoresearch_tui.code.space import SearchAxis, build_space, check_search
from autoresearch_tui.config import Search
from autoresearch_tui.domain import ConstantEdit, Experiment, Proposal, Scalar
from autoresearch_tui.errors import ExhaustedError
from autoresearch_tui.researchers.base import Brief, Desk, Think
from autoresearch_tui.researchers.optimizer_model import Point, Surrogate
from autoresearch_tui.researchers.optimizer_words import describe, knowledge

_SCREENED = 10
"""Results before the model is believed; until then single constants are tried."""

_TRIES = 40


class OptimizerResearcher:
    """Proposes constants. All that it knows it learns again from the study after a start."""

    def __init__(self, search: Search, profile: str = "cpu") -> None:
        self._search = search
        self._profile = profile
        self._experiments: dict[str, Experiment] = {}
        self._proposed: set[Point] = set()
        self._told = ""

    @property
    def name(self) -> str:
        """Short name, which the desk knows it by."""
        return "optimizer"

    async def turn(self, desk: Desk) -> None:
        """Propose as many as are wanted; fewer when the space is exhausted.

        Raises:
            ExhaustedError: no constant can be searched, or all their settings have been tried.
        """
        brief = await desk.brief()
        self._experiments |= {e.id: e for e in brief.changed}
        known = list(self._experiments.values())
        await desk.propose(await asyncio.to_thread(self._propose, brief, known, desk.think))

    async def close(self) -> None:
        """Nothing is held."""

    def _propose(self, brief: Brief, known: list[Experiment], think: Think) -> list[Proposal]:
        axes = self._axes(brief, known)
        seed = (self._search.seed or 0) * 100_003 + len(known)
        surrogate = Surrogate(axes, known, minimize=brief.minimize, seed=seed)
        chance = random.Random(seed)
        self._tell(knowledge(surrogate, brief), think)
        start = tuple(axis.current for axis in axes)
        tried = {surrogate.point(e) for e in known if e.constants} | self._proposed | {start}
        proposals: list[Proposal] = []
        while len(proposals) < brief.wanted:
            point = self._next(surrogate, start, tried, chance)
            if point is None:
                think("text", "Every setting near the incumbent has been tried.")
                break
            tried.add(point)
            self._proposed.add(point)
            surrogate.add_pending(point)
            proposal = self._proposal(surrogate, start, point, brief)
            think("text", f"{proposal.title}. {proposal.hypothesis}")
            proposals.append(proposal)
        if not proposals:
            names = ", ".join(axis.name for axis in axes)
            raise ExhaustedError(f"every setting of {names} near the best has been tried")
        return proposals

    def _axes(self, brief: Brief, known: list[Experiment]) -> tuple[SearchAxis, ...]:
        check_search(self._search, brief.files, self._profile)
        baseline = next((e.constants for e in known if e.is_baseline), None)
        axes = build_space(brief.files, self._search, self._profile, baseline)
        if not axes:
            raise ExhaustedError(
                f"{', '.join(brief.files)}: no constant to search; give the file ALL_CAPS "
                "constants with literal values at its top, or see [search] in autoresearch.toml"
            )
        return axes

    def _tell(self, text: str, think: Think) -> None:
        if text != self._told:
            self._told = text
            think("table", text)

    def _next(
        self, surrogate: Surrogate, start: Point, tried: set[Point], chance: random.Random
    ) -> Point | None:
        for attempt in range(_TRIES):
            if surrogate.results < _SCREENED or attempt >= _TRIES // 2:
                point = _screen(surrogate.axes, start, tried, chance)
            else:
                point = surrogate.suggest(start, chance)
            if point not in tried and not surrogate.is_doomed(point):
                return point
        return _any_neighbour(surrogate, start, tried)

    def _proposal(self, surrogate: Surrogate, start: Point, point: Point, brief: Brief) -> Proposal:
        moved = [
            (axis, before, after)
            for axis, before, after in zip(surrogate.axes, start, point, strict=True)
            if before != after
        ]
        title, hypothesis, expected = describe(surrogate, moved, start, point, brief)
        edits = tuple(ConstantEdit(axis.file, axis.name, after) for axis, _, after in moved)
        return Proposal(title, hypothesis, edits, expected=expected)


def _screen(
    axes: Sequence[SearchAxis], start: Point, tried: set[Point], chance: random.Random
) -> Point:
    """Move one constant, one that has been moved the least so far, by one or two levels."""
    moves = [sum(1 for p in tried if p[i] != start[i]) for i in range(len(axes))]
    fewest = min(moves)
    at = chance.choice([i for i, count in enumerate(moves) if count <= fewest])
    return _with(start, at, chance.choice(_near(axes[at], start[at], reach=2)))


def _any_neighbour(surrogate: Surrogate, start: Point, tried: set[Point]) -> Point | None:
    for at, axis in enumerate(surrogate.axes):
        for level in axis.levels:
            point = _with(start, at, level)
            if level != start[at] and point not in tried and not surrogate.is_doomed(point):
                return point
    return None


def _near(axis: SearchAxis, value: Scalar, reach: int) -> list[Scalar]:
    """Levels beside a value, or all others where nearness means nothing."""
    others = [level for level in axis.levels if level != value]
    if not axis.ordered:
        return others
    place = axis.position(value)
    below = sorted((x for x in others if axis.position(x) < place), key=axis.position)[-reach:]
    above = sorted((x for x in others if axis.position(x) > place), key=axis.position)[:reach]
    return [*below, *above]


def _with(point: Point, at: int, value: Scalar) -> Point:
    return (*point[:at], value, *point[at + 1 :])
