"""Opens a study for its engine: its first row, its baseline, and what a dead engine left."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from autoresearch_tui.backends.base import Backend
from autoresearch_tui.backends.task import Task, differing
from autoresearch_tui.code.constants import all_constants
from autoresearch_tui.code.edits import digest
from autoresearch_tui.config import Settings
from autoresearch_tui.domain import (
    Experiment,
    ExperimentStatus,
    RunStatus,
    Study,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.publishing import Publisher
from autoresearch_tui.engine.watching import cluster_news
from autoresearch_tui.errors import BackendError, StudyError
from autoresearch_tui.lifecycle.deciding import OPEN
from autoresearch_tui.lifecycle.events import Admitted, Started, Unfit
from autoresearch_tui.researchers.base import Researcher
from autoresearch_tui.store import Reader, Writer

SETUP_SNAPSHOT = "setup"
"""Name of the files of the set-up among the snapshots."""


def find_study(store: Reader) -> Study | None:
    """The study's row, if an engine has ever run here."""
    try:
        return store.study()
    except StudyError:
        return None


def check_same(study: Study, settings: Settings) -> None:
    """Refuse settings that would change what the numbers of a study mean.

    Raises:
        StudyError: the tag, the metric or its direction is another.
    """
    wanted = settings.study
    for key, then, now in (
        ("tag", study.tag, wanted.tag),
        ("metric", study.metric, wanted.metric),
        ("minimize", study.minimize, wanted.minimize),
    ):
        if then != now:
            raise StudyError(
                f"study.{key} is {now!r}, but this study began with {then!r}; set it back, "
                "or begin another study in another directory"
            )


def other_task(store: Reader, task: Task) -> str:
    """What of the task is not as it was for the results there are; empty when nothing."""
    study = find_study(store)
    if study is None or not study.task_hash or not store.has_results():
        return ""
    return ", ".join(f"`{key}`" for key in differing(study.task_hash, task.fingerprint))


def check_task(store: Reader, task: Task) -> None:
    """Refuse a task that would mix its results with those of another one.

    Raises:
        StudyError: the task is not the one that the study's runs have executed.
    """
    if changed := other_task(store, task):
        raise StudyError(
            f"{task.path}: {changed} changed since this study's runs were made, and results of two "
            "tasks do not compare; set it back, begin another study, or go on all the same with "
            "`--accept-task`"
        )


def keep_task(store: Writer, task: Task) -> None:
    """Put on record which task the runs execute from now on."""
    with store.transaction():
        if changed := other_task(store, task):
            store.record("task.changed", f"goes on with another {task.path.name}: {changed}")
        if store.study().task_hash != task.fingerprint:
            store.change_study(task_hash=task.fingerprint)


def write_study(store: Writer, settings: Settings, root: Path, base: str, now: float) -> None:
    """Create the study's row."""
    study = Study(
        tag=settings.study.tag,
        repository=str(root),
        base_commit=base,
        metric=settings.study.metric,
        minimize=settings.study.minimize,
        status=StudyStatus.RUNNING,
        approval=settings.approval.mode,
        created_at=now,
    )
    store.create_study(study)


def apply_limits(store: Writer, settings: Settings, now: float, given: frozenset[str]) -> None:
    """Bring the study's row up to the settings; a limit of the last start holds until it ended.

    `given` names the settings of the command line, which count more than what the row holds.
    """
    study, limits = store.study(), settings.limits
    is_new = study.started_at is None or study.status is StudyStatus.FINISHED
    changes: dict[str, object] = {}
    if is_new or "limits.max_experiments" in given:
        changes["max_experiments"] = limits.max_experiments
    if is_new or "limits.budget_usd" in given:
        changes["budget_usd"] = limits.budget_usd
    if is_new or "limits.max_hours" in given:
        changes["deadline"] = limits.max_hours and now + limits.max_hours * 3600
    if is_new or "approval.mode" in given:
        changes["approval"] = settings.approval.mode
    if study.status in (StudyStatus.FINISHED, StudyStatus.STOPPING):
        changes |= {"status": StudyStatus.RUNNING, "end_reason": "", "ended_at": None}
    store.change_study(**changes)


def named_together(researchers: Sequence[Researcher]) -> str:
    """Who proposes, in one line."""
    return ", ".join(each.name for each in researchers) or "none"


def ensure_baseline(engine: Engine) -> None:
    """Add the unchanged files as the first experiment; anew where they failed everywhere."""
    found = engine.baseline()
    if found is not None and (found.verdict is not Verdict.CRASH or engine.state.incumbents):
        return
    store, workspace = engine.store, engine.workspace
    files = workspace.read_files(workspace.base_commit)
    number = store.next_number()
    experiment = Experiment(
        id=f"e{number:04}",
        number=number,
        wave=store.next_wave(),
        status=ExperimentStatus.PROPOSED,
        title="baseline",
        hypothesis="The files as they are; their repeats tell how much the metric spreads.",
        origin="baseline",
        created_at=engine.clock(),
        commit=workspace.base_commit,
        digest=digest(files),
        constants=all_constants(files, engine.profile),
        runs_wanted=engine.settings.judge.baseline_repeats,
    )
    engine.tell(Admitted(experiment, "engine", follows=False))


async def take_up(engine: Engine, publisher: Publisher) -> None:
    """Bring the database, the clusters and git together after a crash, or an orderly end.

    Raises:
        StudyError: the files of the best experiment are gone.
    """
    lost = await engine.offload(_without_files, engine)
    states = await engine.backend.clusters()
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
