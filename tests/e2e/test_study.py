"""Whole studies on real processes, real git, real SQLite."""

import json
import os
import random
import signal
import sqlite3
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from autoresearch_tui.domain import ExperimentStatus, RunStatus, Verdict
from autoresearch_tui.errors import StudyError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.studies import call, command, git, lines, make_study, stop, until

pytestmark = pytest.mark.e2e


def check_study(study: Path, judged: int) -> None:
    """What must hold at the end of every study."""
    with open_reader(StudyPaths(study).database) as reader:
        experiments = reader.experiments()
        tag, base = reader.study().tag, reader.study().base_commit
        runs = reader.runs()
        has_ended = [e for e in experiments if e.status is ExperimentStatus.JUDGED]
    assert len(has_ended) >= judged
    assert all(run.status.is_final for run in runs)
    assert not [run.id for run in runs if run.status is RunStatus.LOST]
    kept = [e for e in has_ended if e.verdict is Verdict.KEEP and not e.is_baseline]
    told = git(study, "log", "--format=%s", f"{base}..autoresearch/{tag}").splitlines()
    by_time = sorted(kept, key=lambda e: e.judged_at or 0.0, reverse=True)
    assert told == [e.title for e in by_time]
    assert call("report", "-C", study).stdout == (study / "results.tsv").read_text()
    assert git(study, "status", "--porcelain").strip() in ("", "?? results.tsv")


def test_thirty_experiments(tmp_path: Path):
    study = make_study(tmp_path / "study")
    done = call(study, "--no-ui", "--max-experiments", "30")
    assert done.returncode == 0, done.stderr
    check_study(study, 30)
    again = call(study, "--no-ui")
    assert again.returncode == 0
    assert "is finished: 30 experiments judged" in again.stdout
    check_study(study, 30)
    summary = dict(line.split(": ", 1) for line in done.stdout.split("---\n")[1].splitlines())
    assert float(summary["longest_gap_seconds"]) < 1.0
    assert float(summary["best_val_bpb"].split()[0]) < float(summary["baseline_val_bpb"])


def test_engine_is_killed_again_and_again(tmp_path: Path):
    study, record = make_study(tmp_path / "study"), tmp_path / "record" / "executed"
    env = {**os.environ, "RECORD": str(record)}
    chance, paths = random.Random(11), StudyPaths(study)

    def events() -> int:
        try:
            with open_reader(paths.database) as reader:
                newest = reader.events(limit=1)
        except StudyError:
            return 0
        return newest[0].seq if newest else 0

    for _ in range(10):
        seen = events()
        target = seen + chance.randint(2, 14)
        words = command(study, "--no-ui", "--max-experiments", "200")
        with subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL) as engine:
            until(lambda target=target: events() >= target, f"event {target}")
            engine.send_signal(signal.SIGKILL)
    done = call(study, "--no-ui", "--max-experiments", "25", env={"RECORD": str(record)})
    assert done.returncode == 0, done.stderr
    check_study(study, 25)
    twice = {run: n for run, n in Counter(lines(record)).items() if n > 1}
    assert not twice
    with open_reader(paths.database) as reader:
        known = {run.id for run in reader.runs()}
        open_ones = [e.id for e in reader.experiments() if e.status is ExperimentStatus.RUNNING]
        started = [e for e in reader.events(limit=10_000) if e.kind == "engine.started"]
        succeeded = [run.id for run in reader.runs({RunStatus.SUCCEEDED})]
        curves = {run: [point.step for point in reader.curve(run)] for run in succeeded}
    # Each output is read on where the engine before was killed: nothing is missing or there twice.
    for run in succeeded:
        log = [line for line in lines(paths.run_log(run)) if line]
        steps = [line[:10] for line in log if line.startswith("step")]
        assert steps == [f"step {step:05}" for step in range(4)], run
        assert [line.split(":")[0] for line in log[-3:]] == ["---", "val_bpb", "peak_vram_mb"]
        assert curves[run] == [0, 1, 2, 3]
    assert set(lines(record)) <= known
    assert not open_ones
    assert len(started) == 11


def test_the_last_verdict_reaches_the_branch(tmp_path: Path):
    train = 'LR = 0.1\nprint("---")\nprint(f"val_bpb: {2.0 if LR == 0.1 else 1.0}")\n'
    study = make_study(tmp_path / "study", train=train)
    # A slow disk, as git meets it: every change of a ref takes its time.
    hook = study / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nsleep 0.3\n")
    hook.chmod(0o755)
    done = call(study, "--no-ui", "--max-experiments", "2")
    assert done.returncode == 0, done.stderr
    check_study(study, 2)
    with open_reader(StudyPaths(study).database) as reader:
        assert reader.best("CPU") is not None
        assert [e.id for e in reader.experiments() if e.is_best] == ["e0002"]


def test_interrupt_saves_everything(tmp_path: Path):
    study = make_study(tmp_path / "study")
    env = {**os.environ, "SECONDS_A_RUN": "1"}
    words = command(study, "--no-ui")
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        until(lambda: "judged" in engine.stdout.readline(), "a verdict")
        engine.send_signal(signal.SIGINT)
        engine.stdout.read()
        assert engine.wait(30) == 130
    done = call(study, "--no-ui", "--max-experiments", "6")
    assert done.returncode == 0
    check_study(study, 6)


