"""How a study stands, as every report of it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoresearch_tui.domain import Experiment, ExperimentStatus, Study
from autoresearch_tui.judge.claim import Leader, leaders, verdict_rows
from autoresearch_tui.store import Reader
from autoresearch_tui.usage import Split, Usage, split, usage


@dataclass(frozen=True, slots=True)
class Standing:
    """The study's row, its experiments by status, the best by accelerator type, and the use.

    `splits` says by cluster what its time went to.
    """

    study: Study
    counts: Mapping[ExperimentStatus, int]
    best: Sequence[Experiment]
    leaders: Sequence[Leader]
    usage: Usage
    splits: Mapping[str, Split]


def standing(reader: Reader, now: float) -> Standing:
    """How a study stands at `now`, in Unix seconds."""
    study, experiments, runs = reader.study(), reader.experiments(), reader.runs()
    lives, pauses = reader.lives(now), reader.pauses(now)
    return Standing(
        study,
        reader.experiment_counts(),
        [e for e in experiments if e.is_best],
        leaders(
            verdict_rows(experiments, reader.judgements(), study.task_since),
            {e.id for e in experiments if e.is_baseline},
            runs,
            minimize=study.minimize,
        ),
        usage(runs, lives, now),
        {cluster.name: split(cluster, runs, lives, pauses, now) for cluster in reader.clusters()},
    )
