"""One experiment open: its pages, its neighbours, acts on it, another that it is held against."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.content import Content
from textual.pilot import Pilot

from autoresearch_tui.control import ACTOR
from autoresearch_tui.domain import ConstantEdit, CurvePoint, RunStatus, Turn, Verdict
from autoresearch_tui.errors import EditError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.tui.app import Cockpit
from autoresearch_tui.tui.diffs import diff_lines, diff_of_diffs
from autoresearch_tui.tui.editing import paged
from autoresearch_tui.tui.screens.experiment import ExperimentScreen
from autoresearch_tui.tui.widgets.curve import CurvePane, Named, curve_plot
from autoresearch_tui.tui.widgets.lines import Lines
from autoresearch_tui.tui.widgets.log import LogPane
from tests.tui.test_cockpit import (
    Requests,
    cockpit,
    engine,
    notices,
    paths,
    put,
    screen_text,
    store,
    until,
)

__all__ = ["paths", "store"]

DIFF = """\
diff --git a/train.py b/train.py
--- a/train.py
+++ b/train.py
@@ -1,4 +1,5 @@
 import os
-LR = 0.1  # slow
+LR = 0.2  # fast
+\tTEXT = "a b"
"""


def test_a_diff_keeps_its_text_and_has_the_colours_of_its_language():
    lines = diff_lines(DIFF)
    assert [text for text, _ in lines] == [line.expandtabs(4) for line in DIFF.splitlines()]
    drawn = {text: style for text, style in lines if isinstance(style, Content)}
    assert set(drawn) == {text for text, _ in lines if text[0] in "+- " and text[:3] != "+++"} - {
        "--- a/train.py"
    }
    for text, content in drawn.items():
        assert content.plain == text
    added = drawn["+LR = 0.2  # fast"]
    assert any(span.style == "on $success 12%" for span in added.spans)
    number = next(span for span in added.spans if span.style == "$accent")
    assert added.plain[number.start : number.end] == "0.2"


def test_a_huge_diff_is_shown_without_colours():
    lines = diff_lines("@@ -1 +1 @@\n" + "+x = 1\n" * 5000)
    assert len(lines) == 5001
    assert lines[1] == ("+x = 1", "$success")


def test_two_changes_are_held_against_each_other():
    lines = diff_of_diffs(DIFF, DIFF.replace("0.2", "0.3"), "e2", "e1")
    assert ("++LR = 0.2  # fast", "$success") in lines
    assert ("-+LR = 0.3  # fast", "$error") in lines
    assert diff_of_diffs(DIFF, DIFF.replace("@@ -1,4", "@@ -9,4"), "e2", "e1") == [
        ("both change the same lines in the same way", "$quiet")
    ]


def points(losses: list[float], until: float = 1.0) -> list[CurvePoint]:
    count = len(losses)
    return [CurvePoint(at, (at + 1) * until / count, loss) for at, loss in enumerate(losses)]


@pytest.mark.parametrize(("width", "height"), [(20, 4), (60, 20), (200, 50), (5, 1)])
def test_curves_fit_and_say_what_they_had(width: int, height: int):
    mine = Named("e2-r1", "$primary", points([5.0, 4.0, 3.0, 2.5], until=0.5))
    best = Named("e1-r1", "$success", points([5.0, 4.2, 3.1, 2.0]))
    lines = [line.plain for line in curve_plot([mine, best], width, height)]
    assert len(lines) <= max(height, 3)
    said = "\n".join(lines)
    assert "2.5000" in said
    assert "2.0000" in said
    # What has not come so far has nothing to say of the end.
    mine_said = next(line for line in lines if "e2-r1" in line)
    assert mine_said.split()[-3:] == ["4.0000", "2.5000", "2.5000"]


def test_without_a_curve_that_is_said():
    (line,) = curve_plot([], 80, 20)
    assert "no run" in line.plain


@pytest.fixture
def told(paths: StudyPaths, store: Writer) -> Writer:
    """Two experiments with commits, runs, curves, logs and a turn."""
    now = time.time()
    put(store, "e0001", commit="abc")
    put(store, "e0002", commit="def", turn=1)
    run = next(r for r in store.runs() if r.id == "e0001-r1")
    for ordinal in (1, 2):
        name = f"e0002-r{ordinal}"
        facts = {"metrics": {"val_bpb": 1.5, "mfu_percent": 31.5}, "value": 1.5}
        store.put_run(replace(run, id=name, experiment="e0002", ordinal=ordinal, **facts))
        paths.logs.mkdir(exist_ok=True)
        paths.run_log(name).parent.mkdir(exist_ok=True)
        paths.run_log(name).write_text(f"begins {name}\nRuntimeError: it broke\nend\n")
    store.put_read([], {"e0001-r1": points([5.0, 2.0]), "e0002-r1": points([5.0, 3.0])}, [])
    store.put_turn(Turn(1, "llm", 1, now, now + 1, 1))
    store.add_thought(1, "llm", "says", "I would widen it")
    return store


@asynccontextmanager
async def opened(
    paths: StudyPaths, experiment: str, size: tuple[int, int] = (120, 40)
) -> AsyncGenerator[tuple[Cockpit, Pilot[int]]]:
    app = cockpit(paths)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: experiment in app.main.view.by_id)
        await pilot.press("slash", *experiment, "enter")
        await until(pilot, lambda: app.main.chosen is not None)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExperimentScreen))
        yield app, pilot


def page(app: Cockpit, name: str) -> str:
    return app.screen.query_one(f"#{name}", Lines).text


async def test_an_experiment_is_read_page_by_page(paths: StudyPaths, told: Writer):
    async with opened(paths, "e0002") as (app, pilot):
        await until(pilot, lambda: "mfu_percent  31.5" in page(app, "summary"))
        await pilot.press("2")
        await until(pilot, lambda: page(app, "diff") == "+ diff of e0002")
        await pilot.press("tab")
        curve = app.screen.query_one(CurvePane)
        await until(pilot, lambda: any("e0001-r1, the best" in c.plain for c in curve.shown))
        await pilot.press("4")
        await until(pilot, lambda: "begins e0002-r2" in page(app, "log"))
        await pilot.press("comma")
        await until(pilot, lambda: "begins e0002-r1" in page(app, "log"))
        await pilot.press("full_stop")
        await until(pilot, lambda: "begins e0002-r2" in page(app, "log"))
        await pilot.press("5")
        await until(pilot, lambda: "I would widen it" in page(app, "reasoning"))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_one_goes_to_the_neighbours_and_the_one_that_is_left_is_chosen(
    paths: StudyPaths, told: Writer
):
    async with opened(paths, "e0002") as (app, pilot):
        await pilot.press("2")
        await until(pilot, lambda: page(app, "diff") == "+ diff of e0002")
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: page(app, "diff") == "+ diff of e0001")
        await pilot.press("left_square_bracket")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await until(pilot, lambda: "e0003" in screen_text(app))
        await pilot.press("b", "escape")
        await until(pilot, lambda: app.screen is app.main)
        await until(pilot, lambda: app.main.chosen and app.main.chosen.id == "e0001")


async def test_a_proposal_without_a_commit_shows_its_edits(paths: StudyPaths, told: Writer):
    edits = (ConstantEdit("train.py", "LR", 0.2), ConstantEdit("train.py", "DEPTH", 6))
    put(told, "e0003", edits=edits)
    async with opened(paths, "e0003") as (app, pilot):
        await pilot.press("2")
        await until(pilot, lambda: page(app, "diff") == "@@ train.py @@\n+LR = 0.2\n+DEPTH = 6")
        # One that changes nothing says so, and does not seem to be read for ever.
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: page(app, "diff") == "+ diff of e0001")
    put(told, "e0003", edits=())
    async with opened(paths, "e0003") as (app, pilot):
        await pilot.press("2")
        await until(pilot, lambda: page(app, "diff") == "it changes nothing")


async def test_the_next_error_of_a_log_is_found(paths: StudyPaths, told: Writer):
    lines = [f"step {at}" for at in range(200)]
    lines[150] = "torch.OutOfMemoryError: CUDA out of memory"
    paths.run_log("e0002-r2").write_text("\n".join(lines) + "\n")
    async with opened(paths, "e0002", (80, 24)) as (app, pilot):
        await pilot.press("4")
        await until(pilot, lambda: "step 199" in screen_text(app))
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "OutOfMemoryError" in screen_text(app))
        assert app.screen.query_one(LogPane).scroll_y < 150


async def test_what_is_open_is_approved(paths: StudyPaths, told: Writer):
    asked = Requests()
    async with engine(paths, asked), opened(paths, "e0003") as (app, pilot):
        await pilot.press("A")
        await until(pilot, lambda: asked)
        await until(pilot, lambda: "e0003 approved" in notices(app))
        # What was done there is taken back here.
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
        await pilot.press("u")
        await until(pilot, lambda: len(asked) == 2)
    assert [do for do, _ in asked] == ["approve", "unapprove"]


async def test_pages_are_copied(paths: StudyPaths, told: Writer, monkeypatch: pytest.MonkeyPatch):
    copied: list[str] = []
    monkeypatch.setattr(Cockpit, "copy_to_clipboard", lambda _, text: copied.append(text))
    async with opened(paths, "e0002") as (app, pilot):
        await pilot.press("y", "2")
        await until(pilot, lambda: page(app, "diff"))
        await pilot.press("y")
        await until(pilot, lambda: len(copied) == 2)
    assert copied[0].startswith("e0002 def")
    assert copied[1] == "+ diff of e0002"


async def test_a_pager_is_refused_over_ssh(
    paths: StudyPaths, told: Writer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(ACTOR, "ann")
    async with opened(paths, "e0002") as (app, pilot):
        await pilot.press("o")
        await until(pilot, lambda: "Not over SSH" in notices(app))


async def test_two_are_held_against_each_other(paths: StudyPaths, told: Writer):
    put(told, "e0002", status="judged", verdict=Verdict.DISCARD, value=1.5)
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "e0002" in app.main.view.by_id)
        await pilot.press("slash", *"e0002", "enter")
        await until(pilot, lambda: app.main.chosen is not None)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ExperimentScreen))
        assert "e0002 against e0001" in screen_text(app)
        await pilot.press("d")
        await until(pilot, lambda: "++ diff of e0002" in page(app, "diff"))
        assert "-+ diff of e0001" in page(app, "diff")
        await pilot.press("3")
        curve = app.screen.query_one(CurvePane)
        await until(pilot, lambda: any("━ e0001-r1 " in c.plain for c in curve.shown))


async def test_a_curve_grows_while_its_run_goes_on(paths: StudyPaths, told: Writer):
    run = next(r for r in told.runs() if r.id == "e0002-r2")
    told.put_run(replace(run, status=RunStatus.RUNNING, ended_at=None, value=None))
    async with opened(paths, "e0002") as (app, pilot):
        await pilot.press("3")
        curve = app.screen.query_one(CurvePane)
        told.put_read([], {"e0002-r2": points([4.5], until=0.25)}, [])
        await until(pilot, lambda: any("4.5000" in c.plain for c in curve.shown))
        told.put_read([], {"e0002-r2": points([4.5, 3.5], until=0.5)}, [])
        async with asyncio.timeout(10):
            await until(pilot, lambda: any("3.5000" in c.plain for c in curve.shown))


def test_the_own_pager_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = tmp_path / "seen"
    monkeypatch.setenv("PAGER", f"sh -c 'cat \"$0\" > {seen}'")
    asyncio.run(paged("one\ntwo", "diff.txt"))
    assert seen.read_text() == "one\ntwo\n"
    monkeypatch.setenv("PAGER", "no-such-pager")
    with pytest.raises(EditError, match="no-such-pager"):
        asyncio.run(paged("one", "diff.txt"))
