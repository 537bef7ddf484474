"""The clusters in the cockpit: what their tiles say, and the acts on them."""

from dataclasses import replace

import pytest
from textual.widgets import Label

from autoresearch_tui.domain import Cluster, ClusterStatus, Run, RunStatus
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.tui.screens.fleet import FleetScreen
from autoresearch_tui.tui.view import View
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
        await until(pilot, lambda: isinstance(app.screen, FleetScreen))
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
        await until(pilot, lambda: isinstance(app.screen, FleetScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
    assert asked == []
