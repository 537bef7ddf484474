"""Studies of files that once misled the program, each to its end."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from autoresearch_tui.control import request
from autoresearch_tui.domain import ExperimentStatus, Verdict
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.studies import call, engine, git, make_study, until

pytestmark = pytest.mark.e2e

ZERO = """import random
DEPTH = 8
LR = 0.04
noise = random.SystemRandom().gauss(0, 0.002)
print("---")
print(f"val_bpb: {0.0 if DEPTH != 8 else 1.0 + noise + abs(LR - 0.03):.6f}")
"""


def proposal(constant: str, value: int) -> dict[str, object]:
    edits = [{"file": "train.py", "constant": constant, "value": value}]
    return {"title": "a change", "hypothesis": "it helps", "edits": edits}


def propose(study: Path, constant: str, value: int) -> subprocess.CompletedProcess[str]:
    return call("propose", "-f", "-", "-C", study, stdin=json.dumps(proposal(constant, value)))


def status(study: Path, experiment: str) -> ExperimentStatus | None:
    with open_reader(StudyPaths(study).database) as reader:
        found = reader.experiment(experiment)
    return found.status if found else None


def test_a_perfect_score_is_suspected_and_left_to_the_operator(tmp_path: Path):
    study = make_study(tmp_path / "study", train=ZERO)
    done = call(study, "--no-ui", "--max-experiments", "10")
    assert done.returncode == 0, done.stderr
    with open_reader(StudyPaths(study).database) as reader:
        doubted = [e for e in reader.experiments() if e.verdict is Verdict.INCONCLUSIVE]
        best = next(e for e in reader.experiments() if e.is_best)
        runs = {e.id: len(reader.runs_of(e.id)) for e in doubted}
    assert doubted
    assert set(runs.values()) == {2}
    assert all("too good to be believed" in e.why for e in doubted)
    assert best.value is not None
    assert best.value > 0.9
    assert "best_val_bpb: 0.000000" not in done.stdout


COMMANDS = """import json, pathlib, socket
CHEAT = 0
if CHEAT:
    for up in pathlib.Path.cwd().resolve().parents:
        for found in up.glob("*.sock"):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(str(found))
                line = json.dumps({"id": 1, "do": "pause", "args": {}, "actor": "operator"})
                s.sendall(line.encode() + b"\\n")
                print("answer", s.recv(1000))
