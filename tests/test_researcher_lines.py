"""What came of whose proposals, and a turn as it was thought."""

from typing import Any

import pytest

from autoresearch_tui.domain import (
    Experiment,
    ExperimentStatus,
    Run,
    RunStatus,
    Thought,
    Turn,
    Verdict,
)
from autoresearch_tui.judge.yields import yields
from autoresearch_tui.researcher_lines import turn_page, turn_table, yield_table


def experiment(number: int, origin: str, verdict: Verdict | None, **more: Any) -> Experiment:
    known: dict[str, Any] = {
        "id": f"e{number:04}",
        "number": number,
        "wave": 1,
        "status": ExperimentStatus.JUDGED,
        "title": "t",
        "hypothesis": "h",
        "origin": origin,
        "created_at": 0.0,
        "parent": None if origin == "baseline" else "e0001",
        "verdict": verdict,
    }
    return Experiment(**known | more)


FOUND = [
    experiment(1, "baseline", Verdict.KEEP, gain=None),
    experiment(2, "llm", Verdict.KEEP, gain=0.02),
    experiment(3, "llm", Verdict.DISCARD, gain=-0.01),
    experiment(4, "llm", Verdict.CRASH),
    experiment(5, "llm", None, status=ExperimentStatus.REJECTED),
    experiment(6, "optimizer", Verdict.DISCARD, gain=-0.3),
]


def run(of: int, hours: float | None, cost: float) -> Run:
    ended = None if hours is None else 3600.0 * hours
    return Run(
        f"e{of:04}-r1", f"e{of:04}", 1, RunStatus.SUCCEEDED, 0, 0.0,
        started_at=0.0, ended_at=ended, cost=cost,
    )  # fmt: skip


RUNS = [run(1, 9.0, 9.0), run(2, 1.0, 3.0), run(3, 1.0, 3.0), run(4, None, 1.0), run(6, 0.5, 2.0)]
TURNS = [
    Turn(1, "llm", 4, 0.0, 90.5, 3, 12_000, 800, 0.75, "abc", ""),
    Turn(2, "llm:sceptic", 1, 100.0, None),
]


def test_each_origin_has_what_it_took_and_gave():
    llm, optimizer, sceptic = yields(FOUND, RUNS, TURNS)
    assert (llm.origin, llm.proposed, llm.rejected, llm.judged) == ("llm", 4, 1, 3)
    assert llm.keep_rate == llm.crash_rate == pytest.approx(1 / 3)
    assert llm.gain_an_hour == pytest.approx(0.02 / 2)
    assert llm.cost_a_keep == pytest.approx(7.0 + 0.75)
    assert (optimizer.kept, optimizer.cost_a_keep, optimizer.gain_an_hour) == (0, None, 0)
    # It has thought, and proposed nothing.
    assert (sceptic.origin, sceptic.keep_rate, sceptic.gain_an_hour) == ("llm:sceptic", None, None)
    lines = yield_table([llm, optimizer, sceptic])
    assert len({len(line) for line in lines}) == 1
    assert "1 (33%)" in lines[1]


def test_a_turn_is_read_as_it_was_thought():
    pieces = [
        ("thinking", "Perhaps "),
        ("thinking", "a grid.\nOr not."),
        ("says", "I begin."),
        ("call", "read {}"),
        ("answer", "one\ntwo"),
        ("trouble", "too many requests"),
    ]
    thoughts = [Thought(i, 1, 0.0, "llm", kind, text) for i, (kind, text) in enumerate(pieces)]
    page = turn_page(TURNS[0], thoughts)
    assert page[1:] == [
        "by the brief abc",
        "~ Perhaps a grid.",
        "  Or not.",
        "» I begin.",
        "> read {}",
        "< one",
        "  two",
        "! too many requests",
        "90.5 s, 3 of 4 wanted, $0.7500",
    ]
    table = turn_table(TURNS)
    assert "12,000/800" in table[1]
    assert table[2].endswith("thinking")
