"""Whether a study is fine, in one word with its reason; a function of values.

A process that lives is no proof: the word is computed from what comes of it.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from autoresearch_tui.domain import (
    Cluster,
    ClusterStatus,
    Judgement,
    Run,
    RunStatus,
    Study,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.spoken import count, duration

IDLE_SECONDS = 60.0
"""How long a cluster may have nothing to run before it counts as idle: gaps are no trouble."""

LEAST_BUSY = 0.8
"""Share of the last hour below which a study is called slow."""

_DOUBT_SECONDS = 3600.0
"""How long a result that is not believed is called trouble; it stays in the list."""

_STREAK = 3
_LEAST_RUNS = 3
_STUCK_FACTOR = 3.0
_COMING = (ClusterStatus.PROVISIONING, ClusterStatus.SETTING_UP)


class Word(StrEnum):
    """What an operator wants to know first."""

    HEALTHY = "HEALTHY"
    SLOW = "SLOW"
    STUCK = "STUCK"
    IDLE = "IDLE"
    STARTING = "STARTING"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    TROUBLE = "TROUBLE"
    DEAD = "DEAD"
    FINISHED = "FINISHED"


@dataclass(frozen=True, slots=True)
class Health:
    """The word, and the reason for it in a few words."""

    word: Word
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the word is computed from, at `now` in Unix seconds.

    `runs` are those that have not ended and those of the last hour at least, `rows` the verdicts in
    their order; `waiting` proposals wait for the operator. `silence` is for how many seconds an
    engine that should live has said nothing, None where all is well; `busy` the share of the last
    hour in which clusters executed runs, None where none has.
    """

    study: Study
    clusters: Sequence[Cluster]
    runs: Sequence[Run]
    waiting: int
    rows: Sequence[Judgement]
    silence: float | None
    busy: float | None
    now: float


def health(facts: Facts) -> Health:
    """How a study is; of several troubles the one that must be heeded first."""
    return (
        _ended(facts)
        or _alarm(facts)
        or _halted(facts)
        or _broken(facts)
        or _idle(facts)
        or _stuck(facts)
        or _slow(facts)
        or _healthy(facts)
    )


def _ended(facts: Facts) -> Health | None:
    study = facts.study
    if study.status is StudyStatus.FINISHED:
        return Health(Word.FINISHED, study.end_reason)
    if facts.silence is not None:
        return Health(Word.DEAD, f"no engine for {duration(facts.silence)}")
    return None


def _alarm(facts: Facts) -> Health | None:
    alarm = facts.study.alarm
    if not alarm:
        return None
    if alarm.startswith("stalled"):
        return Health(Word.STUCK, alarm.partition(": ")[2] or alarm)
    if alarm.startswith("nothing runs"):
        return Health(Word.IDLE, alarm)
    return Health(Word.TROUBLE, alarm)


def _halted(facts: Facts) -> Health | None:
    running = sum(run.status is RunStatus.RUNNING for run in facts.runs)
    left = f"{running} still run" if running else "nothing runs"
    if facts.study.status is StudyStatus.STOPPING:
        return Health(Word.STOPPING, left)
    if facts.study.status is StudyStatus.PAUSED:
        return Health(Word.PAUSED, left)
    return None


def _broken(facts: Facts) -> Health | None:
    doubtful = [
        row.experiment
        for row in facts.rows
        if row.verdict is Verdict.INCONCLUSIVE and facts.now - row.judged_at < _DOUBT_SECONDS
    ]
    if doubtful:
        return Health(Word.TROUBLE, f"{doubtful[-1]} is too good to be believed: look at it")
    if (streak := _crashes(facts)) >= _STREAK:
        return Health(Word.TROUBLE, f"the last {streak} have all crashed")
    bad = [c for c in facts.clusters if c.suspected or c.status is ClusterStatus.FAILED]
    if bad:
        first, others = bad[0], len(bad) - 1
        more = f" and {others} more" if others else ""
        why = first.suspected or first.note
        is_lost = "is suspected" if first.suspected else "failed"
        return Health(Word.TROUBLE, f"{first.name}{more} {is_lost}: {why}".rstrip(": "))
    return None


def _crashes(facts: Facts) -> int:
    """How many of the newest verdicts are crashes, without another between them."""
    streak = 0
    for row in reversed(facts.rows):
        if row.verdict is not Verdict.CRASH:
            break
        streak += 1
    return streak


def _idle(facts: Facts) -> Health | None:
    idle = _idle_clusters(facts)
    up = [c for c in facts.clusters if c.status is ClusterStatus.UP]
    if not up:
        coming = [c for c in facts.clusters if c.status in _COMING]
        note = next((c.note for c in coming if c.note), "")
        words = f"{len(coming)} of {len(facts.clusters)} clusters are coming up"
        if coming or not facts.clusters:
            words = words if facts.clusters else "no cluster yet"
            return Health(Word.STARTING, f"{words}: {note}" if note else words)
        return Health(Word.IDLE, "no cluster is up")
    if not idle:
        return None
    who = count(len(idle), "cluster")
    if facts.waiting:
        return Health(
            Word.IDLE, f"{who} idle while {count(facts.waiting, 'proposal')} wait for you"
        )
    if len(idle) < len(up):
        return None
    if facts.study.researcher in ("", "none"):
        return Health(Word.IDLE, "no researcher, and no proposal from outside")
    return Health(Word.IDLE, f"nothing to run: {facts.study.researcher_state or 'no proposal'}")


def _idle_clusters(facts: Facts) -> list[Cluster]:
    used = {run.cluster for run in facts.runs if not run.status.is_final}
    ends: dict[str, float] = {}
    for run in facts.runs:
        if run.cluster is not None and run.ended_at is not None:
            ends[run.cluster] = max(ends.get(run.cluster, 0.0), run.ended_at)
    return [
        c
        for c in facts.clusters
        if c.status is ClusterStatus.UP
        and not c.suspected
        and c.name not in used
        and facts.now - max(ends.get(c.name, 0.0), c.up_at or c.created_at) > IDLE_SECONDS
    ]


def _stuck(facts: Facts) -> Health | None:
    took = [
        run.seconds
        for run in facts.runs
        if run.status is RunStatus.SUCCEEDED and run.seconds is not None
    ]
    begun = [r.started_at for r in facts.runs if r.status is RunStatus.RUNNING and r.started_at]
    if len(took) < _LEAST_RUNS or not begun:
        return None
    usual = statistics.median(took)
    last = max((run.ended_at or 0.0 for run in facts.runs), default=0.0)
    silent = facts.now - max(last, min(begun))
    if silent <= max(_STUCK_FACTOR * usual, IDLE_SECONDS):
        return None
    return Health(Word.STUCK, f"no run has ended for {duration(silent)}; usual {duration(usual)}")


def _slow(facts: Facts) -> Health | None:
    ended = sum(run.status.is_final and run.started_at is not None for run in facts.runs)
    if facts.busy is None or facts.busy >= LEAST_BUSY or ended < _LEAST_RUNS:
        return None
    idle = len(_idle_clusters(facts))
    now = f", {idle} idle now" if idle else ""
    return Health(Word.SLOW, f"clusters were busy {100 * facts.busy:.0f}% of the last hour{now}")


def _healthy(facts: Facts) -> Health:
    running = len({run.cluster for run in facts.runs if run.status is RunStatus.RUNNING})
    up = sum(cluster.status is ClusterStatus.UP for cluster in facts.clusters)
    return Health(Word.HEALTHY, f"{running}/{max(up, running)} busy")
