"""The cockpit through Pilot, on the real database of a study whose engine is played by the test."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from autoresearch_tui.domain import (
    ApprovalMode,
    Cluster,
    ClusterStatus,
    Experiment,
    ExperimentStatus,
    Judgement,
    Run,
    RunStatus,
    Study,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.store.writer import open_writer
from autoresearch_tui.tui.app import Cockpit
from autoresearch_tui.tui.driver import notification
from autoresearch_tui.tui.screens.help import HelpScreen
from autoresearch_tui.tui.screens.stop import StopScreen
from autoresearch_tui.tui.theme import DARK, LIGHT
from autoresearch_tui.tui.widgets.details import DetailsPane
from autoresearch_tui.tui.widgets.experiments import ExperimentList
from autoresearch_tui.tui.widgets.header import Header
from autoresearch_tui.tui.widgets.log import LogPane
from autoresearch_tui.tui.widgets.scatter import Scatter

Requests = list[tuple[str, dict[str, object]]]


def fill(store: Writer, now: float) -> None:
    store.create_study(
        Study("night", "/r", "c", "val_bpb", True, StudyStatus.RUNNING, ApprovalMode.MANUAL, now)
    )
    store.change_study(started_at=now, heartbeat_at=now, noise_sd=0.01, researcher="optimizer")
    store.put_cluster(Cluster("cpu-01", "local", "CPU", ClusterStatus.UP, now))
    for number in (1, 2, 3):
        parent = None if number == 1 else "e0001"
        status = ExperimentStatus.PROPOSED if number == 3 else ExperimentStatus.QUEUED
        title = f"LR 0.{number} [bold]→[/bold] 0.2"
        store.put_experiment(
            Experiment(f"e000{number}", number, 1, status, title, "why", "o", now, parent=parent)
        )
    store.put_run(
        Run(
            "e0001-r1",
            "e0001",
            1,
            RunStatus.SUCCEEDED,
            1,
            now,
            "cpu-01",
            "CPU",
            started_at=now,
            ended_at=now,
            value=1.0,
        )
    )
    facts = {"verdict": Verdict.KEEP, "value": 1.0, "accelerator": "CPU", "is_best": True}
    put(store, "e0001", status=ExperimentStatus.JUDGED, judged_at=now, runs_judged=1, **facts)
    store.put_judgement(
        Judgement("e0001", "CPU", Verdict.KEEP, 1, 1.0, None, "baseline", now, is_best=True)
    )


def put(store: Writer, experiment: str, **changes: object) -> None:
    found = store.experiment(experiment)
    assert found is not None
    store.put_experiment(replace(found, **changes))


@pytest.fixture
def paths(tmp_path: Path) -> StudyPaths:
    made = StudyPaths(tmp_path)
    made.state.mkdir()
    return made


@pytest.fixture
def store(paths: StudyPaths):
    writer = open_writer(paths.database)
    fill(writer, time.time())
    yield writer
    writer.close()


@asynccontextmanager
async def engine(paths: StudyPaths, asked: Requests) -> AsyncGenerator[None]:
    """Answers every request with yes and writes it down."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message = json.loads(await reader.readline())
        asked.append((message["do"], message["args"]))
        writer.write(json.dumps({"id": 1, "ok": True, "result": None}).encode() + b"\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(talk, path=str(paths.socket))
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


async def nothing() -> None:
    """Starts no engine."""


def cockpit(paths: StudyPaths, start: Callable[[], Awaitable[None]] = nothing) -> Cockpit:
    return Cockpit(paths, start, lambda experiment: f"+ diff of {experiment.id}")


async def until(pilot: Pilot[int], condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await pilot.pause(0.02)


def text(app: Cockpit, widget: type[Header]) -> str:
    return "\n".join(line.plain for line in app.main.query_one(widget).shown)


def notices(app: Cockpit) -> str:
    return " ".join(note.message for note in app._notifications)  # pyright: ignore[reportPrivateUsage]


def screen_text(app: Cockpit) -> str:
    lines = app.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage]
    return "\n".join(line.text for line in lines)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_shows_the_study(paths: StudyPaths, store: Writer, size: tuple[int, int]):
    app = cockpit(paths)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "● HEALTHY" in text(app, Header))
        shown = screen_text(app)
        assert "1.0000" in shown
        assert "cpu-01" in shown
        assert "LR 0.3 [bold]→[/bold] 0.2" in shown or size[0] < 120
        assert "1 wait for approval" in shown


