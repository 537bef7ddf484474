"""Runs that misbehave, and proposals that are refused, by an engine without a researcher."""

import json
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from autoresearch_tui.domain import Experiment, ExperimentStatus, Verdict
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.studies import call, command, make_study, stop, until

pytestmark = pytest.mark.e2e

TRAIN = """import sys, time
MODE = "good"
LR = 0.1
print("---")
if MODE == "good":
    print(f"val_bpb: {1 + LR:.6f}")
elif MODE == "nan":
    print("val_bpb: nan")
elif MODE == "twice":
    print("val_bpb: 1.0")
    print("val_bpb: 2.0")
elif MODE == "chatty":
    line = "x" * 999 + "\\\\n"
    for _ in range(100_000):
        sys.stdout.write(line)
elif MODE == "hang":
    time.sleep(1000)
elif MODE == "crash":
    raise SystemExit("out of luck")
elif MODE == "tamper":
    print("val_bpb: 0.1")
""".replace("\\\\n", "\\n")

SETTINGS = """\
[study]
tag = "runs"
protected = ["prepare.py"]
[local]
slots = 2
[judge]
baseline_repeats = 2
[researcher]
kind = "none"
[limits]
run_minutes = 0.05
log_mb = 1
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    directory = tmp_path_factory.mktemp("runs") / "study"
    made = make_study(directory, train=TRAIN, settings=SETTINGS)
    words = command(made, "--no-ui")
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as engine:
        until(lambda: StudyPaths(made).socket.exists(), "the engine's socket")
        yield made
        stop(made)
        assert engine.wait(60) == 0


def propose(study: Path, edits: object) -> subprocess.CompletedProcess[str]:
    text = json.dumps({"title": "a change", "hypothesis": "it helps", "edits": edits})
    return call("propose", "--json", "-f", "-", "-C", study, stdin=text)


def judged(study: Path, mode: str) -> Experiment:
    done = propose(study, [{"file": "train.py", "constant": "MODE", "value": mode}])
    assert done.returncode == 0, done.stderr
    name = json.loads(done.stdout)["experiment"]

    def now() -> Experiment:
        with open_reader(StudyPaths(study).database) as reader:
            found = reader.experiment(name)
        assert found is not None
        return found

    until(lambda: now().status is ExperimentStatus.JUDGED, f"the verdict on {mode}")
    return now()


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("nan", "val_bpb is nan"),
        ("twice", "2 times"),
        ("silent", "without printing val_bpb"),
        ("crash", "out of luck"),
        ("hang", "time limit"),
        ("chatty", "without printing val_bpb"),
    ],
)
def test_a_run_that_misbehaves_is_a_crash(study: Path, mode: str, why: str):
    found = judged(study, mode)
    assert found.verdict is Verdict.CRASH
    assert why in found.why
    assert found.value is None


@pytest.mark.parametrize(
    ("edits", "why"),
    [
        ([{"file": "train.py", "search": "no such text", "replace": "x"}], "no such text"),
        ([{"file": "prepare.py", "search": "FIXED = 1", "replace": "FIXED = 2"}], "prepare.py"),
        ([{"file": "../outside.py", "search": "a", "replace": "b"}], "../outside.py"),
        ([{"file": "train.py", "search": "LR = 0.1", "replace": "LR = = 1"}], "parse"),
        ([{"file": "train.py", "constant": "LR", "value": 0.1}], "0.1 already"),
        (
            [{"file": "train.py", "search": 'MODE = "good"', "replace": 'MODE = "nan"'}],
            "same files",
        ),
        ([{"file": "train.py", "constant": "NO_SUCH", "value": 1}], "NO_SUCH"),
    ],
)
def test_a_proposal_is_refused_before_it_costs_anything(study: Path, edits: object, why: str):
    done = propose(study, edits)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert why in line
    with open_reader(StudyPaths(study).database) as reader:
        assert reader.experiments((ExperimentStatus.REJECTED,))


def test_output_is_kept_only_in_part(study: Path):
    found = next(p for p in StudyPaths(study).logs.glob("e*.log") if p.stat().st_size > 500_000)
    assert found.stat().st_size < 1_100_000
    assert b"not kept" in found.read_bytes()[-200:]
