"""The one door: an event in, a draft of everything that follows from it out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from autoresearch_tui.domain import ExperimentStatus
from autoresearch_tui.lifecycle import (
    alarms,
    clusters,
    deciding,
    ending,
    events,
    judging,
    moving,
    running,
    scheduling,
    starting,
    tasks,
    turns,
)
from autoresearch_tui.lifecycle.events import Event
from autoresearch_tui.lifecycle.state import Draft, IllegalTransition, State

_HANDLERS: dict[type, Callable[[Draft, Any], None]] = {
    events.Started: starting.started,
    events.TaskChanged: tasks.changed,
    events.Ticked: clusters.ticked,
    events.Noted: clusters.noted,
    events.Admitted: deciding.admitted,
    events.TurnSeen: turns.seen,
    events.Approved: deciding.approved,
    events.Unapproved: deciding.unapproved,
    events.Vetoed: deciding.vetoed,
    events.Cancelled: deciding.cancelled,
    events.Accepted: judging.accepted,
    events.RunsWanted: judging.runs_wanted,
    events.ModeSet: deciding.mode_set,
    events.PrioritySet: deciding.priority_set,
    events.Paused: ending.paused,
    events.Resumed: ending.resumed,
    events.Stopped: ending.stopped,
    events.Leaving: ending.leaving,
    events.Rebased: moving.rebased,
    events.Unfit: moving.unfit,
    events.Submitted: running.submitted,
    events.LookedUp: running.looked_up,
    events.Withdrawn: running.withdrawn,
    events.Done: running.done,
    events.Failed: running.failed,
    events.ClusterSeen: clusters.seen,
    events.JobSeen: running.job_seen,
    events.JobEnded: running.job_ended,
}


def handle(state: State, event: Event, now: float) -> Draft:
    """What follows from an event at `now` (Unix seconds); `state` is left as it is.

    A defect of ours never ends the study: what it concerns is set aside, with its story on record.

    Raises:
        ControlError: the operator asked for what is not possible; nothing is changed.
    """
    try:
        return _handle(state, event, now)
    except IllegalTransition as error:
        draft = Draft(state, now)
        _set_aside(draft, error, event)
        return draft


def _handle(state: State, event: Event, now: float) -> Draft:
    draft = Draft(state, now)
    _HANDLERS[type(event)](draft, event)
    _settle(draft)
    return draft


def _settle(draft: Draft) -> None:
    """Bring everything that follows from runs, clusters and limits into line."""
    ending.heed_limits(draft)
    deciding.count_down(draft)
    judging.judge_ready(draft)
    judging.close_off(draft)
    alarms.heed_crashes(draft)
    moving.follow(draft)
    running.put_right(draft)
    scheduling.schedule(draft)
    alarms.watch(draft)
    judging.derive(draft)
    ending.finish(draft)


def _set_aside(draft: Draft, error: IllegalTransition, event: Event) -> None:
    found = draft.experiments.get(error.experiment)
    runs = ", ".join(f"{r.id} {r.status}" for r in draft.runs_of(error.experiment))
    story = f"a defect: {error}, after {event!r}; its runs: {runs}"
    draft.record("defect", story[:2000], subject=error.experiment)
    if found is not None and not found.is_baseline:
        status, why = ExperimentStatus.SET_ASIDE, f"set aside: {error}"
        draft.put_experiment(replace(found, status=status, why=why))
