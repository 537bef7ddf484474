"""Experiments that have not started follow the incumbent."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from autoresearch_tui.domain import Experiment, ExperimentStatus, RunStatus
from autoresearch_tui.lifecycle.deciding import OPEN
from autoresearch_tui.lifecycle.events import Rebased, Unfit
from autoresearch_tui.lifecycle.state import Draft, State
from autoresearch_tui.outbox import Do, Instruction

_WITH_CLUSTER = (RunStatus.SUBMITTING, RunStatus.QUEUED)


def plan_moves(draft: Draft, incumbent: Experiment, accelerator: str) -> None:
    """Have everything rebased that can follow a new incumbent of an accelerator type."""
    for each in list(draft.experiments.values()):
        follows = (each.pinned or draft.leading) == accelerator
        if follows and each.parent != incumbent.id and _can_move(draft, each):
            draft.order(Instruction(Do.REBASE, each.id, incumbent.id))


def rebased(draft: Draft, event: Rebased) -> None:
    """Edits stand on a new parent: taken over at once, or when the run has left its queue."""
    order = draft.outbox.get(Instruction(Do.REBASE, event.experiment).key)
    experiment = draft.experiments.get(event.experiment)
    if order is None or order.target != event.parent:
        # There is a newer incumbent already, or it is over.
        return
    draft.outbox.remove(order.key)
    if experiment is not None and _can_move(draft, experiment):
        draft.remember(moves={**draft.memory.moves, experiment.id: event.facts})


def unfit(draft: Draft, event: Unfit) -> None:
    """What does not apply any more goes back to whoever proposed it."""
    draft.outbox.remove(Instruction(Do.REBASE, event.experiment).key)
    experiment = draft.experiments.get(event.experiment)
    if experiment is not None and _can_move(draft, experiment):
        status = ExperimentStatus.SUPERSEDED
        closed = replace(experiment, status=status, why=event.why, approve_at=None)
        draft.put_experiment(closed, event.why)


def follow(draft: Draft) -> None:
    """Give experiments their new parents as soon as no run of theirs is with a cluster."""
    for name, facts in list(draft.memory.moves.items()):
        experiment = draft.experiments.get(name)
        if experiment is None or not _can_move(draft, experiment):
            _forget(draft, name)
        elif not any(run.status in _WITH_CLUSTER for run in draft.runs_of(name)):
            _forget(draft, name)
            _move(draft, experiment, facts)


def is_moving(state: State | Draft, experiment: str) -> bool:
    """Whether the files of an experiment are about to be replaced."""
    order = Instruction(Do.REBASE, experiment).key
    return order in state.outbox or experiment in state.memory.moves


def _move(draft: Draft, experiment: Experiment, facts: Mapping[str, Any]) -> None:
    moved = replace(experiment, **facts)
    draft.put_experiment(moved, f"rebased onto {moved.parent}")
    for run in draft.runs_of(experiment.id):
        if run.status is RunStatus.PENDING:
            draft.put_run(replace(run, commit=moved.commit))


def _can_move(draft: Draft, experiment: Experiment) -> bool:
    """Whether nothing of it has started, so that its files may still be others."""
    if experiment.status not in OPEN or experiment.is_baseline or experiment.verdict is not None:
        return False
    return not any(
        run.status is RunStatus.RUNNING or (run.status.is_final and run.counts)
        for run in draft.runs_of(experiment.id)
    )


def _forget(draft: Draft, name: str) -> None:
    moves = {key: facts for key, facts in draft.memory.moves.items() if key != name}
    draft.remember(moves=moves)
