"""A study that is played again, against the study itself."""

import lzma
import threading
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from autoresearch_tui.domain import Experiment, ExperimentStatus, RunStatus
from autoresearch_tui.errors import StudyError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.simulation.study import Sampler
from autoresearch_tui.store import Reader
from autoresearch_tui.store.writer import open_writer
from autoresearch_tui.tui.app import Cockpit
from autoresearch_tui.tui.diffs import edits_text
from autoresearch_tui.tui.feed import Feed
from autoresearch_tui.tui.replay import Replay
from autoresearch_tui.tui.view import View
from tests.simulation.night import Night


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyPaths:
    directory = tmp_path_factory.mktemp("night")
    settings = {"limits": {"max_hours": 1.5}, "approval": {"mode": "veto"}}
    Night(directory, [Sampler(1)], settings).run().close()
    return StudyPaths(directory)


def pictures(paths: StudyPaths, step: float) -> list[View]:
    clock = Clock()
    replay = Replay(paths.database, 1.0, clock)
    found: list[View] = []
    try:
        while replay.head.now() < replay.head.end or not found:
            clock.now += step
            view = replay.poll()
            assert view is not None
            found.append(view)
    finally:
        replay.close()
    return found


def test_at_its_end_it_is_what_the_study_is(study: StudyPaths):
    feed = Feed(study)
    living, played = feed.poll(), pictures(study, 60.0)[-1]
    feed.close()
    assert living is not None
    assert played.experiments == sorted(living.experiments, key=lambda e: e.number)
    assert played.runs == living.runs
    assert [row.is_best for row in played.verdict_rows].count(True) == len(played.leaders)
    assert played.leaders == living.leaders
    assert played.verdicts == living.verdicts
    assert played.study is not None
    assert living.study is not None
    silent = {"engine_pid": None, "heartbeat_at": None, "researcher_state": ""}
    assert replace(played.study, **silent) == replace(living.study, **silent)


def test_nothing_is_known_before_it_happened(study: StudyPaths):
    views = pictures(study, 45.0)
    assert len(views) > 50
    judged = [sum(view.verdicts.values()) for view in views]
    assert judged == sorted(judged)
    assert judged[0] == 0
    busy = 0
    for view in views:
        now = view.study.heartbeat_at if view.study is not None else None
        assert now is not None
        for experiment in view.experiments:
            assert experiment.created_at <= now
            if experiment.status is not ExperimentStatus.JUDGED:
                assert experiment.value is None
                assert experiment.verdict is None
        for run in view.runs.values():
            assert (run.ended_at or 0.0) <= now
            assert run.value is None or run.status is RunStatus.SUCCEEDED
            assert (run.started_at or 0.0) <= now
        for run in view.progress:
            assert 0 <= view.progress[run].fraction <= 1
        busy += len(view.progress)
        assert all(event.time <= now for event in view.events)
    assert busy / len(views) > 3


def test_each_entry_and_thought_is_shown_once(study: StudyPaths):
    views = pictures(study, 100.0)
    events = [event.seq for view in views for event in view.events]
    assert events == sorted(set(events))
    feed = Feed(study)
    living = feed.poll()
    feed.close()
    assert living is not None
    assert events[-1] == living.events[-1].seq


def test_speed_and_holding(study: StudyPaths):
    clock = Clock()
    replay = Replay(study.database, 10.0, clock)
    head = replay.head
    clock.now += 3
    assert head.now() - head.begin == 30.0
    head.change(speed=100.0)
    clock.now += 1
    assert head.now() - head.begin == 130.0
    head.change(held=True)
    clock.now += 50
    assert head.now() - head.begin == 130.0
    assert replay.poll() is not None
    assert replay.poll() is None
    head.change(held=False)
    clock.now += 1e9
    assert head.now() == head.end
    replay.close()


def test_a_study_in_which_nothing_has_happened(tmp_path: Path):
    with pytest.raises(StudyError, match="no study here yet"):
        Replay(tmp_path / "study.db", 1.0)


async def nothing() -> None:
    raise StudyError("no engine")


async def test_the_packaged_night_in_the_cockpit(tmp_path: Path):
    paths = StudyPaths(tmp_path)
    paths.state.mkdir()
    packed = files("autoresearch_tui").joinpath("night.db.xz").read_bytes()
    assert len(packed) < 300_000
    paths.database.write_bytes(lzma.decompress(packed))
    open_writer(paths.database).close()
    clock = Clock()
    replay = Replay(paths.database, 60.0, clock)
    clock.now = 90.0
    app = Cockpit(paths, nothing, edits_text, replay)
    async with app.run_test(size=(160, 50)) as pilot:
        await pilot.pause()
        text = app.export_screenshot().replace("&#160;", " ")
        assert "RECORDING" in text
        assert "16" in text
        for key in ("A", "V", "P", "S", "X", "M", "E", "R", "u"):
            await pilot.press(key)
        assert app.screen is app.main
        await pilot.press("full_stop", "full_stop", "comma")
        assert replay.head.speed == 120.0
        await pilot.press("p")
        assert replay.head.is_held
        await pilot.press("q")
    assert app.return_code in (None, 0)


def test_what_an_experiment_changes_without_its_repository(study: StudyPaths):
    feed = Feed(study)
    view = feed.poll()
    feed.close()
    assert view is not None
    changed: Experiment = next(e for e in view.experiments if e.edits)
    assert f"+{changed.edits[0].name} = " in edits_text(changed)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["feed", "recording"])
def test_a_source_is_closed_only_once_a_query_has_ended(
    study: StudyPaths, kind: str, monkeypatch: pytest.MonkeyPatch
):
    """SQLite ends the whole process where a connection is closed in the middle of a query."""
    begun, may_end, order = threading.Event(), threading.Event(), list[str]()
    asked = Reader.data_version if kind == "feed" else Reader.curve

    def slow(reader: Reader, *args: str) -> object:
        begun.set()
        assert may_end.wait(10)
        found = asked(reader, *args)  # type: ignore[call-arg]
        order.append("asked")
        return found

    source = Feed(study) if kind == "feed" else Replay(study.database, 1.0, Clock())
    monkeypatch.setattr(Reader, asked.__name__, slow)
    ask = source.poll if kind == "feed" else lambda: source.curve("e0001-r1")

    def close() -> None:
        source.close()
        order.append("closed")

    threads = [threading.Thread(target=ask), threading.Thread(target=close)]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert order == ["asked", "closed"]
    # What comes too late gets nothing.
    assert source.poll() is None or kind == "recording"
    assert not source.curve("none")
