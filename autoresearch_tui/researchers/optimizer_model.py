"""What the optimiser has learned: a TPE for where to look, a linear model for what to expect."""

# Optuna is imported where it is used, for it takes its time; its stubs are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autoresearch_tui.code.space import SearchAxis
from autoresearch_tui.domain import Experiment, ExperimentStatus, Scalar, Verdict

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

Point = tuple[Scalar, ...]
"""A value for each axis."""

_PENDING = (ExperimentStatus.PROPOSED, ExperimentStatus.QUEUED, ExperimentStatus.RUNNING)

_FAILED = (Verdict.CRASH, Verdict.INCONCLUSIVE)
"""Verdicts that teach where not to go: the number is missing, or not to be believed."""

_RIDGE = 1.0
"""Weight of the prior that a constant does not matter, in results."""

_MOST_MOVES = 3


class Surrogate:
    """A model of the metric over the search space, from the experiments of a study."""

    def __init__(
        self,
        axes: Sequence[SearchAxis],
        experiments: Sequence[Experiment],
        *,
        minimize: bool,
        seed: int,
    ) -> None:
        import optuna
        from optuna.distributions import CategoricalDistribution, IntDistribution

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.axes = tuple(axes)
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
        judged = [
            e
            for e in experiments
            if e.value is not None and e.constants and e.verdict not in _FAILED
        ]
        self.crashes = sum(1 for e in experiments if e.verdict is Verdict.CRASH)
        self.results = len(judged)
        self._points = [self.point(e) for e in judged]
        self._values = np.array([self._sign * (e.value or 0.0) for e in judged])
        self._study.add_trials(
            [self._trial(p, float(v)) for p, v in zip(self._points, self._values, strict=True)]
        )
        for experiment in experiments:
            if experiment.verdict in _FAILED and experiment.constants:
                self._study.add_trial(self._trial(self.point(experiment), None, "FAIL"))
            if experiment.status in _PENDING and experiment.constants:
                self.add_pending(self.point(experiment))
        self._learn_crashes(experiments)
        self._fit()

    def point(self, experiment: Experiment) -> Point:
        """Where an experiment stands."""
        return tuple(experiment.constants.get(axis.key, axis.current) for axis in self.axes)

    def is_doomed(self, point: Point) -> bool:
        """Whether a point has a level that has only ever crashed.

        One crash condemns a level that was the only move; two do where there were others.
        """
        return any(
            level not in self._sound[at] and self._blame[at, level] >= 1.0
            for at, level in enumerate(point)
        )

    def _learn_crashes(self, experiments: Sequence[Experiment]) -> None:
        start = tuple(axis.current for axis in self.axes)
        self._sound = [{start[at], *(p[at] for p in self._points)} for at in range(len(start))]
        self._blame: defaultdict[tuple[int, Scalar], float] = defaultdict(float)
        for experiment in experiments:
            if experiment.verdict not in _FAILED or not experiment.constants:
                continue
            point = self.point(experiment)
            moves = [at for at, level in enumerate(point) if level not in self._sound[at]]
            for at in moves:
                self._blame[at, point[at]] += 1 if len(moves) == 1 else 0.5

    def add_pending(self, point: Point) -> None:
        """Count a point as being tried, so that the next one is looked for elsewhere."""
        self._study.add_trial(self._trial(point, None))

    def _trial(self, point: Point, value: float | None, state: str = "RUNNING") -> "FrozenTrial":
        pairs = enumerate(zip(self.axes, point, strict=True))
        return self._optuna.trial.create_trial(
            state=self._optuna.trial.TrialState[state if value is None else "COMPLETE"],
            params={a.key: self._index(i, v) for i, (a, v) in pairs},
            distributions=self._spaces,
            value=value,
        )

    def _index(self, at: int, value: Scalar) -> int:
        axis, levels = self.axes[at], self._levels[at]
        place = axis.position(value)
        return min(range(len(levels)), key=lambda i: abs(axis.position(levels[i]) - place))

    def suggest(self, start: Point, chance: random.Random) -> Point:
        """A point one to three moves away from `start`, those of a TPE sample that weigh most."""
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

    def _features(self, point: Point) -> list[float]:
        found = [1.0]
        for axis, value in zip(self.axes, point, strict=True):
            if axis.ordered:
                place = axis.position(value) - axis.position(axis.current)
                found += [place, place * place]
            else:
                found += [float(value == level) for level in axis.levels]
        return found

    def _fit(self) -> None:
        """Bayesian ridge regression on each axis's line and parabola (Bishop, PRML, 3.3)."""
        width = len(self._features(tuple(axis.current for axis in self.axes)))
        x = np.array([self._features(p) for p in self._points]).reshape(-1, width)
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
            base = tuple(a.current for a in self.axes)
            tried = [(*base[:at], value, *base[at + 1 :]) for value in seen]
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
