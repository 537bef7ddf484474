"""Runs: their way to a cluster, their ends and whose fault these were."""

from dataclasses import replace

from autoresearch_tui.domain import (
    Blame,
    ClusterStatus,
    Experiment,
    ExperimentStatus,
    Run,
    RunStatus,
    StudyStatus,
)
from autoresearch_tui.lifecycle.events import (
    Answer,
    Done,
    Failed,
    JobEnded,
    JobSeen,
    LookedUp,
    Submitted,
    Withdrawn,
)
from autoresearch_tui.lifecycle.state import Draft, State
from autoresearch_tui.lifecycle.trust import crashed_on, lost_by, set_aside, succeeded_on
from autoresearch_tui.outbox import Do, Instruction, pause_after

ON_CLUSTER = (RunStatus.SUBMITTING, RunStatus.QUEUED, RunStatus.RUNNING)
"""Of a run that is with a cluster, or on its way there."""

_BLAMES = {
    RunStatus.FAILED: Blame.EXPERIMENT,
    RunStatus.TIMED_OUT: Blame.EXPERIMENT,
    RunStatus.LOST: Blame.CLUSTER,
    RunStatus.CANCELLED: Blame.STUDY,
}

_ASK_AGAIN = 30.0
"""Seconds after which a run that was cancelled, and still runs, is cancelled again."""

_NEWEST = 30
"""Runs whose durations are remembered."""


def submitted(draft: Draft, event: Submitted) -> None:
    """A submission was answered, perhaps after the run has been seen running or ended."""
    run = _current(draft, event.job)
    if run is None or run.cluster != event.cluster:
        return
    draft.outbox.remove(Instruction(Do.SUBMIT, run.id).key)
    if run.status is not RunStatus.SUBMITTING:
        return
    if event.answer is Answer.ACCEPTED:
        _relax(draft, run.cluster or "")
        draft.put_run(replace(run, status=RunStatus.QUEUED, submitted_at=draft.now))
    elif event.answer is Answer.UNKNOWN:
        draft.record("run", f"submission not answered: {event.why}", subject=run.id)
        draft.order(Instruction(Do.FIND, run.id, run.cluster or ""))
        _hold_off(draft, run.cluster or "")
    elif event.answer is Answer.REFUSED:
        if event.why:
            _hold_off(draft, run.cluster or "")
            lost_by(draft, run.cluster or "", event.why)
        _take_back(draft, run, event.why)
    else:
        _cannot_lay_out(draft, run, event.why)


def _cannot_lay_out(draft: Draft, run: Run, why: str) -> None:
    """It is no cluster's fault: only its experiment waits, and not for ever."""
    _take_back(draft, run, why)
    tries = _hold_off(draft, run.experiment)
    found = draft.experiments.get(run.experiment)
    if found is None or tries < draft.settings.scheduler.max_attempts:
        return
    if found.is_baseline:
        draft.give_up(f"the baseline's files cannot be laid out: {why}")
    else:
        set_aside(draft, found, f"its files cannot be laid out: {why}")


def looked_up(draft: Draft, event: LookedUp) -> None:
    """What became of a submission that was not answered."""
    run = _current(draft, event.job)
    if run is None or run.cluster != event.cluster:
        return
    draft.outbox.remove(Instruction(Do.FIND, run.id).key)
    if run.status is not RunStatus.SUBMITTING:
        return
    if event.found:
        draft.put_run(replace(run, status=RunStatus.QUEUED, submitted_at=draft.now))
    else:
        _take_back(draft, run, "never reached its cluster")


def withdrawn(draft: Draft, event: Withdrawn) -> None:
    """A run left its queue, or had left it already by starting."""
    run = _current(draft, event.job)
    if run is None or run.cluster != event.cluster:
        return
    key = Instruction(Do.WITHDRAW, run.id).key
    order = draft.outbox.get(key)
    draft.outbox.remove(key)
    if run.status is not RunStatus.QUEUED:
        return
    if event.taken:
        _take_back(draft, run, order.text if order else "")
        return
    moves = dict(draft.memory.moves)
    moves.pop(run.experiment, None)
    draft.remember(moves=moves)
    if _is_closed(draft, run):
        draft.order(Instruction(Do.CANCEL, run.id, run.cluster or ""))
    else:
        # It has started, which its cluster will say; until then it is not asked for again at once.
        later = draft.now + pause_after(2)
        draft.order(Instruction(Do.WITHDRAW, run.id, run.cluster or "", not_before=later))


def done(draft: Draft, event: Done) -> None:
    """An instruction was carried out."""
    found = draft.outbox.get(event.key)
    if found is None:
        return
    if found.do in (Do.CANCEL, Do.WAKE):
        # It stands until the cluster reports what it leads to.
        draft.order(replace(found, not_before=draft.now + _ASK_AGAIN))
        return
    draft.outbox.remove(event.key)
    if found.do is Do.PUBLISH and event.note and (its := draft.experiments.get(found.subject)):
        draft.put_experiment(replace(its, why=f"{its.why}; {event.note}"))


