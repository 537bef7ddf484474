"""Engines that die at any transaction of a night, and what their successors make of it."""

import asyncio
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from autoresearch_tui.backends.base import JobStatus
from autoresearch_tui.backends.simulated import Faults
from autoresearch_tui.domain import Blame, ExperimentStatus, RunStatus, StudyStatus, Verdict
from autoresearch_tui.lifecycle import Draft
from autoresearch_tui.simulation.study import Landscape, Sampler, Simulation
from autoresearch_tui.store import Writer
from tests.simulation.night import Night

KILLS = 25
HARD = Faults(
    provisioning=(10.0, 60.0),
    submission=(0.5, 10.0),
    launch_failed=0.1,
    refused=0.05,
    unanswered=0.15,
)
"""Much goes wrong, but no machine is lost: nothing may be executed twice, for no reason."""


class Killed(BaseException):
    """What nobody in the engine catches."""


@dataclass
class Reaper:
    """Kills an engine before or after a transaction that is drawn by chance."""

    chance: Random
    kills: int = 0
    left: int = 0

    def __post_init__(self) -> None:
        self._draw()

    def _draw(self) -> None:
        self.left = self.chance.choice((1, 3, 30, 100))
        self.left = self.chance.randint(1, self.left)
        self._is_before = self.chance.random() < 0.5

    def strike(self, store: Writer, *, is_before: bool) -> None:
        if is_before:
            self.left -= 1
        if self.left > 0 or is_before is not self._is_before or self.kills >= KILLS:
            return
        self.kills += 1
        self._draw()
        store.close()
        raise Killed


async def live_on(study: Simulation, chance: Random) -> None:
    """Start the next engine some time after each death."""
    while True:
        try:
            await study.engine()
        except* Killed as group:
            assert group.exceptions
        except* sqlite3.ProgrammingError:
            # What a dead engine still tried to write.
            pass
        else:
            return
        await asyncio.sleep(chance.choice((0.0, 1.0, 30.0, 600.0)))


@pytest.mark.parametrize("seed", range(6))
def test_a_night_of_kills_executes_each_run_once(tmp_path: Path, monkeypatch, seed: int):
    chance = Random(seed)
    reaper = Reaper(chance)
    apply = Writer.apply

    def mortal(self: Writer, draft: Draft) -> None:
        reaper.strike(self, is_before=True)
        apply(self, draft)
        reaper.strike(self, is_before=False)

    monkeypatch.setattr(Writer, "apply", mortal)
    night = Night(
        tmp_path,
        [Sampler(seed)],
        {"limits": {"max_experiments": 60}},
        faults=HARD,
        landscape=Landscape(seed=seed),
        live=lambda study: live_on(study, chance),
    )
    store = night.run()
    assert reaper.kills == KILLS
    assert store.study().status is StudyStatus.FINISHED
    assert store.judged() >= 60
    assert store.outbox() == []
    assert store.open_turns() == []
    assert night.world is not None
    ends = Counter((e.job.partition(".")[0], e.status) for e in night.world.executions)
    assert set(ends.values()) == {1}
    runs = store.runs()
    for status, then in (
        (JobStatus.SUCCEEDED, RunStatus.SUCCEEDED),
        (JobStatus.FAILED, RunStatus.FAILED),
    ):
        executed = {name for name, end in ends if end is status}
        assert executed == {run.id for run in runs if run.status is then}
    assert not [run for run in runs if run.losses or run.blame is Blame.CLUSTER]
    # What was approved and not begun when the study reached its limit waits for another one.
    waiting = (ExperimentStatus.QUEUED, ExperimentStatus.PROPOSED)
    over = (ExperimentStatus.JUDGED, *(s for s in ExperimentStatus if s.is_final))
    for each in store.experiments():
        is_begun = any(run.counts for run in store.runs_of(each.id))
        assert each.status in over or (each.status in waiting and not is_begun), each
    assert not [e for e in store.events(limit=100_000) if e.kind == "defect"]
    kept = {e.id for e in store.experiments_of(Verdict.KEEP) if not e.is_baseline}
    assert night.repository is not None
    assert set(night.repository.kept()) == kept
    table = (tmp_path / "results.tsv").read_text().splitlines()[1:]
    assert len(table) == len(store.judgements()) >= store.judged()
