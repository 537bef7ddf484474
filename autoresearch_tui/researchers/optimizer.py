"""The optimiser as a researcher: it turns the constants of the file, a few at a time.

Optuna's tree-structured Parzen estimator (Watanabe, arXiv:2304.11127) says where to look; a
proposal takes over only the most promising of its moves, so that what a result means can be read.
"""

import asyncio
import contextlib
import random
from collections.abc import Mapping
from importlib import import_module

from autoresearch_tui.code.space import SearchAxis, build_space, check_search
from autoresearch_tui.code.ties import find_ties
from autoresearch_tui.collector import many_objects
from autoresearch_tui.config import Search
from autoresearch_tui.domain import (
    ConstantEdit,
    Experiment,
    ExperimentStatus,
    Proposal,
    Scalar,
)
from autoresearch_tui.errors import ExhaustedError, ResearcherError
from autoresearch_tui.researchers.base import Brief, Desk, Think
from autoresearch_tui.researchers.optimizer_model import Point, Surrogate
from autoresearch_tui.researchers.optimizer_words import Move, describe, knowledge

_SCREENED = 10
"""Results before the model is believed; until then single constants are tried."""

_TRIES = 40

_TIED, _TIED_LATER = 0.25, 0.1
"""Chances of moving constants together that the file ties together: while single constants are
tried, and after."""

_LUCKY_SD = 4.0
"""Gains of fewer standard deviations of the noise are measured again when they have become the
best: a value that was chosen for being good is too good, and hides small gains over it."""


Chosen = tuple[Point, Proposal]
"""Where to go, and how that is proposed."""


class OptimizerResearcher:
    """Proposes constants. All that it knows it learns again from the study after a start."""

    def __init__(self, search: Search, profile: str = "cpu") -> None:
        self._search = search
        self._profile = profile
        self._experiments: dict[str, Experiment] = {}
        self._model: Surrogate | None = None
        self._refused: list[Mapping[str, Scalar]] = []
        self._told = ""

    @property
    def name(self) -> str:
        """Short name, which the desk knows it by."""
        return "optimizer"

    @property
    def listens(self) -> bool:
        """It does not understand words."""
        return False

    async def turn(self, desk: Desk) -> None:
        """Propose as many as are wanted; fewer when the space is exhausted.

        Raises:
            ExhaustedError: no constant can be searched, or all their settings have been tried.
        """
        # On a stack of its own: what fails to be imported within keeps the frames that led there.
        await asyncio.to_thread(import_module, "optuna")
        brief = await desk.brief()
        model, chosen = await asyncio.to_thread(self._choose, brief, desk.think)
        await _measure_again(desk, brief)
        found = await desk.propose([proposal for _, proposal in chosen])
        for (point, _), experiment in zip(chosen, found, strict=True):
            if experiment.status is ExperimentStatus.REJECTED:
                model.forget(point)
                self._refused.append(model.values_at(point))
        # A turn that is cut short before this has taught a part only.
        self._model = model

    async def close(self) -> None:
        """Nothing is held."""

    def _choose(self, brief: Brief, think: Think) -> tuple[Surrogate, list[Chosen]]:
        model = self._learn(brief)
        chance = random.Random(self._seed())
        self._tell(knowledge(model, brief), think)
        chosen: list[Chosen] = []
        while len(chosen) < brief.wanted:
            point = _next(model, chance)
            if point is None:
                think("text", "Every setting near the incumbent has been tried.")
                break
            model.add_pending(point)
            proposal = _proposal(model, point, brief)
            think("text", f"{proposal.title}. {proposal.hypothesis}")
            chosen.append((point, proposal))
        if not chosen:
            self._model = model
            names = ", ".join(axis.name for axis in model.axes)
            raise ExhaustedError(f"every setting of {names} near the best has been tried")
        return model, chosen

    def _learn(self, brief: Brief) -> Surrogate:
        """The model with what is new; a new one where the incumbent has moved, or an old result."""
        self._experiments |= {e.id: e for e in brief.changed}
        axes, model = self._axes(brief), self._model
        self._model = None
        if model is not None and model.axes == axes:
            model.learn(brief.changed)
        if model is None or model.axes != axes or model.is_stale:
            with many_objects():
                ties = find_ties(brief.files, self._profile)
                model = Surrogate(axes, minimize=brief.minimize, seed=self._seed(), ties=ties)
                model.learn(self._experiments.values())
                model.avoid(self._refused)
        return model

    def _seed(self) -> int:
        return (self._search.seed or 0) * 100_003 + len(self._experiments)

    def _axes(self, brief: Brief) -> tuple[SearchAxis, ...]:
        check_search(self._search, brief.files, self._profile)
        known = self._experiments.values()
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


async def _measure_again(desk: Desk, brief: Brief) -> None:
    """Have a new best measured once more, where luck may have a large part in it."""
    best, sd = brief.incumbent, brief.noise.sd
    is_new = not best.is_baseline and best.runs_wanted == 1
    if is_new and sd is not None and best.gain is not None and best.gain < _LUCKY_SD * sd:
        # Another researcher may have asked already, or it is the best no more.
        with contextlib.suppress(ResearcherError):
            await desk.repeat(best.id, 2)


def _next(model: Surrogate, chance: random.Random) -> Point | None:
    for attempt in range(_TRIES):
        is_early = model.results < _SCREENED
        if any(model.ties) and chance.random() < (_TIED if is_early else _TIED_LATER):
            point = _together(model, chance)
        elif is_early or attempt >= _TRIES // 2:
            point = _screen(model, chance)
        else:
            point = model.suggest(chance)
        if point not in model.tried and not model.is_doomed(point):
            return point
    return _any_neighbour(model)


def _proposal(model: Surrogate, point: Point, brief: Brief) -> Proposal:
    moves = _moves(model, point)
    title, hypothesis, expected = describe(model, moves, model.start, point, brief)
    edits = tuple(ConstantEdit(axis.file, axis.name, to) for axis, _, to in moves)
    return Proposal(title, hypothesis, edits, expected=expected)


def _moves(model: Surrogate, point: Point) -> list[Move]:
    return [
        (axis, before, after)
        for axis, before, after in zip(model.axes, model.start, point, strict=True)
        if before != after
    ]


def _screen(model: Surrogate, chance: random.Random) -> Point:
    """Move one constant, one that has been moved the least so far, by one or two levels."""
    axes, start = model.axes, model.start
    moves = [sum(1 for p in model.tried if p[i] != start[i]) for i in range(len(axes))]
    fewest = min(moves)
    at = chance.choice([i for i, count in enumerate(moves) if count <= fewest])
    return _with(start, at, chance.choice(_near(axes[at], start[at], reach=2)))


def _together(model: Surrogate, chance: random.Random) -> Point:
    """Move one constant and some that it is tied to, so that the file's own checks hold."""
    at = chance.choice([i for i, tied in enumerate(model.ties) if tied])
    point = _with(model.start, at, chance.choice(_near(model.axes[at], model.start[at], reach=2)))
    partners = sorted(model.ties[at])
    some = chance.sample(partners, chance.randint(1, len(partners)))
    return model.carried(point, at, some) or point


def _any_neighbour(model: Surrogate) -> Point | None:
    for at, axis in enumerate(model.axes):
        for level in axis.levels:
            point = _with(model.start, at, level)
            is_new = level != model.start[at] and point not in model.tried
            if is_new and not model.is_doomed(point):
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
