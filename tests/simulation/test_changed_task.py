"""A study that goes on with another task, in which everything reads differently."""

import asyncio
from dataclasses import replace
from pathlib import Path

from autoresearch_tui.domain import AGAIN, Experiment, ExperimentStatus, Verdict
from autoresearch_tui.judge.claim import leaders, measured, verdict_rows
from autoresearch_tui.researchers.base import Desk
from autoresearch_tui.simulation.study import Landscape, Sampler, Simulation
from autoresearch_tui.store import Reader
from tests.simulation.night import Night


class Listener(Sampler):
    """Writes down what it is told."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.told: list[Experiment] = []

    listens = False

    async def turn(self, desk: Desk) -> None:
        self.told += (await desk.brief()).changed
        await super().turn(desk)


class Shifted(Landscape):
    """Another evaluation: all values are lower by `shift`."""

    def execute(self, job, files, accelerator):
        outcome = super().execute(job, files, accelerator)
        name, _, value = outcome.output.decode().partition("val_bpb: ")
        number, _, rest = value.partition("\n")
        shifted = f"{name}val_bpb: {float(number) - 0.3:.6f}\n{rest}" if value else name
        return replace(outcome, output=shifted.encode())


async def two_lives(study: Simulation, second: Listener) -> None:
    await study.engine()
    study.run = "python other.py"
    study.researchers = [second]
    shifted = Shifted(seed=5)
    study.world._execute = shifted.execute
    limits = study.settings.limits.model_copy(update={"max_experiments": 80})
    study.settings = study.settings.model_copy(update={"limits": limits})
    await asyncio.sleep(5.0)
    await study.engine()


def check_no_comparison(store: Reader, since: float) -> None:
    """Each verdict since then is against one of then."""
    current = {e.id for e in store.experiments() if (e.judged_at or 0.0) >= since}
    for row in verdict_rows(store.experiments(), store.judgements(), since):
        if " than " in row.why:
            assert row.why.split(" than ")[1].split(" ")[0] in current, row
        if row.verdict is not Verdict.CRASH and row.gain is not None:
            assert abs(row.gain) < 0.1


def test_nothing_is_compared_across_two_tasks(tmp_path: Path):
    second = Listener(2)
    night = Night(
        tmp_path,
        [Sampler(1)],
        {"limits": {"max_experiments": 40}},
        landscape=Landscape(seed=3),
        live=lambda study: two_lives(study, second),
    )
    store = night.run()
    study = store.study()
    said = [e.text for e in store.events(limit=10_000) if e.kind == "task.changed"]
    assert said == ["goes on with another experiment.yaml: `run`; all begins anew"]
    since = study.task_since
    check_no_comparison(store, since)
    experiments = store.experiments()
    old = {e.id for e in experiments if e.judged_at is not None and e.judged_at < since}
    assert len(old) >= 40
    again = [e for e in experiments if e.origin == AGAIN]
    assert 1 <= len(again) <= 2
    assert all(e.verdict is Verdict.KEEP for e in again)
    baselines = [e for e in experiments if e.is_baseline]
    assert [e.judged_at >= since for e in baselines if e.judged_at] == [False, True]
    rows = verdict_rows(experiments, store.judgements(), since)
    found = leaders(rows, {e.id for e in baselines}, measured(store.runs()), minimize=True)
    assert [leader.accelerator for leader in found] == ["H100", "H200"]
    for leader in found:
        assert leader.baseline is not None
        assert leader.baseline.experiment == baselines[1].id
        assert (leader.best.value or 9.0) < 0.75
    # The researcher is told nothing that another task has measured.
    assert second.told
    assert not {e.id for e in second.told if e.value is not None} & old
    assert not [e for e in experiments if e.status is ExperimentStatus.RUNNING]
    lines = (tmp_path / "results.tsv").read_text().splitlines()[1:]
    assert sum("[old task]" in line for line in lines) == len(
        [row for row in store.judgements() if row.judged_at < since]
    )
