"""Makes an engine from its parts: the study's files, its database, its clusters, its researcher."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from autoresearch_tui.backends.base import Backend
from autoresearch_tui.backends.local.backend import LocalBackend
from autoresearch_tui.backends.skypilot.backend import SkyPilotBackend, has_fleet
from autoresearch_tui.backends.skypilot.sdk import check_installed
from autoresearch_tui.backends.task import Task, load_task
from autoresearch_tui.config import Settings
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.other_task import check_task, keep_task
from autoresearch_tui.engine.starting import SETUP_SNAPSHOT, check_accelerator, first_accelerator
from autoresearch_tui.engine.study_row import (
    apply_limits,
    check_same,
    find_study,
    named_together,
    write_study,
)
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.researchers.base import Researcher
from autoresearch_tui.researchers.llm.key import has_key
from autoresearch_tui.store import Writer
from autoresearch_tui.store.loading import load_state
from autoresearch_tui.workspace import Workspace


@asynccontextmanager
async def build(
    paths: StudyPaths,
    settings: Settings,
    given: frozenset[str],
    store: Writer,
    *,
    accept_task: bool = False,
) -> AsyncGenerator[Engine]:
    """The engine of the study at `paths`, on SkyPilot's clusters or this machine's slots.

    With `accept_task` it goes on though the task is not the one that its runs have executed.

    Raises:
        AutoresearchError: the study cannot be started; the line says how to mend it.
    """
    study = find_study(store)
    if study is not None:
        check_same(study, settings)
    base = study.base_commit if study else None
    workspace = await asyncio.to_thread(Workspace.open, paths.root, settings.study, base)
    task = load_task(paths.root / settings.study.task)
    if not accept_task:
        check_task(store, task)
    backend = _backend(paths, settings, given, task, workspace)
    researchers: list[Researcher] = []
    try:
        await backend.start()
        accelerator = await first_accelerator(backend)
        if isinstance(backend, LocalBackend) and not settings.local.any_accelerator:
            check_accelerator(task, accelerator)
        researchers = _researchers(settings, accelerator, store)
        now = store.clock()
        if study is None:
            write_study(store, settings, paths.root, workspace.base_commit, now)
        keep_task(store, task)
        apply_limits(store, settings, now, given)
        store.change_study(
            started_at=study.started_at if study and study.started_at else now,
            researcher=named_together(researchers),
            confinement=backend.confinement,
            end_reason="",
        )
        store.record("engine.started", f"process {os.getpid()}; {backend.confinement}")
        yield Engine(
            paths,
            settings,
            store,
            workspace,
            task,
            backend,
            researchers,
            await asyncio.to_thread(load_state, store, settings),
            store.clock,
        )
    finally:
        for researcher in researchers:
            await researcher.close()
        await backend.close()


def _backend(
    paths: StudyPaths,
    settings: Settings,
    given: frozenset[str],
    task: Task,
    workspace: Workspace,
) -> Backend:
    async def setup_dir() -> Path:
        directory = paths.snapshots / SETUP_SNAPSHOT
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
        await asyncio.to_thread(workspace.materialise, workspace.base_commit, directory)
        return directory

    # What was asked for on an earlier command line holds until another one says otherwise.
    if settings.skypilot.is_used or (has_fleet(paths) and "local.slots" not in given):
        check_installed()
        return SkyPilotBackend(paths, settings, task, setup_dir, commit=workspace.base_commit)
    return LocalBackend(
        paths,
        task,
        setup_dir,
        commit=workspace.base_commit,
        slots=settings.local.slots,
        prices=settings.prices.accelerator_hour,
        sandbox=settings.sandbox,
    )


def _researchers(settings: Settings, accelerator: str, store: Writer) -> list[Researcher]:
    return [_researcher(name, settings, accelerator, store) for name in _members(settings)]


def _members(settings: Settings) -> tuple[str, ...]:
    both = ("llm", "optimizer")
    match settings.researcher.kind:
        case ("auto",):
            return both if has_key(settings.llm.key_file) else ("optimizer",)
        case ("hybrid",):
            return both
        case ("none",):
            return ()
        case kinds:
            return kinds


def _researcher(name: str, settings: Settings, accelerator: str, store: Writer) -> Researcher:
    if name == "optimizer":
        from autoresearch_tui.researchers.optimizer import OptimizerResearcher

        return OptimizerResearcher(settings.search, "cpu" if accelerator == "CPU" else "gpu")
    from autoresearch_tui.researchers.llm.researcher import LlmResearcher
    from autoresearch_tui.researchers.llm.roles import in_role

    llm, words, role = settings.llm, "", name.partition(":")[2]
    if role:
        llm, words = in_role(llm, role)
    return LlmResearcher(llm, settings.prices, store.llm_cost, name=name, role=words)
