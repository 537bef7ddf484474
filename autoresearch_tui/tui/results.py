"""What has been measured and judged, and what follows from it; made anew only when that changes."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autoresearch_tui.domain import Experiment, Judgement, Noise, Run, Verdict
from autoresearch_tui.judge.claim import Leader, leaders, measured, noise_by_kind, verdict_rows

Column = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Columns:
    """Verdicts in their order, a column for each thing that is drawn.

    `value` is not a number for a crash; `kind` is the place of the accelerator type among all.
    """

    value: Column
    judged_at: Column
    is_keep: NDArray[np.bool_]
    certified: NDArray[np.bool_]
    kind: NDArray[np.int_]
    experiment: Sequence[str]

    def only(self, there: NDArray[np.bool_]) -> "Columns":
        """Those rows alone."""
        return Columns(
            self.value[there],
            self.judged_at[there],
            self.is_keep[there],
            self.certified[there],
            self.kind[there],
            [self.experiment[at] for at in np.flatnonzero(there).tolist()],
        )


@dataclass(frozen=True, eq=False)
class Results:
    """The verdicts since `since` (Unix seconds), of experiments and their runs."""

    experiments: Sequence[Experiment]
    judgements: Sequence[Judgement]
    runs: Iterable[Run]
    since: float = 0.0
    minimize: bool = True

    def prepare(self) -> None:
        """Work all of it out."""
        for name, what in vars(type(self)).items():
            if isinstance(what, cached_property):
                getattr(self, name)

    @cached_property
    def rows(self) -> Sequence[Judgement]:
        """The verdicts, in order: one for each accelerator type of an experiment."""
        return verdict_rows(self.experiments, self.judgements, self.since)

    @cached_property
    def columns(self) -> Columns:
        """The verdicts as columns."""
        rows, nothing = self.rows, math.nan
        places = {kind: at for at, kind in enumerate(self.kinds)}
        return Columns(
            np.array([nothing if row.value is None else row.value for row in rows], np.float64),
            np.array([row.judged_at for row in rows], np.float64),
            np.array([row.verdict is Verdict.KEEP for row in rows], np.bool_),
            np.array([row.certified for row in rows], np.bool_),
            np.array([places[row.accelerator] for row in rows], np.int_),
            [row.experiment for row in rows],
        )

    @cached_property
    def kinds(self) -> Sequence[str]:
        """The accelerator types that verdicts are of, in the order of their names."""
        return sorted({row.accelerator for row in self.rows})

    @cached_property
    def rows_by_experiment(self) -> Mapping[str, Sequence[Judgement]]:
        """The verdicts of each experiment."""
        found: dict[str, list[Judgement]] = {}
        for row in self.rows:
            found.setdefault(row.experiment, []).append(row)
        return found

    @cached_property
    def baselines(self) -> frozenset[str]:
        """The unchanged starting points."""
        return frozenset(e.id for e in self.experiments if e.is_baseline)

    @cached_property
    def leaders(self) -> Sequence[Leader]:
        """The best of each accelerator type, that with most verdicts first."""
        return leaders(self.rows, self.baselines, self._measured, minimize=self.minimize)

    @cached_property
    def noise(self) -> Mapping[str, Noise]:
        """The spread of repeats on each accelerator type."""
        return noise_by_kind(self._measured)

    @cached_property
    def _measured(self) -> Mapping[str, Mapping[str, Sequence[float]]]:
        return measured(self.runs)

    @cached_property
    def gains(self) -> Sequence[Judgement]:
        """The verdicts that kept something, in their order, but for the baseline's."""
        return [
            row
            for row in self.rows
            if row.verdict is Verdict.KEEP and row.experiment not in self.baselines
        ]

    @cached_property
    def verdicts(self) -> Mapping[Verdict, int]:
        """How many experiments have each verdict."""
        found = dict.fromkeys(Verdict, 0)
        for experiment in self.experiments:
            if experiment.verdict is not None:
                found[experiment.verdict] += 1
        return found

    @cached_property
    def judged_at(self) -> Sequence[float]:
        """When experiments were judged, in order, in Unix seconds."""
        return sorted(e.judged_at for e in self.experiments if e.judged_at is not None)
