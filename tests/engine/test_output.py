"""What runs print, and what is believed of it; which run goes where."""

import pytest

from autoresearch_tui.backends.base import JobState, JobStatus
from autoresearch_tui.domain import RunStatus
from autoresearch_tui.engine.assignment import Need, Room, assign
from autoresearch_tui.engine.jobs import conclude
from autoresearch_tui.engine.output import LineSplitter, Summary, parse_progress

HASH = "a" * 64


def summary_of(text: str) -> Summary:
    splitter, summary = LineSplitter(), Summary("val_bpb")
    for line in [*splitter.feed(text.encode()), *splitter.close()]:
        summary.feed(line)
    return summary


def state(status: JobStatus = JobStatus.SUCCEEDED, **facts: object) -> JobState:
    return JobState("e0001-r1", "cpu-01", status, 0.0, **facts)  # type: ignore[arg-type]


def judged(text: str, job: JobState | None = None) -> tuple[RunStatus, float | None, str]:
    return conclude(job or state(), summary_of(text), {"train.py": HASH})


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_do_not_depend_on_how_the_bytes_arrive(size: int):
    data = "step 1 | loss: 2\rstep 2 | loss: 1\r\nä\x1b[31mred\x1b[0m\r\n---\nval_bpb: 1.0".encode()
    splitter = LineSplitter()
    found = [
        line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])
    ]
    found += splitter.close()
    texts = [line.text for line in found]
    assert texts == ["step 1 | loss: 2", "step 2 | loss: 1", "äred", "---", "val_bpb: 1.0"]
    assert [line.transient for line in found] == [True, False, False, False, False]


def test_an_endless_line_takes_bounded_memory():
    splitter = LineSplitter()
    lines = [line for _ in range(1000) for line in splitter.feed(b"x" * 1000)]
    assert max(len(line.text) for line in lines) <= 4000


def test_progress():
    line = "step 00953 (100.0%) | loss: 2.997900 | lrm: 0.05 | dt: 315ms | remaining: 12s    "
    found = parse_progress(line)
    assert found is not None
    assert (found.step, found.fraction, found.loss, found.remaining) == (953, 1.0, 2.9979, 12.0)
    assert parse_progress("a step forward") is None


def test_a_metric_counts_only_for_the_code_that_was_proposed():
    good = f"autoresearch-sha256: {HASH} train.py\n---\nval_bpb:          0.997900\n"
    assert judged(good) == (RunStatus.SUCCEEDED, 0.9979, "")
    other = good.replace("a" * 64, "b" * 64)
    status, value, why = judged(other)
    assert (status, value) == (RunStatus.FAILED, None)
    assert "other content" in why


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ("", "without printing val_bpb"),
        ("---\nval_bpb: nan\n", "nan"),
        ("---\nval_bpb: inf\n", "inf"),
        ("---\nval_bpb: good\n", "no number"),
        ("---\nval_bpb: 1.0\nval_bpb: 2.0\n", "2 times"),
    ],
)
def test_what_is_no_metric_is_a_failure(printed: str, why: str):
    status, value, said = judged(f"autoresearch-sha256: {HASH} train.py\n{printed}")
    assert (status, value) == (RunStatus.FAILED, None)
    assert why in said


def test_a_failure_tells_its_exit_code_and_last_line():
    _, _, why = judged("boom\n", state(JobStatus.FAILED, exit_code=7))
    assert why == "exit code 7: boom"
    status, _, why = judged("", state(JobStatus.TIMED_OUT, why="time limit of 900 s"))
    assert (status, why) == (RunStatus.TIMED_OUT, "time limit of 900 s")


def test_each_run_goes_to_the_least_loaded_cluster_that_fits():
    rooms = [Room("a", "H100", 1, 2), Room("b", "H100", 0, 2), Room("c", "H200", 0, 2)]
    pairs = assign([Need("x", 2), Need("y", 3, "H200")], rooms)
    assert pairs == [("x", "b"), ("x", "c"), ("y", "c")]
    assert assign([Need("x", 9)], [Room("a", "CPU", 2, 2)]) == []
