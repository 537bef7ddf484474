"""A study as JSON."""

import dataclasses
import json
import time

from autoresearch_tui.control import engine_lives
from autoresearch_tui.judge.claim import Claim
from autoresearch_tui.report.standing import standing
from autoresearch_tui.store import Reader


def to_json(value: object) -> str:
    """JSON of values, sequences and mappings of our nouns; keys are the fields' names."""
    return json.dumps(value, default=_plain, ensure_ascii=False, indent=2)


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    raise TypeError(f"no JSON for {type(value).__name__}")


def status_object(reader: Reader) -> dict[str, object]:
    """The state of the study: its row, counts, the best experiments, the clusters, idle time."""
    now = time.time()
    stands = standing(reader, now)
    used = stands.usage
    known = stands.leaders[0].claim if stands.leaders else None
    return {
        "study": stands.study,
        "engine_alive": engine_lives(stands.study, now),
        "health": {"word": stands.health.word, "reason": stands.health.reason},
        "experiments": stands.counts,
        "best": stands.best,
        "claim": known and _claim_object(known),
        "by_accelerator": {
            each.accelerator: {
                "experiment": each.best.experiment,
                "value": each.best.value,
                "claim": each.claim and _claim_object(each.claim),
            }
            for each in stands.leaders
        },
        "clusters": reader.clusters(),
        "time_of_clusters": stands.splits,
        "idle_percent": used.idle_percent,
        "longest_gap_seconds": used.longest_gap,
    }


def _claim_object(known: Claim) -> dict[str, object]:
    return {
        "gain": known.gain,
        "tried": known.tried,
        "luck": known.luck,
        "beyond_luck": known.beyond_luck,
        "words": known.words,
    }


def study_object(reader: Reader) -> dict[str, object]:
    """The whole study: status, experiments, runs, the record."""
    return {
        **status_object(reader),
        "experiments": reader.experiments(),
        "judgements": reader.judgements(),
        "runs": reader.runs(),
        "events": reader.events(limit=1_000_000),
    }
