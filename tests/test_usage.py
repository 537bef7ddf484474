"""Busy and idle time, on spans whose truth is plain."""

import pytest

from autoresearch_tui.domain import Run, RunStatus
from autoresearch_tui.usage import usage


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
