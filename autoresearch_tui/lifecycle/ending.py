"""Pauses and ends: the operator's, and those of limits."""

from autoresearch_tui.domain import RunStatus, StudyStatus
from autoresearch_tui.errors import ControlError
from autoresearch_tui.lifecycle.deciding import cancel, renew_countdowns
from autoresearch_tui.lifecycle.events import Leaving, Paused, Resumed, Stopped
from autoresearch_tui.lifecycle.judging import is_due
from autoresearch_tui.lifecycle.running import ON_CLUSTER
from autoresearch_tui.lifecycle.state import Draft, Ending
from autoresearch_tui.outbox import Do, Instruction

_URGENT = (Do.SUBMIT, Do.FIND, Do.WITHDRAW, Do.CANCEL)
"""What is still carried out before an engine leaves, unless that fails."""

_AWAITED = (Do.PUBLISH, Do.COMBINE)
"""What is still carried out too before a study is over, if it can be."""

_MOST_TRIES = 4
"""Failures after which a study ends without: a full disk must not hold it for ever."""

_PATIENCE = 10.0
"""Seconds for which an engine that is told to go waits for clusters to answer."""


def paused(draft: Draft, event: Paused) -> None:
    """Start nothing until further notice; what runs goes on."""
    _switch(draft, StudyStatus.RUNNING, StudyStatus.PAUSED, event.actor)


def resumed(draft: Draft, event: Resumed) -> None:
    """Go on; the operator has seen whatever alarm there was, and can veto as if all were new."""
    _switch(draft, StudyStatus.PAUSED, StudyStatus.RUNNING, event.actor)
    draft.put_study(alarm="")
    draft.remember(crashes=0)
    renew_countdowns(draft)


def _switch(draft: Draft, before: StudyStatus, after: StudyStatus, actor: str) -> None:
    now = draft.study.status
    if now is after:
        return
    if now is not before:
        raise ControlError(f"the study is {now}")
    draft.put_study(status=after)
    draft.record(f"study.{after}", "", actor=actor)


def stopped(draft: Draft, event: Stopped) -> None:
    """Wind the study down."""
    stop(draft, event.reason, event.actor)
    if not event.at_once:
        return
    for each in list(draft.experiments.values()):
        runs = [run for run in draft.runs_of(each.id) if run.status in ON_CLUSTER]
        if each.is_baseline:
            # It stays what everything is compared to; only its runs end.
            for run in runs:
                draft.order(Instruction(Do.CANCEL, run.id, run.cluster or ""))
        elif any(run.status is RunStatus.RUNNING for run in runs) and not each.status.is_final:
            cancel(draft, each, event.actor)


def stop(draft: Draft, reason: str, actor: str = "engine") -> None:
    """Start nothing more, and end once what runs has ended."""
    if draft.study.status not in (StudyStatus.STOPPING, StudyStatus.FINISHED):
        draft.put_study(status=StudyStatus.STOPPING, end_reason=reason)
        draft.record("study.stopping", reason, actor=actor)


def leaving(draft: Draft, event: Leaving) -> None:
    """Have waiting runs taken back: another engine may come late, or never."""
    if draft.memory.leaving is None:
        leave_by = draft.now + _PATIENCE
        draft.remember(leaving=Ending(event.reason, event.code), leave_by=leave_by)


def heed_limits(draft: Draft) -> None:
    """End a study whose limit is reached."""
    study = draft.study
    if study.status in (StudyStatus.RUNNING, StudyStatus.PAUSED) and (reason := _limit(draft)):
        stop(draft, reason)


def _limit(draft: Draft) -> str:
    study = draft.study
    if study.max_experiments is not None and draft.judged >= study.max_experiments:
        return f"{draft.judged} experiments judged (limits.max_experiments)"
    if study.deadline is not None and draft.now >= study.deadline:
        return "the time is up (limits.max_hours)"
    if study.budget_usd is not None and study.spent_usd >= study.budget_usd:
        return f"${study.spent_usd:.2f} spent (limits.budget_usd)"
    return ""


def finish(draft: Draft) -> None:
    """End a study that winds down, or an engine that leaves, once nothing is left to wait for."""
    if draft.ending is None and draft.memory.leaving is not None:
        _leave(draft, draft.memory.leaving)
    if draft.study.status is not StudyStatus.STOPPING or draft.ending is not None:
        return
    live = any(r.status in ON_CLUSTER for runs in draft.runs.values() for r in runs)
    awaited = any(
        order.do in _URGENT or (order.do in _AWAITED and order.tries < _MOST_TRIES)
        for order in draft.outbox.values()
    )
    if not live and not awaited and not is_due(draft):
        draft.ending = Ending(draft.study.end_reason)
        over = {"status": StudyStatus.FINISHED, "ended_at": draft.now, "alarm": ""}
        draft.put_study(**over, researcher_state="")
        draft.record("study.finished", draft.study.end_reason)


def _leave(draft: Draft, ending: Ending) -> None:
    awaited = [
        order
        for order in draft.outbox.values()
        if order.do in _URGENT and not order.tries and order.not_before <= draft.now
    ]
    if not awaited or draft.now >= draft.memory.leave_by:
        draft.record("engine.stopped", ending.reason)
        draft.ending = ending
