"""The clusters in the cockpit: what their tiles say, and the acts on them."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.widgets import Label, OptionList

from autoresearch_tui.control import ROLE, VIEWER
from autoresearch_tui.domain import (
    Blame,
    Cluster,
    ClusterStatus,
    CurvePoint,
    Experiment,
    ExperimentStatus,
    Progress,
    Run,
    RunStatus,
    Verdict,
)
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.tui.feed import Feed
from autoresearch_tui.tui.gantt import Window, how_it_ended, strip
from autoresearch_tui.tui.screens.clusters import ClustersScreen
from autoresearch_tui.tui.screens.experiment import ExperimentScreen
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.log import LogPane
from autoresearch_tui.tui.widgets.strips import Strips
from autoresearch_tui.tui.widgets.tiles import tile_lines
from tests.tui.test_cockpit import cockpit, engine, paths, store, until

__all__ = ["paths", "store"]

NOW = 1000.0
WAITS = "waits: pending: (Resources)"


def cluster(name: str, status: ClusterStatus, **facts: object) -> Cluster:
    known = Cluster(name, "skypilot", "H100", status, NOW)
    return replace(known, **facts)


FLEET = (
    cluster("gpu-01", ClusterStatus.UP, price=2.5, cost=7.5, up_at=NOW, node="node-7"),
    cluster("gpu-02", ClusterStatus.PROVISIONING, note=WAITS),
    cluster("gpu-03", ClusterStatus.GONE, note="given back"),
)


def tiles(*clusters: Cluster, width: int = 80) -> str:
    lines = tile_lines(View(clusters=clusters), NOW, width, 9)
    return "\n".join(line.plain for line in lines)


def test_a_tile_says_what_it_costs_and_why_it_waits():
    shown = tiles(*FLEET)
    assert "$7.50" in shown
    assert WAITS in shown
    assert "gpu-03" not in shown


def test_a_tile_says_when_its_cluster_does_not_answer_or_is_suspected():
    silent = cluster("gpu-01", ClusterStatus.UP, note="does not answer: cannot be reached by SSH")
    assert "▲ does not answer" in tiles(silent)
    assert "▲ suspect " in tiles(replace(FLEET[0], suspected="lost 3 runs in a row"))


def test_a_wide_tile_says_how_its_accelerator_is():
    run = Run("e1-r1", "e1", 1, RunStatus.RUNNING, 1, NOW, "gpu-01", "H100", started_at=NOW)
    said = {"gpu-01": "97 % 44/80 GB 63 °C 650 W"}
    view = View(clusters=FLEET[:1], runs={run.id: run}, telemetry=said)
    shown = ["\n".join(t.plain for t in tile_lines(view, NOW, width, 9)) for width in (38, 76)]
    assert [said["gpu-01"] in text for text in shown] == [False, True]


@pytest.fixture
def fleet(store: Writer) -> Writer:
    for each in FLEET:
        store.put_cluster(each)
    return store


ACTS = {
    "R": ("replace", {"cluster": "gpu-02"}),
    "D": ("drain", {"cluster": "gpu-02"}),
    "W": ("wake", {"cluster": "gpu-02"}),
    "plus": ("scale", {"accelerators": "H100", "count": 3}),
    "minus": ("scale", {"accelerators": "H100", "count": 1}),
}


@pytest.mark.parametrize("key", ACTS)
async def test_clusters_are_chosen_and_acted_on(paths: StudyPaths, fleet: Writer, key: str):
    app, asked = cockpit(paths), []
    async with engine(paths, asked), app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(app.main.view.clusters) == 4)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, ClustersScreen))
        # The machine's own slot is first, then gpu-01.
        await pilot.press("j", "j")
        facts = app.screen.query_one("#facts", Label)
        await until(pilot, lambda: WAITS in str(facts.content))
        await pilot.press(key)
        await until(pilot, lambda: asked)
    assert asked == [ACTS[key]]


async def test_nothing_is_asked_on_the_way_back(paths: StudyPaths, fleet: Writer):
    app, asked = cockpit(paths), []
    async with engine(paths, asked), app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.main.view.clusters)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, ClustersScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
    assert asked == []


def ran(name: str, begin: float, end: float | None, **facts: object) -> Run:
    status = RunStatus.RUNNING if end is None else RunStatus.SUCCEEDED
    made = Run(name, name, 1, status, 1, begin, "gpu-01", "H100", started_at=begin, ended_at=end)
    return replace(made, **facts)


def judged(name: str, verdict: Verdict) -> Experiment:
    status = ExperimentStatus.JUDGED
    return Experiment(name, 1, 1, status, "LR", "why", "o", NOW, verdict=verdict, judged_at=NOW)


def test_a_strip_shows_ends_idle_times_pauses_and_the_way_up():
    up = cluster("gpu-01", ClusterStatus.UP, up_at=NOW + 20)
    runs = [
        ran("e1", NOW + 20, NOW + 45),
        ran("e2", NOW + 50, NOW + 75, status=RunStatus.FAILED, blame=Blame.EXPERIMENT),
        ran("e3", NOW + 120, None),
    ]
    known = {"e1": judged("e1", Verdict.KEEP), "e2": judged("e2", Verdict.CRASH)}
    drawn = strip(
        up,
        runs,
        lambda run: how_it_ended(run, known.get(run.experiment)),
        Window(NOW - 10, NOW + 140, 15),
        [(NOW, NOW + 140)],
        [(NOW + 100, NOW + 120)],
    )
    assert drawn.plain == " ░░━━✓━━×╌╌==━━"


def test_of_the_ends_in_one_cell_the_gravest_is_shown():
    up = cluster("gpu-01", ClusterStatus.UP, up_at=NOW)
    ends = {"e1": Verdict.CRASH, "e2": Verdict.KEEP, "e3": Verdict.DISCARD}
    runs = [ran(name, NOW + at, NOW + at + 1) for at, name in enumerate(ends)]
    known = {name: judged(name, verdict) for name, verdict in ends.items()}
    window, lives = Window(NOW, NOW + 10, 1), [(NOW, NOW + 10)]
    for count, sign in ((3, "×"), (2, "✓"), (1, "·")):
        drawn = strip(
            up, runs[-count:], lambda r: how_it_ended(r, known[r.experiment]), window, lives, []
        )
        assert drawn.plain == sign


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 50)), max_size=20),
    st.integers(1, 200),
    st.floats(0.001, 1000),
)
def test_a_strip_is_as_wide_as_its_window(
    spans: list[tuple[float, float]], cells: int, width: float
):
    runs = [ran(f"e{at}", begin, begin + took) for at, (begin, took) in enumerate(spans)]
    up = cluster("gpu-01", ClusterStatus.UP, up_at=0.0)
    window = Window(10, 10 + width, cells)
    drawn = strip(up, runs, lambda run: how_it_ended(run, None), window, [(0, 200)], [])
    assert drawn.cell_length == cells


async def test_a_run_on_a_cluster_is_opened_and_its_log_is_shown(paths: StudyPaths, store: Writer):
    app = cockpit(paths)
    paths.setup_log("cpu-01").parent.mkdir(parents=True, exist_ok=True)
    paths.setup_log("cpu-01").write_text("prepared the data\n")
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.main.view.runs)
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, ClustersScreen))
        runs = app.screen.query_one(OptionList)
        await until(pilot, lambda: runs.option_count == 1)
        await pilot.press("l")
        log = app.screen.query_one(LogPane)
        await until(pilot, lambda: "prepared the data" in log.text)
        await pilot.press("l", "tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, ExperimentScreen))
        assert app.main.chosen is not None
        assert app.main.chosen.id == "e0001"


async def test_sixty_four_clusters_are_walked(paths: StudyPaths, store: Writer):
    for number in range(64):
        store.put_cluster(cluster(f"gpu-{number:02}", ClusterStatus.UP))
    app = cockpit(paths)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(app.main.view.clusters) == 65)
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, ClustersScreen))
        strips = app.screen.query_one(Strips)
        await pilot.press("G")
        await until(pilot, lambda: strips.chosen is not None and strips.chosen.name == "gpu-63")
        assert "gpu-63" in strips.shown[-1].plain
        assert len(strips.shown) < 20


async def test_who_only_looks_is_offered_no_act_on_clusters(
    paths: StudyPaths, fleet: Writer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(ROLE, VIEWER)
    app, asked = cockpit(paths), []
    async with engine(paths, asked), app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(app.main.view.clusters) == 4)
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, ClustersScreen))
        await pilot.press("D", "R", "plus", "escape")
        await until(pilot, lambda: app.screen is app.main)
    assert asked == []


def many(count: int) -> tuple[list[Cluster], dict[str, Run]]:
    """Clusters of two types that all run something, the first one for a minute only."""
    clusters, runs = list[Cluster](), dict[str, Run]()
    for at in range(count):
        kind = "H200" if at % 4 == 0 else "H100"
        name = f"gpu-{at:02}"
        clusters.append(replace(cluster(name, ClusterStatus.UP), accelerator=kind))
        run = ran(f"e{at}", NOW, None, cluster=name, accelerator=kind)
        runs[run.id] = run
    return clusters, runs


def test_beyond_24_clusters_a_strip_has_a_cell_each_and_names_the_worst():
    clusters, runs = many(64)
    clusters[5] = replace(clusters[5], suspected="lost 3 runs in a row")
    clusters[7] = replace(clusters[7], status=ClusterStatus.PROVISIONING)
    del runs["e9"]
    view = View(clusters=clusters, runs=runs, lives=[(NOW, NOW + 60)])
    lines = [line.plain for line in tile_lines(view, NOW + 60, 120, 8)]
    assert len(lines) == 3
    assert lines[0].startswith("H100 47/48 up busy 100%")
    assert lines[0].count("█") == 45
    assert lines[1].startswith("H200 16/16 up")
    assert "▲ gpu-05 lost 3 runs in a row" in lines[2]
    assert "○ gpu-09" in lines[2]


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 70), st.integers(20, 220), st.integers(2, 9))
def test_tiles_of_any_number_fit_any_width(count: int, width: int, rows: int):
    clusters, runs = many(count)
    lines = tile_lines(View(clusters=clusters, runs=runs), NOW + 30, width, rows)
    assert all(line.cell_length <= width for line in lines)
    assert len(lines) <= 2 * rows


def test_a_tile_says_how_it_learns_beside_the_best():
    run = ran("e1-r1", NOW, None)
    progress = {run.id: Progress(run.id, 0.5, 10, 4.25, 100.0, "", NOW)}
    curve = [CurvePoint(1, 0.25, 5.0), CurvePoint(2, 0.5, 4.5), CurvePoint(3, 1.0, 3.0)]
    view = View(
        clusters=FLEET[:1], runs={run.id: run}, progress=progress, best_curves={"H100": curve}
    )
    for rows in (1, 9):
        shown = "\n".join(line.plain for line in tile_lines(view, NOW, 100, rows))
        assert "loss 4.2500, best 4.5000" in shown
        assert "█" not in shown
    falls = [CurvePoint(step, step / 16, 12.0 - step) for step in range(1, 9)]
    falling = replace(view, curves={run.id: falls})
    for rows in (1, 9):
        shown = "\n".join(line.plain for line in tile_lines(falling, NOW, 120, rows))
        assert "██▇▆▅▃▂▁" in shown


async def test_the_curve_of_a_run_grows_with_what_it_says(
    paths: StudyPaths, store: Writer, monkeypatch: pytest.MonkeyPatch
):
    running = "e0001-r1"
    past = [CurvePoint(step, step / 100, 5.0) for step in range(1, 4)]
    store.put_read([], {running: past}, [])
    feed = Feed(paths)

    def steps_of(step: int, loss: float | None) -> list[int]:
        store.put_read([Progress(running, step / 100, step, loss, 1.0, "", NOW)], {}, [])
        found = feed.poll()
        assert found is not None
        return [point.step for point in found.curves[running]]

    assert steps_of(7, 4.0) == [1, 2, 3, 7]
    assert steps_of(7, 4.0) == [1, 2, 3, 7]
    assert steps_of(9, None) == [1, 2, 3, 7]
    # It is read from the database but once.
    store.put_read([], {running: []}, [])
    assert steps_of(11, 3.0) == [1, 2, 3, 7, 11]
    # A long one is thinned, to its end.
    monkeypatch.setattr("autoresearch_tui.tui.feed._MOST_POINTS", 10)
    for step in range(12, 60):
        found = steps_of(step, 3.0)
        assert len(found) <= 10
        assert found[-1] >= step - 1
    feed.close()


async def test_the_curve_of_the_best_is_read_once_it_is_known(paths: StudyPaths, store: Writer):
    store.put_read([], {"e0001-r1": [CurvePoint(1, 0.5, 4.5)]}, [])
    feed = Feed(paths)
    first = feed.poll()
    store.put_cluster(cluster("gpu-01", ClusterStatus.UP))
    second = feed.poll()
    feed.close()
    assert first is not None
    assert second is not None
    assert [point.loss for point in second.best_curves["CPU"]] == [4.5]
