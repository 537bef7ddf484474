"""Keeps the queue of every cluster full."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from autoresearch_tui.domain import (
    Cluster,
    ClusterStatus,
    Experiment,
    ExperimentStatus,
    Run,
    RunKind,
    RunStatus,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.lifecycle.assignment import Need, Room, assign
from autoresearch_tui.lifecycle.moving import is_moving
from autoresearch_tui.lifecycle.running import ON_CLUSTER
from autoresearch_tui.lifecycle.state import Draft
from autoresearch_tui.outbox import Do, Instruction

_WAITING = (ExperimentStatus.QUEUED, ExperimentStatus.RUNNING, ExperimentStatus.JUDGED)


def schedule(draft: Draft) -> None:
    """Decide which runs go to which clusters now, and have them submitted."""
    if draft.study.status is not StudyStatus.RUNNING or draft.memory.leaving or draft.ending:
        return
    rooms = _rooms(draft)
    asleep = [c for c in draft.clusters.values() if c.status is ClusterStatus.STOPPED]
    if not asleep and not any(room.load < room.limit for room in rooms):
        return
    needs = [need for each in _waiting(draft) for need in needs_of(draft, each)]
    placed = assign(needs, rooms)
    if asleep:
        _wake(draft, asleep, needs, placed)
    for name, cluster in placed:
        experiment, place = draft.experiments.get(name), draft.clusters.get(cluster)
        if experiment is not None and place is not None:
            _send(draft, experiment, place)


def _wake(
    draft: Draft,
    asleep: Sequence[Cluster],
    needs: Sequence[Need],
    placed: Sequence[tuple[str, str]],
) -> None:
    """Have as many clusters brought up as runs find no room, and no more."""
    left = Counter({need.experiment: need.runs for need in needs})
    left.subtract(name for name, _ in placed)
    kinds = [need.accelerator for need in needs for _ in range(left[need.experiment])]
    for cluster in asleep:
        kind = next((k for k in kinds if k in (None, cluster.accelerator)), "")
        order = Instruction(Do.WAKE, cluster.name, cluster.name)
        if kind == "":
            draft.outbox.remove(order.key)
            continue
        kinds.remove(kind)
        if order.key not in draft.outbox:
            draft.order(order)


def _waiting(draft: Draft) -> list[Experiment]:
    """Approved experiments that may want runs, the most urgent first."""
    found = [
        each
        for each in draft.experiments.values()
        if each.status in _WAITING
        and not is_moving(draft, each.id)
        and draft.memory.holdoffs.get(each.id, (0.0, 0))[0] <= draft.now
    ]
    return sorted(found, key=lambda e: (not e.is_baseline, -e.priority, e.number))


def needs_of(draft: Draft, experiment: Experiment) -> Sequence[Need]:
    """The runs that an experiment still wants, by the accelerator types that they are bound to."""
    runs = draft.runs_of(experiment.id)
    if not experiment.is_baseline:
        bound = (experiment.pinned, *(run.accelerator for run in runs if run.counts))
        kinds = [next((kind for kind in bound if kind), experiment.accelerator)]
    else:
        # Nothing on an accelerator type can be judged before the baseline has run there.
        asleep = [c for c in draft.clusters.values() if c.status is ClusterStatus.STOPPED]
        kinds = list(dict.fromkeys(each.accelerator for each in (*_usable(draft), *asleep)))
        known = [draft.judgements.get((experiment.id, kind)) for kind in kinds]
        pairs = zip(kinds, known, strict=True)
        kinds = [kind for kind, its in pairs if its is None or its.verdict is not Verdict.CRASH]
    needs: list[Need] = []
    for kind in kinds:
        here = [run for run in runs if kind is None or run.accelerator in (None, kind)]
        placed = sum(run.counts and run.status is not RunStatus.PENDING for run in here)
        if (missing := experiment.runs_wanted - placed) > 0:
            needs.append(Need(experiment.id, missing, kind))
    return needs


def _usable(draft: Draft) -> list[Cluster]:
    return [c for c in draft.clusters.values() if c.status is ClusterStatus.UP and not c.suspected]


def _rooms(draft: Draft) -> list[Room]:
    load = Counter(
        run.cluster for runs in draft.runs.values() for run in runs if run.status in ON_CLUSTER
    )
    limit = 1 + draft.settings.scheduler.queue_depth
    return [
        Room(cluster.name, cluster.accelerator, load[cluster.name], limit)
        for cluster in _usable(draft)
        if draft.memory.holdoffs.get(cluster.name, (0.0, 0))[0] <= draft.now
    ]


def _send(draft: Draft, experiment: Experiment, cluster: Cluster) -> None:
    runs = draft.runs_of(experiment.id)
    waiting = (
        run
        for run in runs
        if run.status is RunStatus.PENDING and run.accelerator in (None, cluster.accelerator)
    )
    run = next(waiting, None) or _new_run(draft, experiment, len(runs) + 1)
    draft.put_run(
        replace(
            run,
            status=RunStatus.SUBMITTING,
            cluster=cluster.name,
            accelerator=cluster.accelerator,
            node=cluster.node,
            commit=experiment.commit,
        )
    )
    draft.order(Instruction(Do.SUBMIT, run.id, cluster.name))


def _new_run(draft: Draft, experiment: Experiment, ordinal: int) -> Run:
    if experiment.is_baseline:
        kind = RunKind.BASELINE
    else:
        kind = RunKind.REPEAT if ordinal > 1 else RunKind.SCREEN
    return Run(
        id=f"{experiment.id}-r{ordinal}",
        experiment=experiment.id,
        ordinal=ordinal,
        status=RunStatus.PENDING,
        # Each run has a seed of its own, so that luck is not confounded with a change.
        seed=experiment.number * 1000 + ordinal,
        created_at=draft.now,
        kind=kind,
    )
