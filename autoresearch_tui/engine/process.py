"""One engine from its start to its end: its lock, its log, its signals and its socket."""

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Generator
from contextlib import contextmanager

from autoresearch_tui.config import Settings
from autoresearch_tui.engine.admission import Admission
from autoresearch_tui.engine.building import build
from autoresearch_tui.engine.commands import Commands, serve
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.engine_log import log_to
from autoresearch_tui.engine.living import Watch, live
from autoresearch_tui.engine.lock import engine_lock
from autoresearch_tui.engine.publishing import Publisher
from autoresearch_tui.engine.starting import take_up
from autoresearch_tui.errors import AutoresearchError, StudyError, innermost
from autoresearch_tui.lifecycle.events import Leaving, Noted
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.store.writer import open_writer

log = logging.getLogger(__name__)

INTERRUPTED = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
"""Exit code by the signal that ends an engine, as shells count."""

SWITCH_SECONDS = 0.0005
"""For which the event loop waits at most where a thread computes, such as the optimiser's: a tenth
of Python's own, for each statement of SQL gives way to it once (`benchmarks/event_loop.py`)."""


async def run_engine(
    paths: StudyPaths,
    settings: Settings,
    given: frozenset[str] = frozenset(),
    watch: Watch | None = None,
    *,
    accept_task: bool = False,
) -> int:
    """Run the study at `paths` until a limit, an operator or a signal ends it.

    `given` names the settings that were given on the command line. `watch` runs beside the engine
    and is told when it ends by the engine's `ended`. With `accept_task` the study goes on though
    its task has changed. Returns the exit code.

    Raises:
        AutoresearchError: the study cannot be started; the line says how to mend it.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    with engine_lock(paths.lock), log_to(paths.engine_log):
        store = open_writer(paths.database)
        try:
            building = build(paths, settings, given, store, accept_task=accept_task)
            async with building as engine:
                with _signals(engine):
                    await _run(engine, watch)
                ending = engine.state.ending
                return ending.code if ending is not None else 0
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


async def _run(engine: Engine, watch: Watch | None) -> None:
    publisher, admission = Publisher(engine), Admission(engine)
    await take_up(engine, publisher)
    async with serve(engine, Commands(engine, admission)):
        # It lives for others from the moment on at which it answers them.
        engine.tell(Noted({"engine_pid": os.getpid(), "heartbeat_at": engine.clock()}))
        await live(engine, admission, publisher, watch)


@contextmanager
def _signals(engine: Engine) -> Generator[None]:
    """Turn the signals that end a process into an orderly end."""
    loop = asyncio.get_running_loop()
    for number, code in INTERRUPTED.items():
        loop.add_signal_handler(number, engine.tell, Leaving(number.name, code))
    try:
        yield
    finally:
        for number in INTERRUPTED:
            loop.remove_signal_handler(number)
