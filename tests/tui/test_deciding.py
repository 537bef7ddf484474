"""Choosing, marking, finding and comparing in the cockpit, on a real database."""

import re
import time
from dataclasses import replace

import pytest
from textual import events
from textual.command import CommandPalette
from textual.widgets import Input

from autoresearch_tui.domain import (
    ConstantEdit,
    Experiment,
    ExperimentStatus,
    Judgement,
    Verdict,
)
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.tui.ahead import TypedAhead
from autoresearch_tui.tui.commands import DECIDE, LIST, LOOK, PLOT
from autoresearch_tui.tui.screens.help import help_text
from autoresearch_tui.tui.widgets.experiments import ExperimentList, sorted_by
from autoresearch_tui.tui.widgets.log import LogPane
from tests.tui.test_cockpit import (
    Requests,
    cockpit,
    engine,
    notices,
    paths,
    screen_text,
    store,
    until,
)

__all__ = ["paths", "store"]


def propose(store: Writer, *numbers: int, wave: int = 7) -> None:
    for number in numbers:
        edits = (ConstantEdit("train.py", "LR", number / 100),)
        status = ExperimentStatus.PROPOSED
        store.put_experiment(
            Experiment(
                f"e{number:04}",
                number,
                wave,
                status,
                f"idea {number}",
                "why",
                "llm",
                0.0,
                edits,
                parent="e0001",
            )
        )


async def test_marked_proposals_are_approved_together(paths: StudyPaths, store: Writer):
    propose(store, 4, 5, 6)
    app, asked = cockpit(paths), Requests()
    async with engine(paths, asked), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.main.view.waiting) == 4)
        listed = app.main.query_one(ExperimentList)
        await pilot.press("home", "space", "down", "space", "A")
        await until(pilot, lambda: asked)
        assert asked == [("approve", {"experiments": ["e0003", "e0005"]})]
        await until(pilot, lambda: "2 experiments approved" in notices(app))
        await pilot.press("escape")
        assert not listed.marked
        await pilot.press("home", "down", "m", "V", *"no", "enter")
        await until(pilot, lambda: len(asked) == 2)
        assert asked[1] == ("veto", {"experiments": ["e0004", "e0005", "e0006"], "why": "no"})


async def test_priority_is_changed_and_taken_back(paths: StudyPaths, store: Writer):
    app, asked = cockpit(paths), Requests()
    async with engine(paths, asked), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.waiting)
        await pilot.press("w", "greater_than_sign")
        await until(pilot, lambda: len(asked) == 1)
        await pilot.pause()
        await pilot.press("u")
        await until(pilot, lambda: len(asked) == 2)
        await pilot.press("less_than_sign")
        await until(pilot, lambda: len(asked) == 3)
    given = [("priority", {"experiment": "e0003", "priority": p}) for p in (10, 0, -10)]
    assert asked == given


async def test_an_editor_is_refused_where_it_would_open_a_shell(
    paths: StudyPaths, store: Writer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUTORESEARCH_ACTOR", "maria")
    app, asked = cockpit(paths), Requests()
    async with engine(paths, asked), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.waiting)
        await pilot.press("w", "I")
        await until(pilot, lambda: "Not over SSH" in notices(app))
        assert asked == []


async def test_a_proposal_says_what_it_costs_and_what_is_like_it(paths: StudyPaths, store: Writer):
    tried = Experiment(
        "e0008",
        8,
        1,
        ExperimentStatus.JUDGED,
        "the same once",
        "h",
        "o",
        0.0,
        (ConstantEdit("train.py", "LR", 0.04),),
        parent="e0001",
        verdict=Verdict.CRASH,
        judged_at=time.time(),
    )
    store.put_experiment(tried)
    propose(store, 4)
    store.put_experiment(replace(store.experiment("e0004"), approve_at=time.time() + 90))  # type: ignore[type-var]
    app = cockpit(paths)
    async with app.run_test(size=(200, 50)) as pilot:
        await until(pilot, lambda: len(app.main.view.waiting) == 2)
        await pilot.press("home", "down")
        await until(pilot, lambda: "like it were" in screen_text(app))
        shown = screen_text(app)
        assert "100% e0008 × crash  the same once" in shown
        assert "goes ahead in 1m" in shown
        assert "behind 1 of 1 queued" in shown
        assert "costs about 0s on a cluster, for 1 run" in shown


async def test_two_are_compared(paths: StudyPaths, store: Writer):
    base = store.experiment("e0001")
    assert base is not None
    now = time.time()
    store.put_experiment(replace(base, constants={"LR": 0.1, "DEPTH": 8}))
    better = replace(
        base,
        id="e0009",
        number=9,
        title="wider",
        parent="e0001",
        is_best=False,
        value=0.9,
        constants={"LR": 0.2, "DEPTH": 8},
    )
    store.put_experiment(better)
    row = Judgement("e0009", "CPU", Verdict.KEEP, 1, 0.9, 0.1, "", now)
    store.put_judgement(row)
    app = cockpit(paths)
    async with app.run_test(size=(200, 50)) as pilot:
        await until(pilot, lambda: "e0009" in app.main.view.by_id)
        await pilot.press("c")
        await until(pilot, lambda: "Mark two experiments" in notices(app))
        await pilot.press("slash", *"wider", "enter")
        await until(pilot, lambda: app.main.chosen is not None)
        await pilot.press("c")
        await until(pilot, lambda: "e0009 is 0.100000 better" in screen_text(app))
        shown = screen_text(app)
        assert re.search(r"LR +0\.1 +0\.2", shown)
        assert "DEPTH" not in shown


