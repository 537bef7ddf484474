"""What can be trusted: clusters, from how the runs on them ended, and experiments."""

from dataclasses import replace

from autoresearch_tui.domain import ClusterStatus, Experiment, ExperimentStatus
from autoresearch_tui.lifecycle.state import Draft

_LOSSES = 3
"""Runs that a cluster loses or refuses in a row before it gets no more."""

_LEAST_LIKELY = 1e-3
"""Chance of so many crashes in a row, were the cluster like the others, that is not believed."""


def set_aside(draft: Draft, experiment: Experiment, why: str) -> None:
    """Close an experiment that could not be tried, through no fault of its own."""
    status = ExperimentStatus.SET_ASIDE
    draft.put_experiment(replace(experiment, status=status, why=why, approve_at=None), why)


def lost_by(draft: Draft, cluster: str, why: str) -> None:
    """A cluster lost a run, or refused it."""
    losses = draft.memory.losses.get(cluster, 0) + 1
    draft.remember(losses={**draft.memory.losses, cluster: losses})
    if losses >= _LOSSES:
        _suspect(draft, cluster, f"lost or refused {losses} runs in a row: {why}")


def crashed_on(draft: Draft, cluster: str) -> None:
    """An experiment crashed on a cluster, which may be the cluster's fault."""
    _count(draft, cluster, crashed=1)
    row = draft.memory.failures.get(cluster, 0) + 1
    draft.remember(failures={**draft.memory.failures, cluster: row})
    others = [tally for name, tally in draft.memory.tallies.items() if name != cluster]
    # Laplace's rule, so that a few successes elsewhere do not yet prove that nothing crashes there.
    chance = (sum(bad for bad, _ in others) + 1) / (sum(whole for _, whole in others) + 2)
    if chance**row < _LEAST_LIKELY:
        _suspect(draft, cluster, f"{row} crashes in a row; elsewhere {100 * chance:.0f} % crash")


def succeeded_on(draft: Draft, cluster: str) -> None:
    """A run succeeded on a cluster."""
    _count(draft, cluster, crashed=0)
    draft.remember(
        losses={**draft.memory.losses, cluster: 0}, failures={**draft.memory.failures, cluster: 0}
    )


def _count(draft: Draft, cluster: str, crashed: int) -> None:
    bad, whole = draft.memory.tallies.get(cluster, (0, 0))
    draft.remember(tallies={**draft.memory.tallies, cluster: (bad + crashed, whole + 1)})


def _suspect(draft: Draft, cluster: str, why: str) -> None:
    """Give a cluster no more runs, as long as there is another one that can take them."""
    found = draft.clusters.get(cluster)
    if found is None or found.suspected:
        return
    others = [
        other
        for other in draft.clusters.values()
        if other.name != cluster and other.status is ClusterStatus.UP and not other.suspected
    ]
    if not any(other.accelerator == found.accelerator for other in others):
        return
    draft.clusters[cluster] = replace(found, suspected=why, updated_at=draft.now)
    draft.record("cluster.suspected", why, subject=cluster)
