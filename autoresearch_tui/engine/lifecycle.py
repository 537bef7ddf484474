"""One engine from its start to its end."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sqlite3
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from autoresearch_tui.backends.base import Backend
from autoresearch_tui.backends.local import LocalBackend
from autoresearch_tui.backends.task import Task, load_task
from autoresearch_tui.config import Settings
from autoresearch_tui.domain import StudyStatus
from autoresearch_tui.engine.commands import Commands, serve
from autoresearch_tui.engine.context import Context
from autoresearch_tui.engine.judging import Judging
from autoresearch_tui.engine.lock import engine_lock
from autoresearch_tui.engine.logs import log_to
from autoresearch_tui.engine.monitor import Monitor
from autoresearch_tui.engine.proposals import Proposals
from autoresearch_tui.engine.research import Research
from autoresearch_tui.engine.scheduler import Scheduler
from autoresearch_tui.engine.starting import (
    SETUP_SNAPSHOT,
    apply_limits,
    check_accelerator,
    check_same,
    ensure_baseline,
    find_study,
    first_accelerator,
    reconcile,
    write_study,
)
from autoresearch_tui.engine.stopping import Stopping
from autoresearch_tui.engine.upkeep import FAILED, Upkeep
from autoresearch_tui.errors import AutoresearchError, StudyError, innermost
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.researchers.base import Researcher
from autoresearch_tui.store import Writer
from autoresearch_tui.store.writer import open_writer
from autoresearch_tui.workspace import Workspace

log = logging.getLogger(__name__)

INTERRUPTED = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
"""Exit code by the signal that ends an engine, as shells count."""

Watch = Callable[[Context], Coroutine[None, None, None]]


async def run_engine(
    paths: StudyPaths,
    settings: Settings,
    given: frozenset[str] = frozenset(),
    watch: Watch | None = None,
) -> int:
    """Run the study at `paths` until a limit, an operator or a signal ends it.

    `given` names the settings that were given on the command line. `watch` runs beside the engine
    and is told when it ends by the context's `ended`. Returns the exit code.

    Raises:
        AutoresearchError: the study cannot be started; the line says how to mend it.
    """
    with engine_lock(paths.lock), log_to(paths.engine_log):
        store = open_writer(paths.database)
        try:
            async with _context(paths, settings, given, store) as context:
                await _run(context, watch)
                return context.exit_code
        except AutoresearchError:
            raise
        except Exception as error:
            _tell_defect(store, error)
            raise
        finally:
            store.close()


def _tell_defect(store: Writer, error: Exception) -> None:
    """Leave the traceback in the log, and a word of it where the operator looks."""
    log.exception("the engine ended by a defect")
    first = innermost(error)
    why = f"the engine ended by a defect: {type(first).__name__}: {first}; see engine.log"
    # What ended it may be the disk that would have to take this down.
    with contextlib.suppress(sqlite3.Error, StudyError):
        store.change_study(end_reason=why)
        store.record("engine.failed", why)


@asynccontextmanager
async def _context(
    paths: StudyPaths, settings: Settings, given: frozenset[str], store: Writer
) -> AsyncGenerator[Context]:
    study = find_study(store)
    if study is not None:
        check_same(study, settings)
    base = study.base_commit if study else None
    workspace = await asyncio.to_thread(Workspace.open, paths.root, settings.study, base)
    task = load_task(paths.root / settings.study.task)
    backend = _backend(paths, settings, task, workspace)
    researcher: Researcher | None = None
    try:
        await backend.start()
        accelerator = await first_accelerator(backend)
        if not settings.local.any_accelerator:
            check_accelerator(task, accelerator)
        researcher = _researcher(settings, accelerator)
        context = Context(paths, settings, store, workspace, task, backend, researcher, accelerator)
        now = context.clock()
        if study is None:
            write_study(store, settings, paths.root, workspace.base_commit, now)
        apply_limits(store, settings, now, given)
        store.change_study(
            started_at=study.started_at if study and study.started_at else now,
            researcher=researcher.name if researcher else "none",
            confinement=backend.confinement,
            end_reason="",
        )
        store.record("engine.started", f"process {os.getpid()}; {backend.confinement}")
        ensure_baseline(context)
        yield context
    finally:
        if researcher is not None:
            await researcher.close()
        await backend.close()


def _backend(paths: StudyPaths, settings: Settings, task: Task, workspace: Workspace) -> Backend:
    async def setup_dir() -> Path:
        directory = paths.snapshots / SETUP_SNAPSHOT
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
        await asyncio.to_thread(workspace.materialise, workspace.base_commit, directory)
        return directory

    return LocalBackend(
        paths,
        task,
        setup_dir,
        commit=workspace.base_commit,
        slots=settings.local.slots,
        prices=settings.prices.accelerator_hour,
        sandbox=settings.sandbox,
    )


def _researcher(settings: Settings, accelerator: str) -> Researcher | None:
    if settings.researcher.kind == "none":
        return None
    from autoresearch_tui.researchers.optimizer import OptimizerResearcher

    profile = "cpu" if accelerator == "CPU" else "gpu"
    return OptimizerResearcher(settings.search, profile)


async def _run(context: Context, watch: Watch | None) -> None:
    proposals = Proposals(context)
    judging = Judging(context, proposals)
    stopping = Stopping(context, judging)
    await reconcile(context, proposals)
    loops = [
        Scheduler(context).run(),
        Monitor(context, judging).run(),
        judging.run(),
        proposals.count_down(),
        Research(context, proposals, stopping).run(),
        Upkeep(context, stopping).run(),
    ]
    with _signals(context):
        async with serve(context, Commands(context, proposals, stopping, judging)):
            # It lives for others from the moment on at which it answers them.
            context.store.change_study(engine_pid=os.getpid(), heartbeat_at=context.clock())
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(loop) for loop in loops]
                watching = group.create_task(watch(context)) if watch else None
                await context.ended.wait()
                for task in tasks:
                    task.cancel()
            if watching is not None:
                await watching
            await _end(context, stopping)


async def _end(context: Context, stopping: Stopping) -> None:
    store = context.store
    if context.exit_code == FAILED:
        return
    if context.exit_code in INTERRUPTED.values():
        await stopping.withdraw_queued()
        store.record("engine.stopped", context.end_reason)
        return
    with store.transaction():
        store.change_study(
            status=StudyStatus.FINISHED,
            end_reason=context.end_reason,
            ended_at=context.clock(),
            researcher_state="",
        )
        store.record("study.finished", context.end_reason)
    await context.backend.release()


@contextmanager
def _signals(context: Context) -> Generator[None]:
    """Turn the signals that end a process into an orderly end."""
    loop = asyncio.get_running_loop()
    for number, code in INTERRUPTED.items():
        loop.add_signal_handler(number, context.finish, number.name, code)
    try:
        yield
    finally:
        for number in INTERRUPTED:
            loop.remove_signal_handler(number)
