"""Proposals: taken in, let through or refused, by the operator or a countdown."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from autoresearch_tui.domain import ApprovalMode, Experiment, ExperimentStatus, StudyStatus
from autoresearch_tui.errors import ControlError
from autoresearch_tui.lifecycle.events import (
    Admitted,
    Approved,
    Cancelled,
    ModeSet,
    PrioritySet,
    Unapproved,
    Vetoed,
)
from autoresearch_tui.lifecycle.state import Draft, baseline_crashes
from autoresearch_tui.outbox import Do, Instruction

_S = ExperimentStatus
OPEN = (_S.PROPOSED, _S.QUEUED)


def admitted(draft: Draft, event: Admitted) -> None:
    """Take a proposal in; one that was rejected is on record as such."""
    experiment = event.experiment
    draft.put_experiment(
        replace(experiment, status=_S.PROPOSED, why=""), experiment.title, actor=event.actor
    )
    if experiment.is_baseline:
        # What was found out with an earlier one is open again.
        for cluster in list(draft.clusters.values()):
            draft.clusters[cluster.name] = replace(cluster, suspected="")
    elif experiment.pinned in baseline_crashes(draft):
        why = f"the baseline crashes on {experiment.pinned}"
        experiment = replace(experiment, status=_S.REJECTED, why=why)
    if experiment.status is _S.REJECTED:
        draft.put_experiment(experiment, actor=event.actor)
        return
    mode = draft.study.approval
    if experiment.is_baseline or mode is ApprovalMode.AUTO:
        draft.put_experiment(replace(experiment, status=_S.QUEUED), experiment.title)
    elif mode is ApprovalMode.VETO:
        deadline = draft.now + draft.settings.approval.countdown_seconds
        draft.put_experiment(replace(experiment, status=_S.PROPOSED, approve_at=deadline))
    incumbent = draft.incumbent(experiment.pinned or draft.leading)
    if event.follows and incumbent is not None and experiment.parent != incumbent.id:
        # The incumbent moved while the proposal was looked at.
        draft.order(Instruction(Do.REBASE, experiment.id, incumbent.id))


def approved(draft: Draft, event: Approved) -> None:
    """Let proposals run."""
    for each in _found(draft, event.experiments, (_S.PROPOSED,), "is not waiting for approval"):
        draft.put_experiment(
            replace(each, status=_S.QUEUED, approve_at=None), "approved", actor=event.actor
        )


def unapproved(draft: Draft, event: Unapproved) -> None:
    """Let approved proposals wait again, as long as no run of theirs is on its way."""
    found = _found(draft, event.experiments, (_S.QUEUED,), "cannot wait for approval again")
    for each in found:
        if any(run.cluster and not run.status.is_final for run in draft.runs_of(each.id)):
            raise ControlError(f"{each.id}: is on its way to a cluster already; veto or cancel it")
    for each in found:
        draft.put_experiment(
            replace(each, status=_S.PROPOSED), "approval taken back", actor=event.actor
        )


def vetoed(draft: Draft, event: Vetoed) -> None:
    """Refuse proposals; the researcher is told why."""
    for each in _found(draft, event.experiments, OPEN, "can no longer be vetoed"):
        refused = replace(each, status=_S.VETOED, why=event.why, approve_at=None)
        draft.put_experiment(refused, event.why, actor=event.actor)


def cancelled(draft: Draft, event: Cancelled) -> None:
    """End an experiment with all of its runs."""
    found = _found(draft, (event.experiment,), (*OPEN, _S.RUNNING), "has ended already")
    for each in found:
        cancel(draft, each, event.actor)


def cancel(draft: Draft, experiment: Experiment, actor: str) -> None:
    """Close an experiment as cancelled."""
    ended = replace(experiment, status=_S.CANCELLED, why=f"cancelled by {actor}", approve_at=None)
    draft.put_experiment(ended, f"cancelled by {actor}", actor=actor)


def mode_set(draft: Draft, event: ModeSet) -> None:
    """Change who lets proposals run; those that wait follow the new rule at once."""
    draft.put_study(approval=event.mode)
    draft.record("approval", f"approval mode {event.mode}", actor=event.actor)
    deadline = draft.now + draft.settings.approval.countdown_seconds
    for each in list(draft.experiments.values()):
        if each.status is not _S.PROPOSED:
            continue
        if event.mode is ApprovalMode.AUTO:
            let_through = replace(each, status=_S.QUEUED, approve_at=None)
            draft.put_experiment(let_through, "approval mode auto")
        else:
            at = deadline if event.mode is ApprovalMode.VETO else None
            draft.put_experiment(replace(each, approve_at=at))


def priority_set(draft: Draft, event: PrioritySet) -> None:
    """Change how urgent an experiment is."""
    found = draft.experiments.get(event.experiment)
    if found is None or found.status not in OPEN:
        raise ControlError(f"{event.experiment}: no experiment of this name waits")
    text = f"priority {event.priority}"
    draft.put_experiment(replace(found, priority=event.priority), text, actor=event.actor)


def count_down(draft: Draft) -> None:
    """Let each proposal through whose countdown has ended; a paused study decides nothing."""
    if draft.study.status is not StudyStatus.RUNNING:
        return
    for each in list(draft.experiments.values()):
        is_timed = each.status is _S.PROPOSED and each.approve_at is not None
        if is_timed and (each.approve_at or 0.0) <= draft.now:
            let_through = replace(each, status=_S.QUEUED, approve_at=None)
            draft.put_experiment(let_through, "no veto")


def renew_countdowns(draft: Draft) -> None:
    """Begin those anew that ran out while nobody could veto."""
    deadline = draft.now + draft.settings.approval.countdown_seconds
    for each in list(draft.experiments.values()):
        if each.approve_at is not None and each.approve_at < draft.now:
            draft.put_experiment(replace(each, approve_at=deadline))


def _found(
    draft: Draft, names: Sequence[str], statuses: Collection[ExperimentStatus], problem: str
) -> list[Experiment]:
    """The experiments of these names; all or none are acted on."""
    experiments: list[Experiment] = []
    for name in names:
        found = draft.experiments.get(name)
        if found is None:
            raise ControlError(f"{name}: {problem}; it has ended")
        if found.status not in statuses or found.is_baseline or found.verdict is not None:
            what = "is the baseline" if found.is_baseline else f"is {found.status}"
            raise ControlError(f"{name}: {problem}; it {what}")
        experiments.append(found)
    return experiments
