"""What a kept experiment leaves behind, on a real database."""

from pathlib import Path

import pytest

from autoresearch_tui.domain import (
    ApprovalMode,
    ConstantEdit,
    Edit,
    Experiment,
    ExperimentStatus,
    ReplaceEdit,
    Study,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.engine.lineage import combination, left_behind
from autoresearch_tui.store import Writer, open_writer


@pytest.fixture
def store(tmp_path: Path):
    with open_writer(tmp_path / "study.db") as writer:
        row = Study("t", "/r", "c", "m", True, StudyStatus.RUNNING, ApprovalMode.AUTO, 0.0)
        writer.create_study(row)
        yield writer


def kept(store: Writer, number: int, parent: int | None, *edits: Edit) -> Experiment:
    made = Experiment(
        f"e{number:04}",
        number,
        1,
        ExperimentStatus.JUDGED,
        f"change {number}",
        "",
        "optimizer",
        0.0,
        edits=edits,
        parent=parent and f"e{parent:04}",
        verdict=Verdict.KEEP,
        judged_at=float(number),
    )
    store.put_experiment(made)
    return made


def edit(name: str, value: float) -> ConstantEdit:
    return ConstantEdit("train.py", name, value)


def test_a_keep_on_the_incumbent_leaves_nothing_behind(store: Writer):
    kept(store, 1, None)
    kept(store, 2, 1, edit("LR", 0.1))
    assert left_behind(store, kept(store, 3, 2, edit("WIDTH", 8))) == []


def test_a_keep_on_an_older_parent_leaves_what_was_kept_between(store: Writer):
    kept(store, 1, None)
    second, third = kept(store, 2, 1, edit("LR", 0.1)), kept(store, 3, 2, edit("WIDTH", 8))
    late = kept(store, 4, 1, edit("DEPTH", 2))
    assert left_behind(store, late) == [second, third]
    found = combination(late, [second, third])
    assert found is not None
    assert found.parent == "e0004"
    assert found.edits == (edit("LR", 0.1), edit("WIDTH", 8))


def test_where_both_set_the_same_constant_the_newer_stands(store: Writer):
    kept(store, 1, None)
    second = kept(store, 2, 1, edit("LR", 0.1), edit("DEPTH", 2))
    late = kept(store, 3, 1, edit("LR", 0.2))
    found = combination(late, left_behind(store, late))
    assert found is not None
    assert found.edits == (edit("DEPTH", 2),)
    assert combination(late, [kept(store, 4, 1, edit("LR", 0.3))]) is None
    assert second.edits != found.edits


def test_replaced_text_is_carried_over(store: Writer):
    kept(store, 1, None)
    change = ReplaceEdit("train.py", "relu", "gelu")
    kept(store, 2, 1, change)
    late = kept(store, 3, 1, edit("LR", 0.2))
    found = combination(late, left_behind(store, late))
    assert found is not None
    assert found.edits == (change,)