print("---")
print("val_bpb: 1.500000")
"""


ADDITIVE = """import os, random, time
LR = 1
DEPTH = 1
chance = random.Random(os.environ["AUTORESEARCH_SEED"]).gauss(0, 0.01)
time.sleep(0.3 if DEPTH == 1 else 1.2)
print("---")
print(f"val_bpb: {2 - 0.1 * (LR == 2) - 0.15 * (DEPTH == 2) + chance:.6f}")
"""


def test_a_late_keep_says_what_it_leaves_behind_and_both_are_combined(tmp_path: Path):
    settings = (
        '[study]\ntag = "t"\n[local]\nslots = 2\n[judge]\nbaseline_repeats = 4\n'
        '[researcher]\nkind = "none"\n'
    )
    study = make_study(tmp_path / "study", train=ADDITIVE, settings=settings)
    with engine(study):
        until(lambda: status(study, "e0001") is ExperimentStatus.JUDGED, "the baseline")
        # The slow one is on its way when the quick one is kept.
        assert propose(study, "DEPTH", 2).returncode == 0
        until(lambda: status(study, "e0002") is ExperimentStatus.RUNNING, "the slow one's start")
        assert propose(study, "LR", 2).returncode == 0
        until(lambda: status(study, "e0004") is ExperimentStatus.JUDGED, "the combination")
    with open_reader(StudyPaths(study).database) as reader:
        both = reader.experiment("e0004")
    assert both is not None
    assert (both.origin, both.verdict) == ("combine", Verdict.KEEP)
    assert sorted(both.constants.values()) == [2, 2]
    assert "Without: e0003 a change" in git(study, "log", "--format=%B", "autoresearch/t")


MANY = """LR = 0
DEPTH = 1
print("---")
print(f"val_bpb: {2 - 0.5 * (DEPTH == 2):.6f}")
"""


def test_a_proposal_does_not_wait_for_the_rebase_of_all_others(tmp_path: Path):
    settings = (
        '[study]\ntag = "t"\n[judge]\nbaseline_repeats = 2\n[researcher]\nkind = "none"\n'
        '[approval]\nmode = "manual"\n'
    )
    study = make_study(tmp_path / "study", train=MANY, settings=settings)
    paths, count = StudyPaths(study), 60

    def told(text: str) -> int:
        with open_reader(paths.database) as reader:
            return sum(text in event.text for event in reader.events(limit=10_000))

    with engine(study):
        until(lambda: status(study, "e0001") is ExperimentStatus.JUDGED, "the baseline")
        assert propose(study, "DEPTH", 2).returncode == 0
        for value in range(1, count + 1):
            asyncio.run(request(paths, "propose", proposal("LR", value)))
        assert call("approve", "e0002", "-C", study).returncode == 0
        until(lambda: told("rebased onto e0002") > 0, "the rebase's beginning")
        asyncio.run(request(paths, "propose", proposal("LR", -1)))
        assert told("rebased onto e0002") < count
        until(lambda: told("rebased onto e0002") == count, "the rebase's end")


FRAGILE = """LR = 0.04
DEPTH = 8
if (LR, DEPTH) != (0.04, 8):
    raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
print("---")
print("val_bpb: 1.000000")
"""

TEE = """name: tee
run: |
  python train.py 2>&1 | tee run.log
  CODE=${PIPESTATUS[0]}
  if [ $CODE -ne 0 ]; then echo "EXPERIMENT_STATUS: crash"; else echo "EXPERIMENT_STATUS: done"; fi
  echo "EXPERIMENT_DESC: ${EXPERIMENT_DESC}"
envs:
  EXPERIMENT_DESC: baseline
"""


def test_a_task_that_always_ends_well_still_tells_why_its_run_crashed(tmp_path: Path):
    study = make_study(tmp_path / "study", train=FRAGILE, task=TEE)
    done = call(study, "--no-ui", "--max-experiments", "4")
    assert done.returncode == 0, done.stderr
    with open_reader(StudyPaths(study).database) as reader:
        crashed = [e for e in reader.experiments() if e.verdict is Verdict.CRASH]
    assert len(crashed) == 3
    assert all("RuntimeError: mat1 and mat2 shapes" in e.why for e in crashed)


BROKEN = """setup: |
  echo fetching
  echo "ERROR: could not find a version that satisfies foo"
  echo "WARNING: your pip is old"
  exit 1