async def test_search_in_a_log_finds_and_goes_on(paths: StudyPaths, store: Writer):
    log = paths.run_log("e0001-r1")
    log.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"step {i}{' NaN' if i in (100, 300) else ''}\n" for i in range(500))
    log.write_text(text)
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        pane = app.main.query_one(LogPane)
        await until(pilot, lambda: pane.virtual_size.height == 500)
        await pilot.press("4", "slash", *"nan", "enter")
        await until(pilot, lambda: "step 100 NaN" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: "step 300 NaN" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: "step 100 NaN" in screen_text(app))
        await pilot.press("N")
        await until(pilot, lambda: "step 300 NaN" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "step 499" in screen_text(app))
        await pilot.press("slash", *"nowhere", "enter")
        await until(pilot, lambda: "Not found: nowhere" in notices(app))


async def test_steps_best_and_trouble(paths: StudyPaths, store: Writer):
    propose(store, 4)
    crash = store.experiment("e0004")
    assert crash is not None
    crashed = replace(crash, status=ExperimentStatus.JUDGED, verdict=Verdict.CRASH, judged_at=1.0)
    store.put_experiment(crashed)
    app = cockpit(paths)

    def chosen() -> str:
        return app.main.chosen.id if app.main.chosen is not None else ""

    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.main.view.experiments) == 4)
        await pilot.press("b")
        assert chosen() == "e0001"
        await pilot.press("right_square_bracket")
        assert chosen() == "e0002"
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert chosen() == "e0001"
        await pilot.press("exclamation_mark")
        assert chosen() == "e0004"


async def test_what_is_chosen_is_brought_into_sight(paths: StudyPaths, store: Writer):
    propose(store, *range(10, 80))
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.main.view.experiments) == 73)
        await pilot.press("b")
        await until(pilot, lambda: "e0001 ★ best" in screen_text(app))
        await pilot.press("exclamation_mark", "w")
        await until(pilot, lambda: "e0003 ? proposed" in screen_text(app))


async def test_the_palette_has_what_works_now(paths: StudyPaths, store: Writer):
    app, asked = cockpit(paths), Requests()
    async with engine(paths, asked), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"no further run")
        await until(pilot, lambda: "pause: no further run" in screen_text(app))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: asked)
        assert asked == [("pause", {})]


def test_the_help_has_every_command_and_no_key_does_two_things():
    page = help_text()
    for command in (*DECIDE, *LOOK, *LIST, *PLOT):
        assert command.words in page
        assert command.shown_keys.split()[0] in page
    keys = [key for c in (*DECIDE, *LOOK, *LIST) for key in c.keys.split(",")]
    assert sorted(key for key in set(keys) if keys.count(key) > 1) == ["P"]
    assert all(len(line) <= 80 for line in page.splitlines())


def test_orders():
    def one(number: int, value: float | None, gain: float | None) -> Experiment:
        status = ExperimentStatus.JUDGED
        found = Experiment(f"e{number}", number, 1, status, "t", "h", "o", 0.0)
        return replace(found, value=value, gain=gain)

    found = [one(1, 0.9, 0.1), one(2, None, None), one(3, 0.8, -0.2)]

    def names(order: str, *, minimize: bool = True) -> str:
        return "".join(e.id[1] for e in sorted_by(order, found, minimize=minimize))

    assert names("value") == "312"
    assert names("value", minimize=False) == "132"
    assert names("gain") == "132"
    assert names("number") == "123"
    assert names("newest") == "321"


async def test_what_is_typed_before_its_line_is_open_goes_into_it(paths: StudyPaths, store: Writer):
    """A terminal gives a burst of keys at once; capitals of a reason are no acts."""
    app, asked = cockpit(paths), Requests()
    async with engine(paths, asked), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("w")
        await until(pilot, lambda: app.main.chosen is not None)
        for key in "VMSXAP":
            app.post_message(events.Key(key, key))
        await until(pilot, lambda: app.screen.query(Input) and app.screen.query_one(Input).value)
        await until(pilot, lambda: app.screen.query_one(Input).value == "MSXAP")
        await pilot.press("enter")
        await until(pilot, lambda: asked)
        assert asked == [("veto", {"experiments": ["e0003"], "why": "MSXAP"})]
        # A key that opens nothing holds nothing back.
        await pilot.press("P")
        await until(pilot, lambda: len(asked) == 2)


def test_keys_for_a_line_that_never_comes_are_let_go():
    now = 0.0
    ahead = TypedAhead(lambda: now)
    ahead.begin()
    assert ahead.holds(events.Key("S", "S"))
    now = 5.0
    assert not ahead.holds(events.Key("q", "q"))
    assert ahead.take() == []