async def test_new_results_appear(paths: StudyPaths, store: Writer):
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        put(store, "e0003", status=ExperimentStatus.QUEUED)
        await until(pilot, lambda: not app.main.view.waiting)
        assert "wait for approval" not in text(app, Header)


async def test_keys_ask_the_engine(paths: StudyPaths, store: Writer):
    app, asked = cockpit(paths), []
    async with engine(paths, asked), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("w")
        for key, count in (("A", 1), ("P", 2), ("M", 3)):
            await pilot.press(key)
            await until(pilot, lambda count=count: len(asked) == count)
        await pilot.press("V")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"too bold", "enter")
        await until(pilot, lambda: len(asked) == 4)
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, StopScreen))
        await pilot.press("S")
        await until(pilot, lambda: len(asked) == 5)
    assert asked == [
        ("approve", {"experiments": ["e0003"]}),
        ("pause", {}),
        ("approval", {"mode": "auto"}),
        ("veto", {"experiments": ["e0003"], "why": "too bold"}),
        ("stop", {"now": False}),
    ]


async def test_words_reach_whoever_understands_them(paths: StudyPaths, store: Writer):
    app, asked = cockpit(paths), []
    async with engine(paths, asked), app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        # An optimiser understands nothing, so nothing is offered.
        await pilot.press("R")
        assert app.screen is app.main
        assert "tell" not in screen_text(app)
        store.change_study(researcher="llm, llm:sceptic, optimizer")
        await until(pilot, lambda: "R tell" in screen_text(app))
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.focused, Input))
        assert "Tell llm, llm:sceptic" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.main)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"leave DEPTH", "enter")
        await until(pilot, lambda: asked)
    assert asked == [("say", {"words": "leave DEPTH"})]


LOWER = "abcdefghijklmnopqrstuvwxyz".replace("q", "")


@pytest.mark.parametrize("pane", ["scatter", "reasoning", "experiments", "log", "details"])
async def test_lower_case_keys_change_nothing(paths: StudyPaths, store: Writer, pane: str):
    app, asked, started = cockpit(paths), [], []

    async def start() -> None:
        started.append(True)

    app = cockpit(paths, start)
    async with engine(paths, asked), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        app.main.query_one(f"#{pane}").focus()
        await pilot.press("w", *LOWER, "space", "slash", *"max", "enter", *LOWER)
        await pilot.pause()
    assert asked == []
    assert started == []


async def test_approval_acts_on_what_is_chosen_and_on_nothing_else(
    paths: StudyPaths, store: Writer
):
    app, asked = cockpit(paths), []
    async with engine(paths, asked), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.waiting)
        await pilot.press("A", "V", "X", "end", "A", "V")
        await pilot.pause()
        assert asked == []
        await pilot.press("w", "A")
        await until(pilot, lambda: asked)
    assert asked == [("approve", {"experiments": ["e0003"]})]


async def test_the_last_act_is_taken_back(paths: StudyPaths, store: Writer):
    app, asked = cockpit(paths), []
    async with engine(paths, asked), app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        for key in ("w", "A", "M", "P"):
            before = len(asked)
            await pilot.press(key)
            if key == "w":
                continue
            await until(pilot, lambda before=before: len(asked) == before + 1)
            await pilot.pause()
            await pilot.press("u")
            await until(pilot, lambda before=before: len(asked) == before + 2)
        await pilot.press("u")
        await pilot.pause()
    assert asked == [
        ("approve", {"experiments": ["e0003"]}),
        ("unapprove", {"experiments": ["e0003"]}),
        ("approval", {"mode": "auto"}),
        ("approval", {"mode": "manual"}),
        ("pause", {}),
        ("resume", {}),
    ]


async def test_a_slow_engine_holds_nothing_up(paths: StudyPaths, store: Writer):
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(never, path=str(paths.socket))
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("P", "question_mark")
        assert isinstance(app.screen, HelpScreen)
    server.close()


async def test_escape_leads_back_to_live(paths: StudyPaths, store: Writer):
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("j")
        listed = app.main.query_one(ExperimentList)
        assert listed.chosen is not None
        await pilot.press("z", "escape")
        assert app.main.maximized is None
        assert listed.chosen is not None
        await pilot.press("escape")
        assert listed.chosen is None


