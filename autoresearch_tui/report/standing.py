"""How a study stands, as every report of it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoresearch_tui.control import engine_lives
from autoresearch_tui.domain import Experiment, ExperimentStatus, Study, StudyStatus
from autoresearch_tui.health import Facts, Health, health
from autoresearch_tui.judge.claim import Leader, leaders, measured, verdict_rows
from autoresearch_tui.store import Reader
from autoresearch_tui.usage import Split, Usage, split, usage

_LATELY = 3600.0
"""Seconds that count for how busy the clusters are."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The study's row, its experiments by status, the best by accelerator type, and the use.

    `splits` says by cluster what its time went to, `health` in a word how it is.
    """

    study: Study
    counts: Mapping[ExperimentStatus, int]
    best: Sequence[Experiment]
    leaders: Sequence[Leader]
    usage: Usage
    splits: Mapping[str, Split]
    health: Health


def standing(reader: Reader, now: float) -> Standing:
    """How a study stands at `now`, in Unix seconds."""
    study, experiments, runs = reader.study(), reader.experiments(), reader.runs()
    lives, pauses = reader.lives(now), reader.pauses(now)
    counts = reader.experiment_counts()
    rows = verdict_rows(experiments, reader.judgements(), study.task_since)
    clusters = reader.clusters()
    is_over = study.status is StudyStatus.FINISHED
    end = (study.ended_at or now) if is_over else now
    facts = Facts(
        study,
        clusters,
        runs,
        counts.get(ExperimentStatus.PROPOSED, 0),
        rows,
        None if is_over or engine_lives(study, now) else study.silence(now),
        usage(runs, lives, end, since=end - _LATELY).busy_share,
        end,
    )
    return Standing(
        study,
        counts,
        [e for e in experiments if e.is_best],
        leaders(
            rows,
            {e.id for e in experiments if e.is_baseline},
            measured(runs),
            minimize=study.minimize,
        ),
        usage(runs, lives, now),
        {cluster.name: split(cluster, runs, lives, pauses, now) for cluster in clusters},
        health(facts),
    )