def failed(draft: Draft, event: Failed) -> None:
    """An instruction stays until it can be carried out."""
    found = draft.outbox.get(event.key)
    if found is None:
        return
    if found.do in (Do.EVICT, Do.FORGET, Do.COMBINE) and found.tries >= 5:
        draft.outbox.remove(event.key)
        draft.record("engine", f"given up: {event.key}: {event.why}", subject=found.subject)
        return
    tries = found.tries + 1
    later = draft.now + pause_after(tries)
    draft.order(replace(found, tries=tries, not_before=later))


def job_seen(draft: Draft, event: JobSeen) -> None:
    """A cluster has a job."""
    run = _current(draft, event.job)
    if run is None or run.status.is_final or not _is_here(run, event.cluster):
        draft.order(Instruction(Do.EVICT, event.job, event.cluster))
        return
    now = RunStatus.RUNNING if event.is_running else RunStatus.QUEUED
    if run.status is RunStatus.PENDING:
        # It was thought absent and came after all.
        cluster = draft.clusters.get(event.cluster)
        kind = cluster.accelerator if cluster else run.accelerator
        run = replace(run, cluster=event.cluster, accelerator=kind)
    elif run.status is RunStatus.RUNNING or now is run.status:
        return
    if now is RunStatus.QUEUED and run.status is RunStatus.SUBMITTING:
        # The submission's own answer says so.
        return
    draft.outbox.remove(Instruction(Do.FIND, run.id).key)
    at = run.submitted_at if run.submitted_at is not None else draft.now
    draft.put_run(replace(run, status=now, started_at=event.started_at, submitted_at=at))


def job_ended(draft: Draft, event: JobEnded) -> None:
    """A job is over: the run with it, unless it was lost without its own fault."""
    draft.order(Instruction(Do.FORGET, event.job, event.cluster))
    run = _current(draft, event.job)
    if run is None or run.status.is_final or not _is_here(run, event.cluster):
        return
    _forget_orders(draft, run)
    began = event.started_at if event.started_at is not None else run.started_at
    ended = event.ended_at if event.ended_at is not None else draft.now
    run = replace(run, cost=run.cost + _cost(draft, event.cluster, began, ended))
    is_back = event.status in (RunStatus.LOST, RunStatus.CANCELLED)
    if is_back and not _is_closed(draft, run):
        _try_again(draft, run, event, began)
        return
    draft.put_run(
        replace(
            run,
            status=event.status,
            cluster=event.cluster,
            value=event.value,
            metrics=event.metrics,
            why=event.why,
            exit_code=event.exit_code,
            started_at=began,
            ended_at=ended,
            blame=_BLAMES.get(event.status),
        )
    )
    if event.status is RunStatus.SUCCEEDED:
        succeeded_on(draft, event.cluster)
        if began is not None:
            newest = (*draft.memory.durations, ended - began)[-_NEWEST:]
            draft.remember(durations=newest)
    elif event.status is RunStatus.FAILED:
        crashed_on(draft, event.cluster)
    draft.remember(ended_at=draft.now)


def _try_again(draft: Draft, run: Run, event: JobEnded, began: float | None) -> None:
    """A machine, or somebody, ended it: its own code is not to blame."""
    if event.status is RunStatus.LOST:
        lost_by(draft, event.cluster, event.why)
    run = replace(run, attempt=run.attempt + 1, losses=run.losses + (began is not None))
    if run.losses < draft.settings.scheduler.max_attempts:
        _take_back(draft, run, event.why)
        return
    found = draft.experiments.get(run.experiment)
    why = f"lost {run.losses} times, the last time on {event.cluster}: {event.why}"
    if found is not None and found.is_baseline:
        # Everything is compared to it: it is never given up, but somebody has to look.
        _take_back(draft, run, event.why)
        if draft.study.status is StudyStatus.RUNNING:
            text = f"the baseline was {why}"
            draft.put_study(status=StudyStatus.PAUSED, alarm=text)
            draft.record("alarm.baseline", text, subject=run.id)
        return
    blame = Blame.CLUSTER if event.status is RunStatus.LOST else Blame.STUDY
    draft.put_run(
        replace(
            run, status=event.status, why=why, started_at=began, ended_at=draft.now, blame=blame
        )
    )
    if found is not None:
        set_aside(draft, found, f"{run.id} {why}")


def put_right(draft: Draft) -> None:
    """Have runs taken out of queues, or ended, that should not be where they are."""
    for experiment in list(draft.experiments.values()):
        for run in draft.runs_of(experiment.id):
            _put_right(draft, experiment, run)


def is_wanted(state: State | Draft, run: Run) -> bool:
    """Whether a run that has not started may start."""
    experiment = state.experiments.get(run.experiment)
    return experiment is not None and not _why_not_here(state, experiment, run)