async def test_only_scrolling_back_ends_following(paths: StudyPaths, store: Writer):
    paths.logs.mkdir()
    paths.run_log("e0001-r1").write_text("".join(f"line {i}\n" for i in range(300)))
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        pane = app.main.query_one(LogPane)
        await until(pilot, lambda: "line 299" in screen_text(app))
        assert "FOLLOWING" in str(pane.border_subtitle)
        for size in ((120, 20), (200, 50), (120, 40)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: "line 299" in screen_text(app))
            assert "FOLLOWING" in str(pane.border_subtitle)
        pane.focus()
        await pilot.press("k")
        assert "esc leads to the end" in str(pane.border_subtitle)
        await pilot.press("space", "space")
        await until(pilot, lambda: "FOLLOWING" in str(pane.border_subtitle))
        await pilot.press("g", "escape")
        await until(pilot, lambda: "line 299" in screen_text(app))
        assert "FOLLOWING" in str(pane.border_subtitle)


async def test_nothing_is_never_copied(paths: StudyPaths, store: Writer):
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        app.copy_to_clipboard("kept")
        for pane in ("log", "reasoning", "experiments", "details", "scatter"):
            app.main.query_one(f"#{pane}").focus()
            app.main.text_select_all()
            await pilot.press("ctrl+c")
            assert app.clipboard
        await pilot.press("end", "y")
        assert app.clipboard.startswith("e0001 1.000000 LR 0.1")


async def test_a_refused_request_is_told(paths: StudyPaths, store: Writer):
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("P")
        await until(pilot, lambda: list(app._notifications))  # pyright: ignore[reportPrivateUsage]
        (said,) = app._notifications  # pyright: ignore[reportPrivateUsage]
        assert "no engine is running" in said.message


async def test_details_show_the_diff(paths: StudyPaths, store: Writer):
    put(store, "e0001", commit="abc")
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        await pilot.press("end", "5")
        await until(pilot, lambda: "diff of e0001" in screen_text(app))
        assert isinstance(app.focused, DetailsPane)
        assert "e0001-r1" in screen_text(app)


async def test_log_streams(paths: StudyPaths, store: Writer):
    paths.logs.mkdir()
    log = paths.run_log("e0001-r1")
    log.write_text("first line\n\x1b[31mred\x1b[0m\n")
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "first line" in screen_text(app))
        assert "red" in screen_text(app)
        with log.open("a") as file:
            file.write("".join(f"line {i}\n" for i in range(500)))
        await until(pilot, lambda: "line 499" in screen_text(app))
        pane = app.main.query_one(LogPane)
        pane.focus()
        await pilot.press("g")
        await until(pilot, lambda: "first line" in screen_text(app))
        with log.open("a") as file:
            file.write("at the end\n")
        await until(pilot, lambda: pane.virtual_size.height == 503)
        assert "first line" in screen_text(app)


async def test_filter_zoom_help_and_panes(paths: StudyPaths, store: Writer):
    app = cockpit(paths)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        listed = app.main.query_one(ExperimentList)
        await pilot.press("f")
        await pilot.press(*"nope:1", "enter")
        await until(pilot, lambda: "there is no nope" in notices(app))
        await pilot.press(*["backspace"] * 6, *"is:kept", "enter")
        await until(pilot, lambda: "1 of is:kept" in str(listed.border_title))
        await pilot.press("f", *["backspace"] * 7, "enter")
        await until(pilot, lambda: "all 3" in str(listed.border_title))
        for key, name in zip(
            "12345", ("scatter", "reasoning", "experiments", "log", "details"), strict=True
        ):
            await pilot.press(key)
            assert app.focused is not None
            assert app.focused.id == name
            assert app.focused.is_on_screen
        await pilot.press("z")
        assert app.main.maximized is not None
        await pilot.press("z", "question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape")
        assert app.screen is app.main


async def test_theme_is_remembered(paths: StudyPaths, store: Writer):
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.theme == DARK.name
        await pilot.press("T")
        await pilot.pause()
    again = cockpit(paths)
    async with again.run_test(size=(120, 40)):
        assert again.theme == LIGHT.name


