"""What has been measured and judged, and what follows from it; made anew only when that changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from autoresearch_tui.domain import Experiment, Judgement, Noise, Run, Verdict
from autoresearch_tui.judge.claim import Leader, leaders, noise_by_kind, verdict_rows


@dataclass(frozen=True, eq=False)
class Results:
    """The verdicts since `since` (Unix seconds), of experiments and their runs."""

    experiments: Sequence[Experiment]
    judgements: Sequence[Judgement]
    runs: Iterable[Run]
    since: float = 0.0
    minimize: bool = True

    @cached_property
    def rows(self) -> Sequence[Judgement]:
        """The verdicts, in order: one for each accelerator type of an experiment."""
        return verdict_rows(self.experiments, self.judgements, self.since)

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
        return leaders(self.rows, self.baselines, self.runs, minimize=self.minimize)

    @cached_property
    def noise(self) -> Mapping[str, Noise]:
        """The spread of repeats on each accelerator type."""
        return noise_by_kind(self.runs)

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
