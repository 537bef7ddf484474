"""Several experiments held against each other."""

from dataclasses import replace

from autoresearch_tui.domain import CurvePoint, Judgement, Verdict
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.tui.marked import marked_lines
from autoresearch_tui.tui.screens.marked import MarkedScreen
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.curve import CurvePane
from tests.tui.test_cockpit import cockpit, paths, screen_text, store, until
from tests.tui.test_view import judged, repeats, view

__all__ = ["paths", "store"]

GRID = {
    2: ("H100", 0.95, {"LR": 0.1, "DEPTH": 4, "SEED": 1}),
    3: ("H100", 0.97, {"LR": 0.2, "DEPTH": 4, "SEED": 1}),
    4: ("H100", 0.955, {"LR": 0.1, "DEPTH": 8, "SEED": 1}),
    5: ("H100", 0.99, {"LR": 0.2, "DEPTH": 8, "SEED": 1}),
    6: ("H200", 0.5, {"LR": 0.1, "DEPTH": 4, "SEED": 1}),
    7: (None, None, {"LR": 0.3, "DEPTH": 4, "SEED": 1}),
}
"""A grid of two constants on one type, a result on another, and a crash."""


def grid() -> View:
    experiments = [judged(1, 1.0, keep=True)]
    rows: list[Judgement] = []
    for number, (kind, value, constants) in GRID.items():
        made = replace(judged(number, value), constants=constants, accelerator=kind)
        experiments.append(made)
        if kind is not None:
            rows.append(Judgement(made.id, kind, Verdict.DISCARD, 1, value, 0.0, "", number))
    runs = {name: replace(run, accelerator="H100") for name, run in repeats(0.01).items()}
    return view(experiments=tuple(experiments), judgements=tuple(rows), runs=runs)


def lines_of(picture: View) -> list[str]:
    marked = [e for e in picture.experiments if e.number > 1]
    return [text for text, _ in marked_lines(picture, marked)]


def test_each_type_has_its_own_table_the_best_first():
    lines = lines_of(grid())
    first = lines.index("H100: 4 measured, noise sd 0.0100")
    assert [line.split()[:3] for line in lines[first + 2 : first + 6]] == [
        ["★", "e0002", "0.950000"],
        ["≈", "e0004", "0.955000"],
        ["≈", "e0003", "0.970000"],
        ["e0005", "0.990000", "-0.040000"],
    ]
    second = lines.index("H200: 1 measured, the noise is not known yet")
    assert lines[second + 2].split()[:3] == ["★", "e0006", "0.500000"]


def test_only_constants_that_differ_have_a_column():
    head = next(line for line in lines_of(grid()) if line.startswith("  id"))
    assert head.split()[-2:] == ["LR", "DEPTH"]


def test_a_grid_tells_the_mean_at_each_value():
    lines = lines_of(grid())
    at = next(i for i, line in enumerate(lines) if line.startswith("H100: the mean at each"))
    assert lines[at + 1].split() == ["LR", "0.1", "0.952500", "(2)", "0.2", "0.980000", "(2)"]
    assert lines[at + 2].split() == ["DEPTH", "4", "0.960000", "(2)", "8", "0.972500", "(2)"]


def test_who_has_no_result_is_named():
    lines = lines_of(grid())
    assert lines[-2] == "without a result"
    assert lines[-1].startswith("e0007  × crash")


def test_where_higher_is_better_the_highest_is_first():
    picture = grid()
    assert picture.study is not None
    upside_down = replace(picture, study=replace(picture.study, minimize=False))
    lines = lines_of(upside_down)
    assert lines[2].split()[:3] == ["★", "e0005", "0.990000"]
    assert lines[3].split()[:4] == ["≈", "e0003", "0.970000", "-0.020000"]


async def test_three_that_are_marked_are_compared(paths: StudyPaths, store: Writer):
    base = store.experiment("e0001")
    assert base is not None
    for number in (8, 9):
        name = f"e{number:04}"
        made = replace(base, id=name, number=number, parent="e0001", is_best=False)
        store.put_experiment(replace(made, constants={"LR": number}, value=number / 10))
        row = Judgement(name, "CPU", Verdict.KEEP, 1, number / 10, 0.1, "", number)
        store.put_judgement(row)
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "e0009" in app.main.view.by_id)
        await pilot.press("slash", *"e0009", "enter", "space")
        await pilot.press("slash", *"e0008", "enter", "space")
        await pilot.press("slash", *"e0001", "enter", "space", "c")
        await until(pilot, lambda: isinstance(app.screen, MarkedScreen))
        await until(pilot, lambda: "★ e0008" in screen_text(app))
        curve = app.screen.query_one(CurvePane)
        await until(pilot, lambda: not curve.display)
        store.put_read([], {"e0001-r1": [CurvePoint(1, 0.5, 3.0), CurvePoint(2, 1.0, 2.0)]}, [])
        store.change_study(spent_usd=1.0)
        await until(pilot, lambda: curve.display)
        await until(pilot, lambda: "━ e0001-r1" in screen_text(app))
        await pilot.press("escape")
        assert app.screen is app.main