@pytest.mark.parametrize("width", [120, 200])
async def test_borders_are_drawn_by_the_mouse(paths: StudyPaths, store: Writer, width: int):
    app = cockpit(paths)
    async with app.run_test(size=(width, 50)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        scatter = app.main.query_one(Scatter)

        async def drag(begin: tuple[int, int], end: tuple[int, int]) -> tuple[int, int]:
            await pilot.mouse_down(offset=begin)
            await pilot.hover(offset=end)
            await pilot.mouse_up(offset=end)
            await pilot.pause()
            return scatter.outer_size

        before = scatter.outer_size
        corner = scatter.region
        middle = corner.y + corner.height // 2
        # Held within a pane, or moved without being held, it draws nothing.
        assert await drag((corner.right - 9, middle), (corner.right - 40, middle)) == before
        await pilot.hover(offset=(corner.right - 40, middle))
        wide = await drag((corner.right, middle), (corner.right - width // 5, middle))
        assert wide[0] == pytest.approx(before[0] - width / 5, abs=width / 20)
        assert wide[1] == before[1]
        corner = scatter.region
        high = await drag((9, corner.bottom - 1), (9, corner.bottom + 7))
        assert high[1] == pytest.approx(before[1] + 8, abs=2.5)
        both = await drag((scatter.region.right, scatter.region.bottom), (1, 1))
        assert both[0] < wide[0]
        assert both[1] < before[1]
        await pilot.hover(offset=(width - 5, 40))
        assert scatter.outer_size == both
    again = cockpit(paths)
    async with again.run_test(size=(width, 50)) as pilot:
        await until(pilot, lambda: again.main.query_one(Scatter).outer_size == both)


async def test_the_desktop_is_told_where_that_is_wanted(
    paths: StudyPaths, store: Writer, monkeypatch: pytest.MonkeyPatch
):
    told: list[str] = []
    where = "autoresearch_tui.tui.screens.main.tell_desktop"
    monkeypatch.setattr(where, lambda app, words: told.append(words))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "HEALTHY" in text(app, Header))
        store.change_study(heartbeat_at=1.0)
        await until(pilot, lambda: "DEAD" in text(app, Header))
        assert told == []
        await pilot.press("ctrl+n")
        assert len(told) == 1
    store.change_study(heartbeat_at=time.time())
    again = cockpit(paths)
    async with again.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "HEALTHY" in text(again, Header))
        store.change_study(heartbeat_at=1.0)
        await until(pilot, lambda: len(told) == 2)
        assert "DEAD no engine for" in told[1]
        await pilot.press("ctrl+n")
        assert len(told) == 2


@pytest.mark.parametrize(
    ("in_tmux", "sent"),
    [(False, "\x1b]9;ab\x07"), (True, "\x1bPtmux;\x1b\x1b]9;ab\x07\x1b\\")],
)
def test_a_notification_holds_no_sequence_of_anothers(in_tmux: bool, sent: str):
    assert notification("a\x1b[2J\x07b", in_tmux=in_tmux) == sent


async def test_too_small_and_back(paths: StudyPaths, store: Writer):
    app = cockpit(paths)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        assert "60x15 needed, 40x10 here" in screen_text(app)
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: "cpu-01" in screen_text(app))


async def test_no_study_yet_then_e_starts_the_engine(paths: StudyPaths):
    started: list[bool] = []

    async def start() -> None:
        started.append(True)

    app = cockpit(paths, start)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "no study here yet" in screen_text(app))
        await pilot.press("E")
        await until(pilot, lambda: started)
    assert started == [True]


@pytest.mark.parametrize("width", [120, 200])
async def test_panes_are_resized_within_bounds_and_remembered(
    paths: StudyPaths, store: Writer, width: int
):
    def size(app: Cockpit) -> tuple[int, int]:
        return app.main.query_one(Scatter).outer_size

    app = cockpit(paths)
    async with app.run_test(size=(width, 50)) as pilot:
        await until(pilot, lambda: app.main.view.study)
        before = size(app)
        await pilot.press("ctrl+right", "ctrl+down")
        await until(pilot, lambda: size(app)[0] > before[0] and size(app)[1] > before[1])
        larger = size(app)
        await pilot.press(*["ctrl+left"] * 20)
        await until(pilot, lambda: size(app)[0] < before[0])
        assert size(app)[0] >= width // 6
        await pilot.press(*["ctrl+right"] * 4)
        await until(pilot, lambda: size(app) == larger)
    again = cockpit(paths)
    async with again.run_test(size=(width, 50)) as pilot:
        await until(pilot, lambda: size(again) == larger)
        # Where panes stand one at a time there is nothing to share.
        await pilot.resize_terminal(80, 24)
        await pilot.press("1")
        await until(pilot, lambda: size(again)[0] == 80)
