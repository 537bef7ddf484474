"""Clusters as their backends report them, what they cost, and the passing of time."""

from dataclasses import replace

from autoresearch_tui.domain import Cluster, ClusterStatus, StudyStatus
from autoresearch_tui.lifecycle.events import ClusterSeen, Noted, Ticked
from autoresearch_tui.lifecycle.running import lose_cluster
from autoresearch_tui.lifecycle.state import Draft
from autoresearch_tui.outbox import Do, Instruction

_COSTING = (
    ClusterStatus.PROVISIONING,
    ClusterStatus.SETTING_UP,
    ClusterStatus.UP,
    ClusterStatus.DRAINING,
)


def seen(draft: Draft, event: ClusterSeen) -> None:
    """A backend says how a cluster stands."""
    known = draft.clusters.get(event.name)
    is_new = known is None
    if known is None:
        known = Cluster(event.name, event.backend, event.accelerator, event.status, draft.now)
    else:
        known = _bill(draft, known)
    is_up = event.status is ClusterStatus.UP
    is_costing = event.status in _COSTING
    came_up = is_up and known.status is not ClusterStatus.UP
    cluster = replace(
        known,
        backend=event.backend,
        accelerator=event.accelerator,
        status=event.status,
        note=event.note,
        price=event.price,
        node=event.node,
        up_at=known.up_at if known.up_at is not None else (draft.now if is_up else None),
        updated_at=draft.now,
        billed_at=draft.now if is_costing else None,
        # What comes up anew may be another machine.
        suspected="" if came_up else known.suspected,
    )
    draft.clusters[cluster.name] = cluster
    if is_new or known.status is not event.status:
        draft.record(f"cluster.{event.status}", event.note, subject=event.name)
    if event.status is not ClusterStatus.STOPPED:
        draft.outbox.remove(Instruction(Do.WAKE, event.name).key)
    if event.status in (ClusterStatus.GONE, ClusterStatus.STOPPED):
        lose_cluster(draft, event.name, event.note or f"{event.name} is {event.status}")


def ticked(draft: Draft, event: Ticked) -> None:
    """Add up what has been spent, and say that the engine lives."""
    draft.put_study(heartbeat_at=draft.now)
    for cluster in list(draft.clusters.values()):
        if cluster.price and cluster.billed_at is not None:
            draft.clusters[cluster.name] = _bill(draft, cluster)


def noted(draft: Draft, event: Noted) -> None:
    """Write down what decides nothing; of a study that is over nothing changes any more."""
    if draft.study.status is not StudyStatus.FINISHED:
        draft.put_study(**event.changes)


def _bill(draft: Draft, cluster: Cluster) -> Cluster:
    """Charge a cluster since it was last charged; a clock that was set back charges nothing."""
    if cluster.billed_at is None:
        return cluster
    cost = cluster.price * max(draft.now - cluster.billed_at, 0.0) / 3600
    if cost:
        draft.put_study(spent_usd=draft.study.spent_usd + cost)
    return replace(cluster, cost=cluster.cost + cost, billed_at=draft.now)