run: python train.py
"""


def test_a_failed_set_up_streams_and_shows_the_line_that_matters(tmp_path: Path):
    study = make_study(tmp_path / "study", task=BROKEN)
    done = call(study, "--no-ui")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert "set-up    fetching" in lines
    end = next(line for line in lines if line.startswith("end: "))
    assert "ERROR: could not find a version" in end
    assert "autoresearch-tui logs setup" in end
    assert "fetching" in call("logs", "setup", "-C", study).stdout


def test_slots_of_an_earlier_start_give_no_hope(tmp_path: Path):
    study = make_study(tmp_path / "study")
    assert call(study, "--no-ui", "--slots", "4", "--max-experiments", "3").returncode == 0
    (study / "experiment.yaml").write_text(BROKEN)
    done = call(study, "--no-ui", "--slots", "2", "--max-experiments", "9", "--accept-task")
    assert done.returncode == 1
    assert "end: no cluster is left: cpu-01 … cpu-02" in done.stdout


NARROW = """import random
DEPTH = 8
print("---")
print(f"val_bpb: {1 + 0.01 * abs(DEPTH - 6) + random.SystemRandom().gauss(0, 0.001):.6f}")
"""


@pytest.mark.parametrize(
    ("train", "why"),
    [
        (NARROW, "every setting of DEPTH near the best has been tried"),
        (NARROW.replace("DEPTH", "depth"), "train.py: no constant to search"),
    ],
    ids=["few settings", "no constants"],
)
def test_a_study_that_has_nothing_more_to_try_says_so_and_ends(
    tmp_path: Path, train: str, why: str
):
    study = make_study(tmp_path / "study", train=train)
    done = call(study, "--no-ui", "--max-experiments", "50")
    assert done.returncode == 0, done.stderr
    assert f"end: nothing more to propose: {why}" in done.stdout


def test_an_exhausted_study_may_repeat_its_best(tmp_path: Path):
    settings = (
        '[study]\ntag = "t"\n[local]\nslots = 2\n[judge]\nbaseline_repeats = 3\n'
        '[researcher]\nexhausted = "repeat"\n'
    )
    study = make_study(tmp_path / "study", train=NARROW, settings=settings)
    done = call(study, "--no-ui", "--max-experiments", "50")
    assert done.returncode == 0, done.stderr
    assert "end: nothing more to propose" in done.stdout
    with open_reader(StudyPaths(study).database) as reader:
        best = next(e for e in reader.experiments() if e.is_best)
        assert not best.is_baseline
        assert best.verdict is Verdict.KEEP
        for name in ("e0001", best.id):
            values = [run.value for run in reader.runs_of(name)]
            assert len(values) == 8
            found = reader.experiment(name)
            assert found is not None
            assert found.value == pytest.approx(sum(v for v in values if v) / 8)
    assert call("report", "-C", study).stdout == (study / "results.tsv").read_text()


@pytest.mark.parametrize("mode", ["off", "auto"])
def test_a_run_cannot_command_the_engine(tmp_path: Path, mode: str):
    settings = (
        '[study]\ntag = "t"\n[judge]\nbaseline_repeats = 2\n[researcher]\nkind = "none"\n'
        f'[sandbox]\nmode = "{mode}"\n'
    )
    study = make_study(tmp_path / "study", train=COMMANDS, settings=settings)
    paths = StudyPaths(study)
    with engine(study):
        assert propose(study, "CHEAT", 1).returncode == 0
        until(lambda: status(study, "e0002") is ExperimentStatus.JUDGED, "the verdict")
    with open_reader(paths.database) as reader:
        kinds = {event.kind for event in reader.events(limit=10_000)}
    assert "study.paused" not in kinds
    told = "".join(path.read_text() for path in paths.logs.glob("e*.log"))
    assert ("a run may not command" in told) == (mode == "off")


def test_the_operator_may_accept_what_was_doubted(tmp_path: Path):
    settings = '[study]\ntag = "t"\n[researcher]\nkind = "none"\n[judge]\nbaseline_repeats = 2\n'
    study = make_study(tmp_path / "study", train=ZERO, settings=settings)
    paths = StudyPaths(study)
    with engine(study):
        assert propose(study, "DEPTH", 9).returncode == 0

        def verdict() -> Verdict | None:
            with open_reader(paths.database) as reader:
                found = reader.experiment("e0002")
            is_judged = found is not None and found.status is ExperimentStatus.JUDGED
            return found.verdict if found and is_judged else None

        until(lambda: verdict() is Verdict.INCONCLUSIVE, "the doubt")
        refused = call("accept", "e0001", "-C", study)
        assert refused.returncode == 1
        assert "only an inconclusive" in refused.stderr
        assert call("accept", "e0002", "-C", study).returncode == 0
        until(lambda: verdict() is Verdict.KEEP, "the operator's word")
    with open_reader(paths.database) as reader:
        assert [e.id for e in reader.experiments() if e.is_best] == ["e0002"]
