"""A proposal as an editor leaves it."""

import pytest

from autoresearch_tui.domain import ConstantEdit, Proposal
from autoresearch_tui.errors import EditError
from autoresearch_tui.tui.editing import edited

ONE = Proposal("LR up", "faster", (ConstantEdit("train.py", "LR", 0.2),), "e0001", priority=3)


@pytest.mark.parametrize("name", ["VISUAL", "EDITOR"])
async def test_what_is_written_is_read_and_checked(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv(name, "sed -i s/0.2/0.3/")
    found = await edited(ONE)
    assert found == Proposal(
        "LR up", "faster", (ConstantEdit("train.py", "LR", 0.3),), "e0001", priority=3
    )


async def test_what_stays_as_it_was_is_no_change(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VISUAL", "true")
    assert await edited(ONE) is None


@pytest.mark.parametrize(
    ("editor", "message"),
    [
        ("false", "false ended with 1"),
        ("no-such-editor-here", "no-such-editor-here: "),
        ("sed -i s/title/tilte/", "tilte"),
        ("sed -i 1d", "JSON"),
    ],
)
async def test_what_cannot_be_used_is_said(
    monkeypatch: pytest.MonkeyPatch, editor: str, message: str
):
    monkeypatch.setenv("VISUAL", editor)
    with pytest.raises(EditError, match=message):
        await edited(ONE)
