"""Pictures of every screen on a fixed study, and of studies in which something is not as usual.

`pytest tests/tui/test_snapshots.py --snapshot-update` accepts what is drawn now: look at it first.
"""

import lzma
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from autoresearch_tui.domain import (
    Cluster,
    ClusterStatus,
    CurvePoint,
    Event,
    Note,
    StudyStatus,
    Thought,
    Turn,
)
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store.writer import open_writer
from autoresearch_tui.tui.app import Cockpit
from autoresearch_tui.tui.diffs import edits_text
from autoresearch_tui.tui.feed import Feed
from autoresearch_tui.tui.replay import Replay
from autoresearch_tui.tui.theme import LIGHT
from autoresearch_tui.tui.view import View
from tests.tui.test_cockpit import nothing, until
from tests.tui.test_view import NOW, cluster, judged, study, view

Compare = Callable[..., bool]

_WAITING = ("experiment", "clusters", "line")

SIZES = ((80, 24), (120, 40), (200, 60))

SCREENS: dict[str, Sequence[str]] = {
    "main": (),
    "plot": ("1", "z"),
    "lineage": ("s", "s", "s", "s"),
    "experiment": ("b", "enter"),
    "diff": ("b", "enter", "2"),
    "reasoning": ("b", "enter", "5"),
    "compare": ("end", "c"),
    "marked": ("b", *["space"] * 12, "c"),
    "clusters": ("i", "j"),
    "researchers": ("r",),
    "events": ("e",),
    "settings": ("v",),
    "help": ("question_mark",),
}


@pytest.fixture(autouse=True)
def same_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine is in a picture."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("XDG_CONFIG_HOME", "/config")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "vi")
    monkeypatch.setenv("PAGER", "less")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.fixture
def paths() -> StudyPaths:
    made = StudyPaths(Path("night"))
    made.state.mkdir(parents=True)
    return made


@pytest.fixture(scope="module")
def night() -> bytes:
    return lzma.decompress(files("autoresearch_tui").joinpath("night.db.xz").read_bytes())


def held(paths: StudyPaths, night: bytes) -> Cockpit:
    """The packaged night, standing still near its end: 630 experiments on two types."""
    paths.database.write_bytes(night)
    open_writer(paths.database).close()
    recording = Replay(paths.database, 1.0, lambda: 0.0)
    recording.head.jump(0.97)
    return Cockpit(paths, nothing, edits_text, recording)


async def settled(pilot: Pilot[int]) -> None:
    """Wait until threads have answered and nothing is drawn any more."""
    app = cast(Cockpit, pilot.app)
    await until(pilot, lambda: app.main.view.study is not None or app.main.view.trouble)
    # Those that wait for a screen to be left are not waited for.
    await until(pilot, lambda: all(w.is_finished or w.group in _WAITING for w in app.workers))
    before = ["", ""]
    while (now := app.export_screenshot()) != before[0] or now != before[1]:
        before = [now, before[0]]
        await pilot.pause(0.2)


def pressing(*keys: str, theme: str = "") -> Callable[[Pilot[int]], object]:
    async def run(pilot: Pilot[int]) -> None:
        if theme:
            pilot.app.theme = theme
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)

    return run