def _put_right(draft: Draft, experiment: Experiment, run: Run) -> None:
    is_closed = experiment.status.is_final
    if run.status is RunStatus.PENDING and is_closed:
        why = experiment.why or str(experiment.status)
        draft.put_run(replace(run, status=RunStatus.CANCELLED, why=why, blame=Blame.STUDY))
    elif run.status is RunStatus.QUEUED:
        why = _why_not_here(draft, experiment, run)
        cancel, order = (
            Instruction(do, run.id, run.cluster or "") for do in (Do.CANCEL, Do.WITHDRAW)
        )
        if why and order.key not in draft.outbox and cancel.key not in draft.outbox:
            draft.order(replace(order, text=why))
    elif run.status is RunStatus.RUNNING:
        draft.outbox.remove(Instruction(Do.WITHDRAW, run.id).key)
        order = Instruction(Do.CANCEL, run.id, run.cluster or "")
        if is_closed and order.key not in draft.outbox:
            draft.order(order)


def _why_not_here(state: State | Draft, experiment: Experiment, run: Run) -> str:
    """Why a run should not wait where it does; empty when it should."""
    if experiment.status.is_final:
        return f"its experiment is {experiment.status}"
    if experiment.status is ExperimentStatus.PROPOSED:
        return "approval taken back"
    if experiment.id in state.memory.moves:
        return "its experiment has moved to a new parent"
    if state.memory.leaving:
        return "the engine ends"
    if state.study.status is not StudyStatus.RUNNING:
        return f"the study is {state.study.status}"
    cluster = state.clusters.get(run.cluster or "")
    if cluster is not None and cluster.status is ClusterStatus.DRAINING:
        return f"{cluster.name} is on its way out"
    if cluster is not None and cluster.suspected:
        return f"{cluster.name} is suspected"
    return ""


def _take_back(draft: Draft, run: Run, why: str) -> None:
    """Let a run wait for a cluster again, or end where nobody wants it any more."""
    _forget_orders(draft, run)
    if _is_closed(draft, run):
        status = RunStatus.CANCELLED
        draft.put_run(
            replace(run, status=status, why=why, blame=Blame.STUDY, ended_at=draft.now), why
        )
        return
    draft.put_run(
        replace(
            run,
            status=RunStatus.PENDING,
            cluster=None,
            accelerator=_bound_to(draft, run),
            submitted_at=None,
            started_at=None,
        ),
        why,
    )


def _bound_to(draft: Draft, run: Run) -> str | None:
    """The accelerator type that a run cannot leave: others of its experiment ran there."""
    found = draft.experiments.get(run.experiment)
    if found is None or found.is_baseline:
        return run.accelerator
    others = [r for r in draft.runs_of(run.experiment) if r.id != run.id]
    return next((r.accelerator for r in others if r.accelerator and r.counts), None)


def lose_cluster(draft: Draft, cluster: str, why: str) -> None:
    """Everything that was with a cluster is gone with it."""
    for runs in list(draft.runs.values()):
        for run in runs:
            if run.cluster == cluster and run.status in (RunStatus.QUEUED, RunStatus.RUNNING):
                lost = JobEnded(
                    run.job, cluster, RunStatus.LOST, why=why, started_at=run.started_at
                )
                job_ended(draft, lost)
                draft.outbox.remove(Instruction(Do.FORGET, run.job, cluster).key)


def _forget_orders(draft: Draft, run: Run) -> None:
    for do in (Do.SUBMIT, Do.FIND, Do.WITHDRAW, Do.CANCEL):
        draft.outbox.remove(Instruction(do, run.id).key)


def _current(draft: Draft, job: str) -> Run | None:
    """The run whose newest attempt a job is."""
    run = draft.find_run(job)
    return run if run is not None and run.job == job else None


def _is_here(run: Run, cluster: str) -> bool:
    return run.status is RunStatus.PENDING or run.cluster == cluster


def _is_closed(draft: Draft, run: Run) -> bool:
    found = draft.experiments.get(run.experiment)
    return found is None or found.status.is_final


def _cost(draft: Draft, cluster: str, began: float | None, ended: float) -> float:
    found = draft.clusters.get(cluster)
    if found is None or began is None:
        return 0.0
    return found.price * max(ended - began, 0.0) / 3600


def _hold_off(draft: Draft, subject: str) -> int:
    """Start nothing there for a while, longer each time; how often it was necessary in a row."""
    tries = draft.memory.holdoffs.get(subject, (0.0, 0))[1] + 1
    later = draft.now + pause_after(tries)
    draft.remember(holdoffs={**draft.memory.holdoffs, subject: (later, tries)})
    return tries


def _relax(draft: Draft, subject: str) -> None:
    if subject in draft.memory.holdoffs:
        kept = {name: v for name, v in draft.memory.holdoffs.items() if name != subject}
        draft.remember(holdoffs=kept)
