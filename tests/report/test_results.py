"""The table of results, for one accelerator type and for several."""

import math
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from autoresearch_tui.domain import (
    ApprovalMode,
    Experiment,
    ExperimentStatus,
    Judgement,
    Run,
    RunStatus,
    Study,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.report.results import HEADER, ResultsTable
from autoresearch_tui.store import Writer, open_writer

STUDY = Study("night", "/r", "abc", "val_bpb", True, StudyStatus.RUNNING, ApprovalMode.AUTO, 1.0)
FIRST = Experiment(
    "e0001",
    1,
    1,
    ExperimentStatus.JUDGED,
    "DEPTH\t4 → 6",
    "h",
    "o",
    1.0,
    parent="e0000",
    commit="0123456789ab",
    verdict=Verdict.KEEP,
    value=1.5,
    accelerator="H100",
    judged_at=2.0,
)


@pytest.fixture
def store(tmp_path: Path) -> Generator[Writer]:
    with open_writer(tmp_path / "study.db") as writer:
        writer.create_study(STUDY)
        writer.put_experiment(FIRST)
        yield writer


def judge(store: Writer, name: str, kind: str, value: float | None, at: float) -> None:
    verdict = Verdict.CRASH if value is None else Verdict.KEEP
    store.put_judgement(Judgement(name, kind, verdict, 1, value, None, "", at))


def test_one_accelerator_type_makes_karpathys_table(tmp_path: Path, store: Writer):
    path = tmp_path / "results.tsv"
    table = ResultsTable(path)
    table.rewrite(store)
    metrics = {"peak_vram_mb": 2048.0, "note": "x"}
    run = Run("e0001-r1", "e0001", 1, RunStatus.SUCCEEDED, 1, 1.0, accelerator="H100")
    store.put_run(replace(run, metrics=metrics))
    store.put_run(replace(run, id="e0001-r2", ordinal=2, metrics={"peak_vram_mb": "much"}))
    store.put_run(replace(run, id="e0001-r3", ordinal=3, metrics={"loss": math.nan, "x": math.inf}))
    read = store.run("e0001-r3")
    assert read is not None
    assert read.metrics == {"loss": "nan", "x": "inf"}
    judge(store, "e0001", "H100", 1.5, 2.0)
    table.tell(store, "e0001")
    store.put_experiment(replace(FIRST, id="e0002", number=2, value=None, verdict=Verdict.CRASH))
    judge(store, "e0002", "H100", None, 3.0)
    table.tell(store, "e0002")
    line = "0123456\t1.500000\t2.0\tkeep\tDEPTH 4 → 6\n"
    crash = "0123456\t0.000000\t0.0\tcrash\tDEPTH 4 → 6\n"
    assert path.read_text() == HEADER + line + crash
    # Judged anew, it stands where its newest verdict does.
    judge(store, "e0001", "H100", 1.25, 4.0)
    table.tell(store, "e0001")
    assert path.read_text() == HEADER + crash + line.replace("1.500000", "1.250000")
    written = path.read_text()
    table.rewrite(store)
    assert path.read_text() == written


def test_what_earlier_versions_wrote_of_a_run_is_read(tmp_path: Path, store: Writer):
    store.put_run(Run("e0001-r1", "e0001", 1, RunStatus.FAILED, 1, 1.0, accelerator="H100"))
    store._execute("UPDATE runs SET metrics = '{\"val_bpb\": NaN}'")
    judge(store, "e0001", "H100", 1.5, 2.0)
    ResultsTable(tmp_path / "results.tsv").rewrite(store)
    assert len((tmp_path / "results.tsv").read_text().splitlines()) == 2


def test_several_types_have_a_line_each_that_tells_which(tmp_path: Path, store: Writer):
    path = tmp_path / "results.tsv"
    judge(store, "e0001", "H100", 1.5, 2.0)
    table = ResultsTable(path)
    table.rewrite(store)
    store.put_run(
        Run(
            "e0001-r2",
            "e0001",
            2,
            RunStatus.SUCCEEDED,
            1,
            1.0,
            accelerator="H200",
            metrics={"peak_vram_mb": 1024.0},
        )
    )
    judge(store, "e0001", "H200", 1.25, 3.0)
    table.tell(store, "e0001")
    assert path.read_text() == (
        f"{HEADER}0123456\t1.500000\t0.0\tkeep\t[H100] DEPTH 4 → 6\n"
        "0123456\t1.250000\t1.0\tkeep\t[H200] DEPTH 4 → 6\n"
    )


def test_verdicts_from_before_they_had_rows_are_there(tmp_path: Path, store: Writer):
    ResultsTable(tmp_path / "results.tsv").rewrite(store)
    assert (tmp_path / "results.tsv").read_text() == (
        f"{HEADER}0123456\t1.500000\t0.0\tkeep\tDEPTH 4 → 6\n"
    )