def named(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def pictured() -> Iterator[object]:
    """Every screen at every size; the larger ones of all but the first screen are for CI."""
    for name in SCREENS:
        for at, size in enumerate(SIZES):
            marks = [pytest.mark.e2e] if at and name != "main" else []
            yield pytest.param(name, size, id=f"{name}-{named(size)}", marks=marks)


@pytest.mark.parametrize(("name", "size"), pictured())
def test_every_screen(
    snap_compare: Compare, paths: StudyPaths, night: bytes, name: str, size: tuple[int, int]
):
    app = held(paths, night)
    assert snap_compare(app, terminal_size=size, run_before=pressing(*SCREENS[name]))


def test_the_light_theme(snap_compare: Compare, paths: StudyPaths, night: bytes):
    app = held(paths, night)
    assert snap_compare(app, terminal_size=(120, 40), run_before=pressing(theme=LIGHT.name))


class Still:
    """A source that has one picture."""

    def __init__(self, picture: View) -> None:
        self._pictures = [picture]

    def poll(self) -> View | None:
        return self._pictures.pop() if self._pictures else None

    def curve(self, run: str) -> Sequence[CurvePoint]:
        return ()

    def turns(self) -> Sequence[Turn]:
        return ()

    def thoughts_of(self, turn: int) -> Sequence[Thought]:
        return ()

    def notepad(self) -> Note:
        return Note(0, 0.0, "", "")

    def events(self, after: int) -> Sequence[Event]:
        return ()

    def close(self) -> None:
        pass


LONG = "幅を広げる 🚀 and a title that goes on, beyond what any terminal has room for " * 3


def fleet(count: int) -> list[Cluster]:
    """Clusters of two types, some of them not well."""
    found = [
        replace(
            cluster(f"gpu-{at:02}"),
            accelerator="H200" if at % 4 == 0 else "H100",
            price=2.5,
            cost=1.25,
            up_at=NOW - 3000,
        )
        for at in range(count)
    ]
    found[3] = replace(found[3], suspected="lost 3 runs in a row")
    found[5] = replace(found[5], status=ClusterStatus.PROVISIONING, note="waits: (Resources)")
    return found


def living(**facts: object) -> View:
    alive = study(engine_pid=os.getpid())
    return view(**{"study": alive, "clock": lambda: NOW, **facts})


UNUSUAL: dict[str, Callable[[], View]] = {
    "empty": lambda: living(experiments=(), runs={}, lives=((NOW - 5, NOW),)),
    "no study yet": View,
    "no cluster": lambda: living(clusters=(), runs={}),
    "64 clusters": lambda: living(clusters=fleet(64)),
    "long names": lambda: living(
        study=study(tag="t" * 40, metric="a_metric_with_a_name_" * 3, engine_pid=os.getpid()),
        experiments=tuple(
            replace(judged(n, 1 - n / 100, best=n == 3, keep=n == 1), title=LONG, why=LONG)
            for n in range(1, 9)
        ),
        clusters=[replace(cluster("a-cluster-with-a-long-name-" * 3), accelerator="X" * 30)],
    ),
    "dead engine": lambda: living(study=study(heartbeat_at=NOW - 600)),
    "finished": lambda: living(
        study=study(
            status=StudyStatus.FINISHED, ended_at=NOW, end_reason="60 experiments were judged"
        )
    ),
    "locked": lambda: View(trouble="the database is locked by another process"),
}


@pytest.mark.parametrize("size", SIZES[:2], ids=named)
@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_not_as_usual(
    snap_compare: Compare, paths: StudyPaths, name: str, size: tuple[int, int]
):
    app = Cockpit(paths, nothing, lambda experiment: "")
    picture = UNUSUAL[name]()
    still = Still(picture)
    app.main._feed = still  # pyright: ignore[reportPrivateUsage]

    async def drawn(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: app.main.view is picture)
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=size, run_before=drawn)


def test_no_picture_is_left_of_a_test_that_is_gone():
    drawn = {f"test_every_screen[{name}-{named(size)}]" for name in SCREENS for size in SIZES}
    drawn |= {
        f"test_what_is_not_as_usual[{name}-{named(size)}]" for name in UNUSUAL for size in SIZES[:2]
    }
    drawn |= {test_the_light_theme.__name__}
    kept = Path(__file__).parent / "__snapshots__" / "test_snapshots"
    assert {found.stem for found in kept.iterdir()} == drawn


@pytest.mark.parametrize("damage", ["corrupt", "of a later version"])
def test_a_database_that_cannot_be_read_is_said(paths: StudyPaths, damage: str):
    if damage == "corrupt":
        paths.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    else:
        open_writer(paths.database).close()
        with closing(sqlite3.connect(paths.database)) as database:
            database.execute("PRAGMA user_version = 9999")
    feed = Feed(paths)
    found = feed.poll()
    feed.close()
    assert found is not None
    assert {"corrupt": str(paths.database), "of a later version": "newer version"}[
        damage
    ] in found.trouble
    assert "\n" not in found.trouble
