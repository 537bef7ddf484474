"""Training curves beside that of the best."""

import time
from dataclasses import replace

from autoresearch_tui.domain import CurvePoint, Judgement, RunStatus, Verdict
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.tui.curves import curve_lines, loss_at
from tests.tui.test_cockpit import cockpit, paths, put, screen_text, store, until

__all__ = ["paths", "store"]


def curve(losses: list[float], until: float = 1.0) -> list[CurvePoint]:
    count = len(losses)
    return [CurvePoint(i, until * (i + 1) / count, loss) for i, loss in enumerate(losses)]


def test_the_best_is_looked_at_at_the_same_share():
    best = curve([5.0, 4.0, 3.0, 2.0])
    mine = curve([5.0, 3.5], until=0.5)
    assert loss_at(best, 0.5) == 4.0
    assert loss_at(best, 0.1) is None
    (first, _), (second, _) = curve_lines(mine, best)
    assert first.endswith("3.5000 at 50% (-0.5000)")
    assert second.endswith("4.0000 there")


def test_a_curve_falls_and_its_first_steps_hide_nothing():
    losses = [11.0, 6.0, *(5 - i / 40 for i in range(60))]
    ((line, _),) = curve_lines(curve(losses), ())
    bar = line.split("  ")[1]
    assert len(bar) == 24
    assert bar[0] == "█"
    assert bar[-1] == "▁"
    assert len(set(bar)) >= 6
    assert curve_lines((), curve(losses)) == []


async def test_the_curve_stands_in_the_details(paths: StudyPaths, store: Writer):
    now = time.time()
    run = next(r for r in store.runs() if r.id == "e0001-r1")
    put(store, "e0002", status="running", commit="c2")
    other = replace(run, id="e0002-r1", experiment="e0002", status=RunStatus.RUNNING)
    store.put_run(replace(other, ended_at=None, value=None))
    store.put_judgement(
        Judgement("e0001", "CPU", Verdict.KEEP, 1, 1.0, None, "", now, is_best=True)
    )
    half = curve([5.0, 3.5], until=0.5)
    store.put_read([], {"e0001-r1": curve([5.0, 4.0, 3.0, 2.0]), "e0002-r1": half}, [])
    app = cockpit(paths)
    async with app.run_test(size=(200, 50)) as pilot:
        await until(pilot, lambda: len(app.main.view.runs) == 2)
        await pilot.press("slash", *"e0002", "enter")
        await until(pilot, lambda: "3.5000 at 50% (-0.5000)" in screen_text(app))
        store.put_read([], {"e0002-r1": curve([5.0, 3.5, 3.0], until=0.75)}, [])
        await until(pilot, lambda: "3.0000 at 75% (+0.0000)" in screen_text(app))
