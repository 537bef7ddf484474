"""What runs print, and what is believed of it; which run goes where."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from autoresearch_tui.backends.base import JobState, JobStatus
from autoresearch_tui.domain import RunStatus
from autoresearch_tui.engine.jobs import conclude, run_script
from autoresearch_tui.engine.output import LineSplitter, Summary, parse_progress
from autoresearch_tui.lifecycle.assignment import Need, Room, assign

HASH = "a" * 64


def summary_of(text: str) -> Summary:
    splitter, summary = LineSplitter(), Summary("val_bpb")
    for line in [*splitter.feed(text.encode()), *splitter.close()]:
        summary.feed(line)
    return summary


def state(status: JobStatus = JobStatus.SUCCEEDED, **facts: object) -> JobState:
    return JobState("e0001-r1", "cpu-01", status, 0.0, **facts)  # type: ignore[arg-type]


def judged(text: str, job: JobState | None = None) -> tuple[RunStatus, float | None, str]:
    return conclude(job or state(), summary_of(text), {"train.py": HASH}, ["train.py"])


def proofs(before: str = "", after: str = "") -> str:
    """What the script prints around a run of one file."""
    whole = hashlib.sha256(f"{HASH}  train.py\n".encode()).hexdigest()
    return (
        f"autoresearch-sha256: {HASH} train.py\n"
        f"autoresearch-tree: before {before or whole}\n"
        "---\nval_bpb:          0.997900\n"
        f"autoresearch-tree: after {after or whole}\n"
    )


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
    good = proofs()
    assert judged(good) == (RunStatus.SUCCEEDED, 0.9979, "")
    other = good.replace("a" * 64, "b" * 64)
    status, value, why = judged(other)
    assert (status, value) == (RunStatus.FAILED, None)
    assert "other content" in why


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_metric_counts_only_beside_the_files_of_its_commit(when: str):
    status, value, why = judged(proofs(**{when: "b" * 64}))
    assert (status, value) == (RunStatus.FAILED, None)
    assert "of its commit" in why
    assert judged(f"{proofs()}autoresearch-tree: after {'c' * 64}\n")[1] is None


FILES = {
    "train.py": "print('val_bpb: 1.5', end='')\n",
    "data/a b's.txt": "x\n",
    "prepare.py": "",
    "eval.txt": "",
}


@pytest.mark.parametrize(
    ("change", "run", "why"),
    [
        ("", "python3 train.py", ""),
        ("", 'python3 train.py; echo more >> "data/a b\'s.txt"', ""),
        ("", "exec python3 train.py", ""),
        ("prepare.py", "python3 train.py", "changed before it ran"),
        ("data/a b's.txt", "python3 train.py", "changed before it ran"),
        ("", "python3 train.py; echo 1 >> prepare.py", "changed while it ran"),
        ("", "python3 train.py; echo 1 >> eval.txt", "changed while it ran"),
        ("", "python3 train.py; echo 1 >> train.py", "changed while it ran"),
    ],
)
def test_the_script_proves_what_it_executes(tmp_path: Path, change: str, run: str, why: str):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    if change:
        (tmp_path / change).write_text("changed\n")
    script = run_script(run, ["train.py"], FILES, ["eval.txt"])
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = {n: hashlib.sha256(text.encode()).hexdigest() for n, text in FILES.items()}
    found = summary_of(done.stdout)
    status, value, said = conclude(state(), found, expected, ["train.py"], ["eval.txt"])
    assert why in said
    assert (status, value) == ((RunStatus.FAILED, None) if why else (RunStatus.SUCCEEDED, 1.5))


def test_the_script_ends_as_the_run_does(tmp_path: Path):
    (tmp_path / "train.py").write_text("")
    script = run_script("exit 7", ["train.py"], ["train.py"])
    assert subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True).returncode == 7
    (tmp_path / "train.py").unlink()
    assert (
        subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True).returncode == 97
    )


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
    status, value, said = judged(proofs().replace("---\nval_bpb:          0.997900\n", printed))
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
