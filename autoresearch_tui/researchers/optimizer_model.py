"""What the optimiser has learned: a TPE for where to look, a linear model for what to expect."""

# Optuna is imported where it is used, for it takes its time; its stubs are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autoresearch_tui.code.space import SearchAxis
from autoresearch_tui.code.ties import Ties
from autoresearch_tui.domain import Experiment, Scalar, Verdict

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

Point = tuple[Scalar, ...]
"""A value for each axis."""

_Pair = tuple[int, Scalar, int, Scalar]
"""Two axes, and a level of each."""

_FAILED = (Verdict.CRASH, Verdict.INCONCLUSIVE)
"""Verdicts that teach where not to go: the number is missing, or not to be believed."""

_PENDING, _VALUE, _FAILURE, _NOTHING = "pending", "value", "failure", "nothing"
"""What an experiment can teach."""

_RIDGE = 1.0
"""Weight of the prior that a constant does not matter, in results."""

_MOST_MOVES = 3

_FAR = 4
"""Other constants by which a setting must differ from one that crashed to owe it nothing."""

_DOOMED = 0.5
"""Blame at which a setting is left alone."""


class Surrogate:
    """A model of the metric over the search space, which learns from one experiment at a time."""

    def __init__(
        self, axes: Sequence[SearchAxis], *, minimize: bool, seed: int, ties: Ties | None = None
    ) -> None:
        import optuna
        from optuna.distributions import CategoricalDistribution, IntDistribution

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.axes = tuple(axes)
        self.ties = _by_place(self.axes, ties or {})
        """By the place of an axis: those that it is tied to, and whether they go its way."""
        self.start: Point = tuple(axis.current for axis in self.axes)
        self.tried: set[Point] = {self.start}
        """Points that experiments have, or that are being proposed."""
        self.is_stale = False
        """Whether something that was learned has changed; only a new model can hold that."""
        self._sign = 1.0 if minimize else -1.0
        self._optuna = optuna
        self._spaces: dict[str, BaseDistribution] = {
            axis.key: IntDistribution(0, len(axis.levels) - 1)
            if axis.ordered
            else CategoricalDistribution(list(range(len(axis.levels))))
            for axis in self.axes
        }
        # Level indices count from the lowest position, so that neighbours are alike.
        self._levels: list[Sequence[Scalar]] = [
            sorted(a.levels, key=a.position) if a.ordered else a.levels for a in axes
        ]
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=1, multivariate=True, constant_liar=True, seed=seed % 2**31
        )
        self._study = optuna.create_study(sampler=sampler)
        self._places: dict[tuple[int, type, Scalar], tuple[int, float]] = {}
        self._known: dict[str, tuple[str, Point, float | None]] = {}
        self._trials: dict[Point, int] = {}
        self._points: list[Point] = []
        self._values: npt.NDArray[np.float64] = np.array([])
        self._learned: list[float] = []
        self._rows: list[list[float]] = []
        self._failures: list[Point] = []
        self.crashes = 0
        self._fit()

    @property
    def results(self) -> int:
        """How many experiments it has learned a value from."""
        return len(self._points)

    def learn(self, experiments: Iterable[Experiment]) -> None:
        """Take in experiments that are new or have changed."""
        for experiment in experiments:
            if experiment.constants:
                self._learn(experiment)
        self._fit()

    def _learn(self, experiment: Experiment) -> None:
        """A value is learned, a failure avoided, what is under way left to itself."""
        point = self.point(experiment)
        state, value = _what_is_known(experiment)
        before = self._known.get(experiment.id)
        if before == (state, point, value):
            return
        if before is not None and before[0] in (_VALUE, _FAILURE):
            self.is_stale = True
            return
        self._known[experiment.id] = (state, point, value)
        if before is not None and before[1] != point:
            self.forget(before[1])
        if state == _PENDING:
            self.add_pending(point)
            return
        self.tried.add(point)
        self.forget(point)
        if state == _VALUE and value is not None:
            self._add_value(point, self._sign * value)
        elif state == _FAILURE:
            self._failures.append(point)
            self.crashes += experiment.verdict is Verdict.CRASH

    def _add_value(self, point: Point, value: float) -> None:
        self._study.add_trial(self._trial(point, value))
        self._points.append(point)
        self._learned.append(value)
        self._rows.append(self._features(point))

    def point(self, experiment: Experiment) -> Point:
        """Where an experiment stands."""
        return tuple(experiment.constants.get(axis.key, axis.current) for axis in self.axes)

    def values_at(self, point: Point) -> Mapping[str, Scalar]:
        """The values of the constants at a point, by the keys of their axes."""
        return {axis.key: value for axis, value in zip(self.axes, point, strict=True)}

    def avoid(self, places: Iterable[Mapping[str, Scalar]]) -> None:
        """Count places as tried of which nothing else is known."""
        for place in places:
            self.tried.add(tuple(place.get(axis.key, axis.current) for axis in self.axes))

    def is_doomed(self, point: Point) -> bool:
        """Whether a point is too like one that has crashed.

        A level that has never come to an end is blamed as far as all else is as it was in the
        crash: less with each constant that differs, and not at all where one differs that the file
        ties to it. Where each level has come to an end elsewhere, a pair of tied ones is blamed.
        """
        return any(
            level not in self._sound[at] and self._blame(at, point) >= _DOOMED
            for at, level in enumerate(point)
        ) or any(
            self._pairs[pair] >= _DOOMED
            for pair in _pairs_of(self.ties, point)
            if pair in self._pairs and pair not in self._sound_pairs
        )

    def _blame(self, at: int, point: Point) -> float:
        blame = 0.0
        for crashed, weight in self._crashed[at, point[at]]:
            others = [i for i in range(len(point)) if i != at and point[i] != crashed[i]]
            if not any(i in self.ties[at] for i in others):
                blame += weight * max(1 - len(others) / _FAR, 0.0)
        return blame

    def _learn_failures(self) -> None:
        ended = [self.start, *self._points]
        self._sound = [{point[at] for point in ended} for at in range(len(self.axes))]
        self._sound_pairs = {pair for point in ended for pair in _pairs_of(self.ties, point)}
        self._crashed: defaultdict[tuple[int, Scalar], list[tuple[Point, float]]]
        self._crashed, self._pairs = defaultdict(list), Counter[_Pair]()
        for point in self._failures:
            unsound = [at for at, level in enumerate(point) if level not in self._sound[at]]
            for at in unsound:
                self._crashed[at, point[at]].append((point, 1 / len(unsound)))
            pairs = _pairs_of(self.ties, point) - self._sound_pairs
            if not unsound and pairs:
                self._pairs.update(dict.fromkeys(pairs, 1 / len(pairs)))

    def add_pending(self, point: Point) -> None:
        """Count a point as being tried, so that the next one is looked for elsewhere."""
        self.tried.add(point)
        if point not in self._trials:
            self._study.add_trial(self._trial(point, None))
            self._trials[point] = len(self._study.get_trials(deepcopy=False)) - 1

    def forget(self, point: Point) -> None:
        """A point is not being tried any more."""
        number = self._trials.pop(point, None)
        if number is not None:
            self._study.tell(number, state=self._optuna.trial.TrialState.FAIL)

    def _trial(self, point: Point, value: float | None) -> "FrozenTrial":
        pairs = enumerate(zip(self.axes, point, strict=True))
        return self._optuna.trial.create_trial(
            state=self._optuna.trial.TrialState["RUNNING" if value is None else "COMPLETE"],
            params={a.key: self._place(i, v)[0] for i, (a, v) in pairs},
            distributions=self._spaces,
            value=value,
        )

    def _place(self, at: int, value: Scalar) -> tuple[int, float]:
        """The index of the level next to a value, and where the value lies."""
        # True and 1 are one key of a dictionary, and two values of a constant.
        key = (at, type(value), value)
        if key not in self._places:
            axis, levels = self.axes[at], self._levels[at]
            place = axis.position(value)
            index = min(range(len(levels)), key=lambda i: abs(axis.position(levels[i]) - place))
            self._places[key] = index, place
        return self._places[key]

    def suggest(self, chance: random.Random) -> Point:
        """A point one to three moves away from the start, those of a TPE sample that weigh most."""
        start = self.start
        trial = self._study.ask(self._spaces)
        params = trial.params
        self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        asked: list[Scalar] = [
            levels[params[a.key]] for a, levels in zip(self.axes, self._levels, strict=True)
        ]
        moves = [at for at, value in enumerate(asked) if value != start[at]]
        if not moves:
            return start
        wanted = chance.choices(range(1, _MOST_MOVES + 1), weights=(3, 4, 3))[0]
        # A lower prediction is better; a little chance keeps the less known in play.
        spread = float(np.std(self._values)) or 1.0
        rank = {
            at: self.predict(_moved(start, asked, [at]))[0] + chance.gauss(0, 0.3 * spread)
            for at in moves
        }
        return _moved(start, asked, sorted(moves, key=rank.__getitem__)[:wanted])

    def carried(self, point: Point, at: int, partners: Sequence[int]) -> Point | None:
        """A point with `partners`, which are tied to what it has moved at `at`, moved as well.

        Each goes to the level that comes nearest to keeping the quotient, or the product, with the
        moved one; None where one cannot move.
        """
        before, after = self.start[at], point[at]
        if isinstance(before, str) or isinstance(after, str) or before <= 0 or after <= 0:
            return None
        found = list(point)
        for partner in partners:
            factor = after / before if self.ties[at][partner] else before / after
            level = _nearest(self.axes[partner], self.start[partner], factor)
            if level is None:
                return None
            found[partner] = level
        return tuple(found)

    def _features(self, point: Point) -> list[float]:
        found = [1.0]
        for at, (axis, value) in enumerate(zip(self.axes, point, strict=True)):
            if axis.ordered:
                place = self._place(at, value)[1] - self._place(at, axis.current)[1]
                found += [place, place * place]
            else:
                found += [float(value == level) for level in axis.levels]
        return found

    def _fit(self) -> None:
        """Bayesian ridge regression on each axis's line and parabola (Bishop, PRML, 3.3)."""
        self._learn_failures()
        width = len(self._features(self.start))
        self._values = np.array(self._learned)
        x = np.array(self._rows).reshape(-1, width)
        self._mean = float(self._values.mean()) if len(self._values) else 0.0
        prior = np.eye(width) * _RIDGE * 0.1
        self._covariance: npt.NDArray[np.float64] = np.linalg.inv(x.T @ x + prior).astype(
            np.float64
        )
        self._weights = self._covariance @ x.T @ (self._values - self._mean)
        rest = self._values - self._mean - x @ self._weights
        freedom = max(len(self._values) - 1, 1)
        self._sd = math.sqrt(float(rest @ rest) / freedom) if len(self._values) > 1 else 0.0

    def predict(self, point: Point) -> tuple[float, float]:
        """Mean and standard deviation of the metric at a point, lower taken as better."""
        features = np.array(self._features(point))
        spread = float(features @ self._covariance @ features)
        return self._mean + float(features @ self._weights), self._sd * math.sqrt(1 + spread)

    def importances(self) -> list[tuple[str, float, int]]:
        """By weight: an axis, its share of what the model explains, and how often it was moved."""
        spans: list[tuple[str, float, int]] = []
        for at, axis in enumerate(self.axes):
            seen = {p[at] for p in self._points}
            moved = sum(1 for p in self._points if p[at] != self._points[0][at])
            tried = [(*self.start[:at], value, *self.start[at + 1 :]) for value in seen]
            values = [self.predict(point)[0] for point in tried] or [0.0]
            spans.append((axis.key, max(values) - min(values), moved))
        whole = sum(span for _, span, _ in spans) or 1.0
        return sorted(((k, s / whole, n) for k, s, n in spans), key=lambda row: -row[1])

    def best_values(self, at: int, count: int = 5) -> list[Scalar]:
        """The values of an axis in the best results."""
        order = np.argsort(self._values)[:count]
        return [self._points[int(i)][at] for i in order]


