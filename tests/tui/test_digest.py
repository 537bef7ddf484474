"""What is told to an operator who comes back."""

from dataclasses import replace
from pathlib import Path

from autoresearch_tui.domain import Event, Judgement, Verdict
from autoresearch_tui.tui.digest import Left, digest
from autoresearch_tui.tui.preferences import Layout, Preferences
from autoresearch_tui.tui.view import View
from tests.tui.test_view import NOW, judged, study, view


def row(number: int, verdict: Verdict, ago: float, value: float | None, why: str = "") -> Judgement:
    return Judgement(f"e{number:04}", "H100", verdict, 1, value, None, why, NOW - ago)


def night() -> View:
    experiments = tuple(judged(number, 1.0) for number in range(1, 8))
    rows = (
        row(1, Verdict.KEEP, 9000, 1.0),
        row(2, Verdict.KEEP, 8000, 0.99),
        row(3, Verdict.DISCARD, 3000, 1.1),
        row(4, Verdict.KEEP, 2900, 0.98),
        row(5, Verdict.CRASH, 2800, None, "RuntimeError: out of memory"),
        row(6, Verdict.CRASH, 2700, None, "RuntimeError: out of memory"),
        row(7, Verdict.CRASH, 2600, None, "exit code 1: assertion"),
    )
    first = replace(experiments[0], parent=None, edits=())
    others = [replace(e, parent="e0001") for e in experiments[1:]]
    return view(experiments=(first, *others), judgements=rows, study=study(spent_usd=50.0))


def event(kind: str, subject: str, ago: float) -> Event:
    return Event(1, NOW - ago, kind, "engine", subject, "")


def test_a_night_in_a_line():
    news = [
        event("cluster.gone", "gpu-07", 2000),
        event("cluster.failed", "gpu-01", 1999),
        event("cluster.failed", "gpu-02", 1998),
        event("cluster.gone", "gpu-08", 7000),
    ]
    assert digest(night(), Left(NOW - 5000, 12.0), news, NOW) == (
        "since you left, 1h23m: 5 tried, 1 kept, best 0.9800 after 0.9900, 3 crashes of 2 kinds, "
        "gpu-07 lost, 2 clusters failed, $38.00"
    )


def test_nothing_is_told_after_a_moment_or_to_a_newcomer():
    assert digest(night(), Left(NOW - 200), [], NOW) == ""
    assert digest(night(), None, [], NOW) == ""
    assert digest(night(), Left(NOW - 1000), [], NOW) == (
        "since you left, 16m40s: nothing tried, $50.00"
    )


def test_what_is_remembered(tmp_path: Path):
    kept = Preferences(tmp_path / "tui.json")
    assert kept.left() is None
    assert kept.remember_theme("autoresearch-light")
    assert kept.remember_left(Left(5.0, 2.5))
    again = Preferences(tmp_path / "tui.json")
    assert again.left() == Left(5.0, 2.5)
    assert again.theme() == "autoresearch-light"
    (tmp_path / "tui.json").write_text('{"left": {"at": "soon"}}')
    assert Preferences(tmp_path / "tui.json").left() is None
    assert Preferences(tmp_path / "tui.json").layout() == Layout()
    assert not Preferences(tmp_path / "none" / "tui.json").remember_left(Left(1.0))
