"""What a job table and a few marks say of a job."""

import signal

import pytest

from autoresearch_tui.backends.base import JobStatus
from autoresearch_tui.backends.skypilot.rows import Row, is_between, jobs_of, state_of
from autoresearch_tui.backends.skypilot.script import CUT_OFF, NO_SPACE, NOT_READY

NOW = 10_000.0


def row(status: str = "RUNNING", job: int = 5, key: str = "e0001-r1_ab12cd", **rest: object) -> Row:
    marks = rest.pop("marks", {})
    return Row(job, key, status, 9_000.0, marks=marks, **rest)  # type: ignore[arg-type]


def status_of(found: Row, *, skew: float = 0.0, first: int = 1) -> JobStatus:
    return state_of(found, "c", skew, first, NOW).status


BEGUN = {"begun": "9100.5"}


def ended(code: int, at: float = 9200.0) -> dict[str, str]:
    return BEGUN | {"end": f"{code} {at}"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (row("INIT"), JobStatus.QUEUED),
        (row("PENDING"), JobStatus.QUEUED),
        # It has been started, and has not come to its own first line.
        (row("RUNNING"), JobStatus.QUEUED),
        (row("RUNNING", marks=BEGUN), JobStatus.RUNNING),
        (row("SUCCEEDED", marks=ended(0)), JobStatus.SUCCEEDED),
        (row("FAILED", marks=ended(3)), JobStatus.FAILED),
        (row("FAILED", marks=ended(CUT_OFF)), JobStatus.TIMED_OUT),
        (row("FAILED", marks=ended(NOT_READY)), JobStatus.LOST),
        (row("FAILED", marks=ended(NO_SPACE)), JobStatus.LOST),
        (row("FAILED", exit_codes=f"[{NO_SPACE}]"), JobStatus.LOST),
        (row("CANCELLED", marks=BEGUN), JobStatus.CANCELLED),
        (row("PENDING", marks={"cancelled": ""}), JobStatus.CANCELLED),
        (row("FAILED_DRIVER", marks=BEGUN), JobStatus.LOST),
        (row("FAILED_SETUP"), JobStatus.LOST),
        # The disk was too full for the job's own word; SkyPilot's stands.
        (row("SUCCEEDED", marks=BEGUN), JobStatus.SUCCEEDED),
        (row("FAILED", marks=BEGUN, exit_codes="[7]"), JobStatus.FAILED),
        # Its script was killed, and nobody knows how it ended.
        (row("FAILED", marks=BEGUN), JobStatus.LOST),
        # SkyPilot is about to say so too, or has missed it.
        (row("RUNNING", marks=ended(0, NOW - 1)), JobStatus.RUNNING),
        (row("RUNNING", marks=ended(0, NOW - 60)), JobStatus.SUCCEEDED),
    ],
)
def test_how_a_job_stands(found: Row, expected: JobStatus):
    assert status_of(found) is expected


def test_what_an_allocation_that_is_gone_held_is_lost():
    assert status_of(row("RUNNING", job=5, marks=BEGUN), first=6) is JobStatus.LOST
    assert status_of(row("SUCCEEDED", job=5, marks=ended(0)), first=6) is JobStatus.SUCCEEDED


def test_times_are_ours_though_the_clusters_clock_is_wrong():
    state = state_of(row("FAILED", marks=ended(3)), "c", -300.0, 1, NOW)
    assert (state.submitted_at, state.started_at, state.ended_at) == (8700.0, 8800.5, 8900.0)
    # A clock that goes ahead does not make a job that has just ended an old one.
    assert status_of(row("RUNNING", marks=ended(0, NOW + 299)), skew=-300.0) is JobStatus.RUNNING


@pytest.mark.parametrize("codes", ["[3]", "3", "[3, 0]"])
def test_an_exit_code_is_skypilots_where_a_job_left_no_word(codes: str):
    state = state_of(row("FAILED", marks=BEGUN, exit_codes=codes), "c", 0.0, 1, NOW)
    assert (state.status, state.exit_code) == (JobStatus.FAILED, 3)


def test_a_signal_is_named_and_is_no_exit_code():
    state = state_of(row("FAILED", marks=ended(128 + signal.SIGSEGV)), "c", 0.0, 1, NOW)
    assert (state.status, state.exit_code) == (JobStatus.FAILED, None)
    assert state.why == "killed by SIGSEGV"


def test_of_two_submissions_the_one_that_runs_is_the_job():
    first = row("SUCCEEDED", job=5, marks={"twin": ""}, key="a_1")
    second = row("RUNNING", job=6, marks=BEGUN, key="a_2")
    assert jobs_of([first, second]) == {"a": second}
    waiting = row("PENDING", job=5, key="a_1")
    assert jobs_of([waiting, second]) == {"a": second}
    assert jobs_of([waiting, row("PENDING", job=6, key="a_2")]) == {"a": waiting}


def test_between_two_jobs_is_when_what_waits_has_not_begun():
    over, runs = row("SUCCEEDED", marks=ended(0)), row("RUNNING", key="a_1", marks=BEGUN)
    says_so, waits = row("RUNNING", key="b_1", marks=ended(0)), row("PENDING", key="c_1")
    assert not is_between([over])
    assert not is_between([over, runs, waits])
    assert is_between([over, waits])
    assert is_between([says_so, waits])
    assert not is_between([over, row("PENDING", key="d_1", marks={"withdrawn": ""})])
    assert not is_between([over, row("RUNNING", key="worker_1"), waits])


def test_what_was_withdrawn_or_forgotten_is_no_job():
    assert jobs_of([row("PENDING", marks={"withdrawn": ""})]) == {}
    assert jobs_of([row("SUCCEEDED", marks=ended(0), here=False)]) == {}
    assert jobs_of([row("PENDING", here=False)]) != {}