def test_packaged_trainer(tmp_path: Path):
    study = tmp_path / "real"
    assert call("init", study).returncode == 0
    task = study / "experiment.yaml"
    short = "AUTORESEARCH_BUDGET_SECONDS=3 python trainer/train.py"
    task.write_text(task.read_text().replace("python trainer/train.py", short))
    git(study, "commit", "-qam", "A short budget")
    done = call(study, "--no-ui", "--max-experiments", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    check_study(study, 4)


UV = """#!/bin/sh
# Stands for uv: `uv sync` does nothing, `uv run FILE` runs it.
[ "$1" = run ] && { shift; exec python "$@"; }
exit 0
"""

KARPATHY = """import time
LR = 0.1
for step in range(3):
    time.sleep(0.1)
    done = f"step {step:05d} ({step * 33.0:.1f}%)"
    print(f"\\r{done} | loss: 3.1 | lrm: 1.00 | dt: 9ms | remaining: 1s    ", end="", flush=True)
print()
print("---")
print(f"val_bpb:          {0.99 + LR / 100:.6f}")
print("training_seconds: 300.1")
print("peak_vram_mb:     45060.2")
"""


CLUSTER_TASK = """\
resources:
  accelerators: H100:1
  image_id: docker:some/image:tag
workdir: .
envs:
  EXPERIMENT_ID: baseline
  EXPERIMENT_DESC: "baseline run"
setup: |
  pip install uv
  uv sync
  uv run prepare.py
run: |
  uv run train.py 2>&1 | tee run.log
  code=${PIPESTATUS[0]}
  if [ $code -ne 0 ]; then
    echo "STATUS: crash"
  else
    echo "RESULT: ${EXPERIMENT_ID} val_bpb=$(grep '^val_bpb:' run.log | awk '{print $2}')"
  fi
  echo "DESC: ${EXPERIMENT_DESC}"
"""


@pytest.mark.parametrize("task", [None, CLUSTER_TASK], ids=["no task", "a cluster's task"])
def test_repository_like_karpathys(tmp_path: Path, task: str | None):
    repository = tmp_path / "autoresearch"
    repository.mkdir()
    (repository / "train.py").write_text(KARPATHY)
    (repository / "prepare.py").write_text("print('prepared')\n")
    (repository / "program.md").write_text("# autoresearch\n")
    (repository / "pyproject.toml").write_text('[project]\nname = "a"\nversion = "0"\n')
    if task is not None:
        (repository / "experiment.yaml").write_text(task)
    git(repository, "init", "-q")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "Start")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("uv", UV), ("pip", "#!/bin/sh\n")):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    env = {"PATH": f"{tools}:{os.environ['PATH']}"}
    study = tmp_path / "study"
    made = call("init", "--from", repository, study)
    assert made.returncode == 0, made.stderr
    if task is not None:
        refused = call(study, "--no-ui", env=env)
        assert refused.returncode == 1
        assert "asks for H100, and this machine has no GPU" in refused.stderr
        with (study / "autoresearch.toml").open("a") as file:
            file.write("[local]\nany_accelerator = true\n")
    done = call(study, "--no-ui", "--max-experiments", "4", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    status = json.loads(call("status", "--json", "-C", study).stdout)
    assert status["experiments"]["judged"] == 4
    with open_reader(StudyPaths(study).database) as reader:
        verdicts = {e.verdict for e in reader.experiments()}
    assert Verdict.CRASH not in verdicts
    assert "program.md" in (study / "autoresearch.toml").read_text()
    if task is not None:
        log = StudyPaths(study).run_log("e0002-r1").read_text()
        assert "RESULT: e0002 val_bpb=0.99" in log
        assert (study / "experiment.yaml").read_text() == task


def test_a_lost_database_and_a_lost_commit_are_told(tmp_path: Path):
    study = make_study(tmp_path / "study")
    assert call(study, "--no-ui", "--max-experiments", "4").returncode == 0
    paths = StudyPaths(study)
    kept = paths.database.with_name("kept.db")
    paths.database.rename(kept)
    lost = call(study, "--no-ui", "--max-experiments", "8")
    assert lost.returncode == 1
    assert "study.db is not here: put the file back" in lost.stderr
    for path in paths.state.glob("study.db*"):
        path.unlink()
    kept.rename(paths.database)
    with sqlite3.connect(paths.database) as connection:
        connection.execute(
            "UPDATE experiments SET status = 'queued', verdict = NULL, runs_judged = 0,"
            ' "commit" = ? WHERE number = 4',
            ["0" * 40],
        )
        for table in ("runs", "judgements"):
            connection.execute(f"DELETE FROM {table} WHERE experiment = 'e0004'")
    connection.close()
    done = call(study, "--no-ui", "--max-experiments", "5")
    assert done.returncode == 0, done.stderr
    with open_reader(paths.database) as reader:
        found = reader.experiment("e0004")
    assert found is not None
    assert found.status is ExperimentStatus.SUPERSEDED
    assert "is gone from the repository" in found.why


def test_two_engines(tmp_path: Path):
    study = make_study(tmp_path / "study")
    with subprocess.Popen(command(study, "--no-ui"), stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        engine.stdout.readline()
        second = call(study, "--no-ui")
        assert second.returncode == 1
        assert len(second.stderr.splitlines()) == 1
        assert str(engine.pid) in second.stderr
        stop(study)
        engine.stdout.read()
        assert engine.wait(30) == 0
