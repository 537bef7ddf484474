"""The plot: what x is, finer looks, the noise of a best, walking and clicking."""

from dataclasses import replace

import pytest

from autoresearch_tui.domain import Judgement, Run, RunStatus, Verdict
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.scatter import (
    Scatter,
    bands_of,
    plot_lines,
    points_of,
    window_of,
)
from tests.tui.test_cockpit import cockpit, paths, put, store, until
from tests.tui.test_view import NOW, judged, repeats, study, view

__all__ = ["paths", "store"]


def night(count: int = 40) -> View:
    """An experiment each five minutes, each run of which takes two and costs a dollar."""
    experiments = [judged(number, 1.0) for number in range(1, count + 1)]
    rows = [
        Judgement(
            e.id, "H100", Verdict.DISCARD, 1, 1 - e.number / 1000, 0.0, "", NOW + 300 * e.number
        )
        for e in experiments
    ]
    rows[0] = replace(rows[0], verdict=Verdict.KEEP, certified=True)
    runs = {
        f"{e.id}-r1": Run(
            f"{e.id}-r1",
            e.id,
            1,
            RunStatus.SUCCEEDED,
            1,
            NOW,
            "a",
            "H100",
            NOW,
            NOW + 300 * e.number - 120,
            NOW + 300 * e.number,
            value=1.0,
            cost=1.0,
        )
        for e in experiments
    }
    facts = {"experiments": tuple(experiments), "judgements": tuple(rows), "runs": runs}
    return view(study=study(started_at=NOW), **facts)


def test_what_x_is():
    shown = night()
    assert points_of(shown, axis="order", chosen=None).x.tolist() == list(range(1, 41))
    times = points_of(shown, axis="time", chosen=None).x.tolist()
    assert times == pytest.approx([n / 12 for n in range(1, 41)])
    hours = points_of(shown, axis="hours", chosen=None).x.tolist()
    assert hours == pytest.approx([n / 30 for n in range(1, 41)])
    assert points_of(shown, axis="cost", chosen=None).x.tolist() == list(range(1, 41))
    assert "$40.00" in plot_lines(shown, 60, 12, axis="cost", chosen=None)[-1].plain
    assert "hours of clusters" in plot_lines(shown, 60, 12, axis="hours", chosen=None)[-1].plain


def test_what_is_certified_is_marked():
    assert points_of(night(), axis="order", chosen=None).sign(0) == "★"


def test_a_finer_look_is_around_what_is_chosen_else_at_the_end():
    points = points_of(night(), axis="order", chosen="e0010")
    assert len(window_of(points, 1).x) == 40
    finer = window_of(points, 4)
    assert len(finer.chosen_at) == 1
    assert 8 <= len(finer.x) <= 12
    newest = window_of(points_of(night(), axis="order", chosen=None), 8)
    assert newest.columns.experiment[-1] == "e0040"
    assert len(newest.x) <= 6


def test_the_noise_of_a_best_is_drawn_on_both_sides():
    shown = view(runs=repeats(0.01))
    low, high = bands_of(shown)
    assert (high - low) / 2 == pytest.approx(0.01, rel=0.05)
    assert (high + low) / 2 == pytest.approx(0.9)
    assert bands_of(view()) == []


async def test_points_are_walked_and_clicked(paths: StudyPaths, store: Writer):
    for number, value in ((2, 0.9), (3, 0.8)):
        name = f"e000{number}"
        put(store, name, status="judged", verdict=Verdict.DISCARD, value=value, judged_at=NOW)
        row = Judgement(name, "CPU", Verdict.DISCARD, 1, value, 0.1, "", 2e9 + number)
        store.put_judgement(row)
    app = cockpit(paths)

    def chosen() -> str:
        return app.main.chosen.id if app.main.chosen is not None else ""

    async with app.run_test(size=(200, 50)) as pilot:
        await until(pilot, lambda: len(app.main.view.verdict_rows) == 3)
        plot = app.main.query_one(Scatter)
        plot.focus()
        for key, expected in (("left", "e0003"), ("left", "e0002"), ("right", "e0003")):
            await pilot.press(key)
            await until(pilot, lambda expected=expected: chosen() == expected)
        await pilot.click(Scatter, offset=(12, 3))
        await until(pilot, lambda: chosen() == "e0001")
        await pilot.press("plus", "plus", "minus", "0", "t")
        assert plot.shown[-1].plain.strip()
