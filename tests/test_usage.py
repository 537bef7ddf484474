"""Busy and idle time, on spans whose truth is plain."""

from dataclasses import replace

import pytest

from autoresearch_tui.domain import Cluster, ClusterStatus, Run, RunStatus
from autoresearch_tui.usage import Split, split, usage


def run(start: float, end: float | None, cluster: str = "a") -> Run:
    status = RunStatus.RUNNING if end is None else RunStatus.SUCCEEDED
    name = f"e{start:.0f}-{cluster}"
    return Run(name, "e", 1, status, 1, 0.0, cluster, "CPU", start, start, end)


def test_gaps_within_a_life_are_idle():
    used = usage([run(0, 10), run(14, 20), run(20, None)], [(0, 30)], 30)
    assert (used.busy, used.idle, used.longest_gap) == (26, 4, 4)
    assert used.idle_percent == pytest.approx(100 * 4 / 30)


def test_time_without_an_engine_is_neither_busy_nor_idle():
    used = usage([run(0, 10), run(1000, 1010)], [(0, 12), (998, 1010)], 5000)
    assert (used.busy, used.idle, used.longest_gap) == (20, 4, 4)


def test_a_run_that_outlives_its_engine_is_busy():
    used = usage([run(0, 50), run(50, 60)], [(0, 10), (45, 60)], 60)
    assert (used.busy, used.idle) == (60, 0)


def test_a_finished_study_idles_no_longer():
    assert usage([run(0, 10)], [(0, 10)], 99999).idle == 0


def test_since_and_one_cluster():
    runs = [run(0, 10), run(20, 30), run(0, 30, "b")]
    assert usage(runs, [(0, 30)], 30, since=15).busy == 10 + 15
    assert usage(runs, [(0, 30)], 30, cluster="a").busy == 20
    assert usage([], [(0, 30)], 30).busy_share is None


def place(name: str = "a", **facts: object) -> Cluster:
    known = Cluster(name, "skypilot", "H100", ClusterStatus.UP, 0.0, up_at=100.0, updated_at=100.0)
    return replace(known, **facts)


def queued(start: float, end: float | None, submitted: float, **metrics: float) -> Run:
    return replace(run(start, end), submitted_at=submitted, metrics=metrics)


def test_what_the_time_of_a_cluster_went_to():
    runs = [
        queued(110, 160, 105, training_seconds=40.0),
        # It waited behind the first.
        queued(163, 213, 120, training_seconds=45.0),
        # The queue was empty for 27 seconds, 20 of them in a pause.
        queued(243, 253, 240),
    ]
    found = split(place(), runs, [(0, 260)], [(215, 235)], 260)
    assert found.provisioning == 100
    assert found.training == 40 + 45 + 10
    assert found.startup == 10 + 5
    assert found.gap == 3 + 3
    assert found.paused == 20
    assert found.idle == 10 + 7 + 7
    whole = found.training + found.startup + found.gap + found.paused + found.idle
    assert whole == 260 - 100
    assert found.words.startswith("training 59.4 %, start-up 9.4 %, gaps 3.8 %, nothing")


def test_a_cluster_that_comes_up_only_provisions():
    coming = place(status=ClusterStatus.PROVISIONING, up_at=None)
    assert split(coming, [], [(0, 50)], [], 50) == Split(provisioning=50.0)
    assert split(place(status=ClusterStatus.FAILED, up_at=None), [], [(0, 50)], [], 50) == Split()


def test_a_cluster_that_is_gone_idles_no_longer():
    gone = place(status=ClusterStatus.GONE, updated_at=130.0)
    assert split(gone, [], [(0, 999)], [], 999).idle == 30


def test_what_a_run_says_of_itself_is_not_more_than_it_took():
    """On a CPU the budget is counted in work, and no second of a clock."""
    found = split(place(), [queued(100, 110, 100, training_seconds=300.0)], [(0, 110)], [], 110)
    assert (found.training, found.startup) == (10, 0)
