import json

import pytest

from autoresearch_tui.code.proposals import (
    edit_from_object,
    edit_to_object,
    proposal_from_json,
    proposal_to_object,
)
from autoresearch_tui.domain import ConstantEdit, Proposal, ReplaceEdit
from autoresearch_tui.errors import EditError

EDITS = (
    ConstantEdit("train.py", "DEPTH", 6),
    ConstantEdit("", "WINDOW", "SL"),
    ReplaceEdit("train.py", "a\n", ""),
)
PROPOSAL = Proposal("Deeper", "More layers\nhelp.", EDITS, "e0003", "-0.01", 5, "H200")
OBJECT = proposal_to_object(PROPOSAL)


def test_round_trip():
    assert tuple(edit_from_object(edit_to_object(edit)) for edit in EDITS) == EDITS
    assert proposal_from_json(json.dumps(OBJECT)) == PROPOSAL
    assert proposal_from_json(OBJECT) == PROPOSAL


def test_the_optional_may_be_missing():
    given = {"title": " t ", "hypothesis": "h", "edits": [{"constant": "A", "value": True}]}
    expected = Proposal("t", "h", (ConstantEdit("", "A", True),))
    assert proposal_from_json(given) == expected


def edit(**fields):
    return {"edits": [fields]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": None}, "^title: must be a text, not nothing"),
        ({"title": "  "}, "^title: is empty"),
        ({"title": "a\nb"}, "^title: must be one line"),
        ({"title": "x" * 121}, "^title: 121 characters; at most 120"),
        ({"title": "\x1b[31mred"}, "^title: has control characters"),
        ({"hypothesis": 3}, "^hypothesis: must be a text, not a number"),
        ({"hypothesis": "x" * 4001}, "^hypothesis: 4,001 characters"),
        ({"hypothesis": "\ud800"}, "^hypothesis: has half a surrogate"),
        ({"edits": None}, "^edits: must be a list, not nothing"),
        ({"edits": {}}, "^edits: must be a list, not an object"),
        ({"edits": []}, "^edits: must be 1 to 64, not 0"),
        ({"edits": ["x"]}, r"^edits\[0\]: must be an object, not a text"),
        ({"parent": 3}, "^parent: must be a text"),
        ({"priority": "high"}, "^priority: must be a whole number"),
        ({"priority": True}, "^priority: must be a whole number"),
        ({"priority": 101}, "^priority: must be a whole number"),
        ({"expected": []}, "^expected: must be a text, not a list"),
        ({"files": []}, "^files: unknown; the fields are: title, hypothesis"),
        (edit(file="a.py", search="x"), r"^edits\[0\].replace: missing"),
        (edit(search="x", replace="y"), r"^edits\[0\].file: missing"),
        (edit(file="a.py", search="", replace="y"), r"^edits\[0\].search: is empty"),
        (edit(file="a.py", search="x", replace="\x00"), r"^edits\[0\].replace: has control"),
        (edit(constant="A"), r"^edits\[0\].value: missing"),
        (edit(constant="A", value=None), r"^edits\[0\].value: must be a number.* not nothing"),
        (edit(constant="A", value=[1]), r"^edits\[0\].value: .* not a list"),
        (edit(constant="A", value=1, search="x"), r"^edits\[0\].search: unknown"),
        (edit(constant="A", value=10**50), r"^edits\[0\].value: too large"),
        (edit(constant="A", value="x" * 1001), r"^edits\[0\].value: longer"),
        (edit(constant="A", value=float("inf")), r"^edits\[0\].value: must be finite"),
    ],
)
def test_every_error_names_its_field(change, message):
    with pytest.raises(EditError, match=message):
        proposal_from_json({**OBJECT, **change})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "^the proposal: must be an object, not a list"),
        (b"\xff", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"title": "a", "title": "b"}', "^title: given twice"),
        ('{"title": "a", "hypothesis": "b"}', "^edits: must be a list"),
        ("{}", "^title: missing"),
    ],
)
def test_text_that_is_no_proposal(text, message):
    with pytest.raises(EditError, match=message):
        proposal_from_json(text)
