"""Opens a study for its engine: its first row, its baseline, and what a dead engine left."""

import asyncio
import logging
import shutil
from pathlib import Path

from autoresearch_tui.backends.base import Backend, JobState, JobStatus
from autoresearch_tui.backends.task import Task
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
from autoresearch_tui.engine.context import Context
from autoresearch_tui.engine.judging import advance, rewrite_results
from autoresearch_tui.engine.proposals import Proposals
from autoresearch_tui.errors import BackendError, StudyError, WorkspaceError
from autoresearch_tui.store import Reader, Writer

log = logging.getLogger(__name__)

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


def ensure_baseline(context: Context) -> None:
    """Add the unchanged files as the first experiment; anew where they failed the last time."""
    found = [e for e in context.store.experiments_without_parent() if e.is_baseline]
    if found and found[-1].verdict is not Verdict.CRASH:
        return
    store, workspace = context.store, context.workspace
    files = workspace.read_files(workspace.base_commit)
    number = store.next_number()
    store.add_experiment(
        Experiment(
            id=f"e{number:04}",
            number=number,
            wave=store.next_wave(),
            status=ExperimentStatus.QUEUED,
            title="baseline",
            hypothesis="The files as they are; their repeats tell how much the metric spreads.",
            origin="baseline",
            created_at=context.clock(),
            commit=workspace.base_commit,
            digest=digest(files),
            constants=all_constants(files, context.profile),
            runs_wanted=context.settings.judge.baseline_repeats,
        )
    )


async def reconcile(context: Context, proposals: Proposals) -> None:
    """Bring the database, the clusters and git together after a crash, or an orderly end."""
    jobs = {job.name: job for job in await context.backend.jobs()}
    await asyncio.to_thread(_check_commits, context)
    _settle_submissions(context, jobs)
    await _drop_strangers(context, jobs)
    judged = context.store.experiments((ExperimentStatus.JUDGED,))
    rewrite_results(context)
    await asyncio.to_thread(_catch_up_git, context, judged)
    if (incumbent := context.incumbent()) is not None:
        await proposals.rebase(incumbent)
    await asyncio.to_thread(_clean_snapshots, context)


def _check_commits(context: Context) -> None:
    """Set aside what waits without its files, which somebody has removed from git.

    Raises:
        StudyError: the incumbent is among them.
    """
    store, workspace = context.store, context.workspace
    incumbent = context.incumbent()
    waiting = store.experiments((ExperimentStatus.PROPOSED, ExperimentStatus.QUEUED))
    for experiment in (*waiting, *([incumbent] if incumbent else [])):
        if experiment.commit is None or workspace.has(experiment.commit):
            continue
        why = f"its commit {experiment.commit[:12]} is gone from the repository"
        if incumbent is not None and experiment.id == incumbent.id:
            raise StudyError(
                f"{experiment.id}, the best so far: {why}; fetch it back from a clone or backup"
            )
        store.change_experiment(experiment.id, ExperimentStatus.SUPERSEDED, text=why, why=why)


def _settle_submissions(context: Context, jobs: dict[str, JobState]) -> None:
    """Runs whose submission was cut off: on their cluster, or never there."""
    store = context.store
    for run in store.runs((RunStatus.PENDING, RunStatus.SUBMITTING)):
        job = jobs.get(run.id)
        if job is None:
            why = "never reached its cluster"
            store.change_run(run.id, RunStatus.CANCELLED, text=why, why=why)
        elif job.status is JobStatus.QUEUED:
            store.change_run(run.id, RunStatus.QUEUED, submitted_at=job.submitted_at)


async def _drop_strangers(context: Context, jobs: dict[str, JobState]) -> None:
    """Jobs of runs that have ended, or were never recorded: end and forget them."""
    for job in jobs.values():
        run = context.store.run(job.name)
        if run is not None and not run.status.is_final:
            continue
        try:
            if not job.status.is_final:
                await context.backend.cancel(job.cluster, job.name)
            else:
                await context.backend.forget(job.cluster, job.name)
        except BackendError as error:
            log.warning("%s was left on %s: %s", job.name, job.cluster, error)


def _catch_up_git(context: Context, judged: list[Experiment]) -> None:
    try:
        kept = [e for e in judged if e.verdict is Verdict.KEEP and not e.is_baseline]
        for experiment in sorted(kept, key=lambda e: e.judged_at or 0.0):
            advance(context, experiment)
        context.workspace.sync_branch()
    except WorkspaceError as error:
        log.warning("git: %s", error)


def _clean_snapshots(context: Context) -> None:
    active = {run.id for run in context.store.runs((RunStatus.SUBMITTING,))}
    # The backend may be about to take the set-up's files over.
    active.add(SETUP_SNAPSHOT)
    snapshots = context.paths.snapshots
    for entry in snapshots.iterdir() if snapshots.is_dir() else ():
        if entry.name not in active:
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