def _moved(start: Point, asked: Sequence[Scalar], moves: Sequence[int]) -> Point:
    return tuple(asked[i] if i in moves else value for i, value in enumerate(start))


def _nearest(axis: SearchAxis, value: Scalar, factor: float) -> Scalar | None:
    """The level that comes nearest to a value times a factor, unless that is the value itself."""
    if isinstance(value, str) or not axis.ordered or value <= 0:
        return None
    levels = [level for level in axis.levels if not isinstance(level, str) and level > 0]
    best = min(levels, key=lambda level: abs(math.log(level / (value * factor))), default=value)
    return None if best == value else best


def _by_place(axes: Sequence[SearchAxis], ties: Ties) -> list[Mapping[int, bool]]:
    places = {axis.key: at for at, axis in enumerate(axes)}
    found: list[dict[int, bool]] = [{} for _ in axes]
    for (a, b), is_same in ties.items():
        if a in places and b in places:
            found[places[a]][places[b]] = is_same
    return [*found]


def _pairs_of(ties: Sequence[Mapping[int, bool]], point: Point) -> set[_Pair]:
    """The levels of each two axes that are tied to each other."""
    return {
        (at, point[at], other, point[other])
        for at, others in enumerate(ties)
        for other in others
        if at < other
    }


def _what_is_known(experiment: Experiment) -> tuple[str, float | None]:
    """What an experiment teaches, and its value where that is it."""
    if experiment.verdict in _FAILED:
        return _FAILURE, None
    if experiment.value is not None:
        return _VALUE, experiment.value
    return (_PENDING if experiment.status.is_live else _NOTHING), None
