"""A task that changes under a study is asked about: its results and the older do not compare."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from autoresearch_tui.domain import RunStatus
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.studies import TASK, call, command, make_study

pytestmark = pytest.mark.e2e


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study with results, whose task has changed since."""
    made = make_study(tmp_path / "study")
    assert run(made, "1").returncode == 0
    task = made / "experiment.yaml"
    task.write_text(task.read_text() + "# a comment is no change\n")
    assert run(made, "2").returncode == 0
    task.write_text(task.read_text() + "envs: {WIDTH: 8}\n")
    return made


def run(study: Path, most: str, *words: str) -> subprocess.CompletedProcess[str]:
    env = {"RECORD": str(study.parent / "record" / "executed")}
    return call(study, "--no-ui", "--max-experiments", most, *words, env=env)


def results(study: Path) -> tuple[int, list[str]]:
    """How many runs have succeeded, and what the record says of the task."""
    with open_reader(StudyPaths(study).database) as reader:
        said = [event.text for event in reader.events() if event.kind == "task.changed"]
        return len(reader.runs({RunStatus.SUCCEEDED})), said


def test_it_is_refused_in_one_line_and_accepted_on_demand(study: Path):
    before = results(study)
    done = run(study, "3")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "`envs` changed" in done.stderr
    assert "--accept-task" in done.stderr
    assert results(study) == before
    assert run(study, "3", "--accept-task").returncode == 0
    # From now on this is the study's task, and nobody is asked again.
    assert run(study, "4").returncode == 0
    now = results(study)
    assert now[0] > before[0]
    assert now[1] == ["goes on with another experiment.yaml: `envs`; all begins anew"]
    with open_reader(StudyPaths(study).database) as reader:
        since, experiments = reader.study().task_since, reader.experiments()
        best = reader.best("CPU")
        started = {run.experiment: run.started_at for run in reader.runs({RunStatus.SUCCEEDED})}
    measured = [e for e in experiments if (e.judged_at or 0.0) >= since]
    assert [e.is_baseline for e in measured][:1] == [True]
    assert all((started[e.id] or 0.0) >= since for e in measured)
    assert best in measured
    assert "[old task]" in (study / "results.tsv").read_text()


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_who_sits_at_the_terminal_is_asked(study: Path, answer: str, code: int):
    ours, theirs = pty.openpty()
    words = command(study, "--no-ui", "--max-experiments", "3")
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:
        pass  # A pty whose other side is gone says it so.
    os.close(ours)
    assert process.wait(60) == code
    assert b"Go on all the same?" in said
    assert bool(results(study)[1]) is (code == 0)


def test_a_task_that_gave_no_result_is_mended_without_a_question(tmp_path: Path):
    made = make_study(tmp_path / "study", task=TASK.replace("python train.py", "exit 3"))
    assert run(made, "1").returncode == 1
    (made / "experiment.yaml").write_text(TASK)
    assert run(made, "1").returncode == 0
    assert results(made)[1] == []
