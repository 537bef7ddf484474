"""Runs that are taken back while the engine ends."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from autoresearch_tui.config import Settings
from autoresearch_tui.domain import (
    ApprovalMode,
    Experiment,
    ExperimentStatus,
    Run,
    RunStatus,
    Study,
    StudyStatus,
)
from autoresearch_tui.engine.judging import Judging
from autoresearch_tui.engine.signal import Signal
from autoresearch_tui.store import open_writer


async def test_what_has_left_its_queue_is_on_record_though_the_engine_ends(tmp_path: Path):
    asked, answered = asyncio.Event(), asyncio.Event()

    async def withdraw(cluster: str, name: str) -> bool:
        asked.set()
        await answered.wait()
        return True

    with open_writer(tmp_path / "study.db") as store:
        row = Study("t", "/r", "c", "m", True, StudyStatus.RUNNING, ApprovalMode.AUTO, 0.0)
        store.create_study(row)
        queued = ExperimentStatus.QUEUED
        store.add_experiment(Experiment("e0002", 2, 1, queued, "t", "", "o", 0.0, parent="e0001"))
        run = Run("e0002-r1", "e0002", 1, RunStatus.QUEUED, 1, 0.0, "cpu-01", "CPU")
        store.add_run(run)
        context = SimpleNamespace(
            store=store,
            backend=SimpleNamespace(withdraw=withdraw),
            changed=Signal(),
            settings=Settings(),
        )
        judging = Judging(context, None)  # type: ignore[arg-type]
        work = asyncio.create_task(judging.take_back([run], "rebased"))
        await asked.wait()
        work.cancel()
        await asyncio.sleep(0)
        answered.set()
        with pytest.raises(asyncio.CancelledError):
            await work
        found = store.run("e0002-r1")
    assert found is not None
    assert (found.status, found.why) == (RunStatus.CANCELLED, "rebased")
