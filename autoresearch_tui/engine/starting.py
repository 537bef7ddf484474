"""Takes up a study: what a dead engine left is brought together with clusters and git."""

import shutil

from autoresearch_tui.backends.base import Backend
from autoresearch_tui.backends.task import Task
from autoresearch_tui.domain import RunStatus
from autoresearch_tui.engine.baseline import ensure_baseline
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.other_task import heed_task
from autoresearch_tui.engine.publishing import Publisher
from autoresearch_tui.engine.watching import cluster_news
from autoresearch_tui.errors import BackendError, StudyError
from autoresearch_tui.lifecycle.deciding import OPEN
from autoresearch_tui.lifecycle.events import Started, Unfit

SETUP_SNAPSHOT = "setup"
"""Name of the files of the set-up among the snapshots."""


async def take_up(engine: Engine, publisher: Publisher) -> None:
    """Bring the database, the clusters and git together after a crash, or an orderly end.

    Raises:
        StudyError: the files of the best experiment are gone.
    """
    lost = await engine.offload(_without_files, engine)
    states = await engine.backend.clusters()
    heed_task(engine, {state.accelerator for state in states})
    engine.tell(Started(tuple(cluster_news(engine, states, are_all=False))))
    for name, why in lost.items():
        engine.tell(Unfit(name, why))
    ensure_baseline(engine)
    await publisher.rewrite_table()
    await engine.offload(publisher.catch_up)
    await engine.offload(_clean_snapshots, engine)


def _without_files(engine: Engine) -> dict[str, str]:
    """What waits without its files, which somebody has removed from git, and why it cannot run."""
    best = set(engine.state.incumbents.values())
    lost: dict[str, str] = {}
    for experiment in engine.state.experiments.values():
        is_needed = experiment.id in best or experiment.status in OPEN
        if not is_needed or experiment.commit is None or engine.workspace.has(experiment.commit):
            continue
        why = f"its commit {experiment.commit[:12]} is gone from the repository"
        if experiment.id in best:
            raise StudyError(
                f"{experiment.id}, the best so far: {why}; fetch it back from a clone or backup"
            )
        lost[experiment.id] = why
    return lost


def _clean_snapshots(engine: Engine) -> None:
    runs = [run for runs in engine.state.runs.values() for run in runs]
    # The backend may be about to take the set-up's files over.
    kept = {SETUP_SNAPSHOT, *(run.job for run in runs if run.status is RunStatus.SUBMITTING)}
    snapshots = engine.paths.snapshots
    for entry in snapshots.iterdir() if snapshots.is_dir() else ():
        if entry.name not in kept:
            shutil.rmtree(entry, ignore_errors=True)


def check_accelerator(task: Task, accelerator: str) -> None:
    """Refuse a task that asks for what is not here, before its set-up fetches gigabytes in vain.

    Raises:
        BackendError: the task asks for other accelerators.
    """
    asked = task.accelerators
    if asked and accelerator not in asked:
        here = "no GPU" if accelerator == "CPU" else accelerator
        raise BackendError(
            f"{task.path}: asks for {' or '.join(asked)}, and this machine has {here}; run it on "
            f"one that has it, or set `any_accelerator = true` under [local] in autoresearch.toml "
            "where it runs all the same"
        )


async def first_accelerator(backend: Backend) -> str:
    """The accelerator type of a backend's clusters.

    Raises:
        BackendError: it has no clusters.
    """
    clusters = await backend.clusters()
    if not clusters:
        raise BackendError(f"{backend.name}: has no clusters")
    return clusters[0].accelerator
