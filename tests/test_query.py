from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_tui.domain import Experiment, ExperimentStatus, Verdict
from autoresearch_tui.query import HELP, QueryError, parse_query

ONE = Experiment(
    "e0007",
    7,
    2,
    ExperimentStatus.JUDGED,
    "Muon momentum 0.95 → 0.9",
    "less inertia",
    "llm:sceptic",
    0.0,
    verdict=Verdict.KEEP,
    value=0.98,
    gain=0.002,
    accelerator="H200",
    constants={"LR": 0.02, "DEPTH": 8, "WINDOW": "SSL"},
    why="better",
    lines_added=2,
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "muon",
        "verdict:keep accel:H200 gain>0.001 title~muon",
        "is:kept -is:best",
        "LR>=0.02 DEPTH=8 WINDOW:SSL",
        "by:LLM:sceptic",
        'hypothesis~"less in"',
        '"less inertia"',
        "-crash value<1 number:7 wave<=2 lines:2",
        "why:better id:e0007",
    ],
)
def test_what_is_meant(text: str):
    assert parse_query(text).matches(ONE)


@pytest.mark.parametrize(
    "text",
    ["gain>0.002", "verdict:crash", "-muon", "is:failed", "LR<0.02", "NOPE>1", "turn:1", "e0008"],
)
def test_what_is_not_meant(text: str):
    assert not parse_query(text).matches(ONE)


def test_what_has_no_value_is_neither_more_nor_less():
    waiting = replace(ONE, value=None, gain=None)
    assert not parse_query("gain>0").matches(waiting)
    assert not parse_query("gain<=0").matches(waiting)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gain>much", "gain>much: much is no number"),
        ("colour:red", "colour:red: there is no colour; there are: is, id, status"),
        ("is:nice", "is:nice: must be one of kept, best"),
        ("title>3", "title>3: text is compared by `:` or `~`"),
        ("gain~3", "`~` is for text"),
        ("LR>fast", "LR>fast: fast is no number"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str):
    with pytest.raises(QueryError, match=message.replace("?", r"\?")):
        parse_query(text)


def test_the_help_is_a_query():
    parse_query(HELP)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str):
    try:
        parse_query(text).matches(ONE)
    except QueryError as error:
        assert str(error)
