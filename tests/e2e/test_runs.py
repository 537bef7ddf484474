"""Runs that misbehave, and proposals that are refused, by an engine without a researcher."""

import contextlib
import json
import socket
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from autoresearch_tui.domain import Experiment, ExperimentStatus, Verdict
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.studies import call, engine, make_study, until

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
[alarms]
crashes_in_a_row = 0
[limits]
run_minutes = 0.05
log_mb = 1
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    directory = tmp_path_factory.mktemp("runs") / "study"
    made = make_study(directory, train=TRAIN, settings=SETTINGS)
    with engine(made):
        yield made


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


MALFORMED = {
    b"{}": "not a request",
    b"[1]": "not a request",
    b"nonsense": "not a request",
    b'{"id": 1e400, "do": "ping"}': "not a request",
    b'{"id": null, "do": "ping"}': "not a request",
    b'{"id": 1, "do": "ping", "args": [1]}': "must be a JSON object",
    b'{"id": 1, "do": "dance"}': "unknown request",
    b'{"id": 1, "do": "approve", "args": {"experiments": [1]}}': "a list of ids",
    b'{"id": 1, "do": "priority", "args": {"experiment": "e1", "priority": 1e9}}': "whole number",
    b"[" * 100_000: "not a request",
    b"9" * 10_000: "not a request",
    b'"' + b"x" * (17 * 2**20) + b'"': "at most",
}


@pytest.mark.parametrize("line", list(MALFORMED), ids=lambda line: line[:24].decode())
def test_a_malformed_request_gets_its_one_line(study: Path, line: bytes):
    answer = exchange(study, line)
    assert answer["ok"] is False
    assert MALFORMED[line] in str(answer["error"])
    assert exchange(study, b'{"id": 7, "do": "ping"}')["id"] == 7


def exchange(study: Path, line: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(StudyPaths(study).socket))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(line + b"\n")
        return json.loads(client.makefile("rb").readline())


def test_many_clients_at_once(study: Path):
    path = str(StudyPaths(study).socket)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(400)]
        for client in clients:
            client.settimeout(30)
            client.connect(path)
        for client in clients:
            client.sendall(b'{"id": 1, "do": "ping"}\n')
        answers = [json.loads(client.makefile("rb").readline()) for client in clients]
    assert all(answer["ok"] for answer in answers)


def test_a_proposal_on_what_has_no_files_is_refused(study: Path):
    propose(study, [{"file": "train.py", "search": "no such text", "replace": "x"}])
    with open_reader(StudyPaths(study).database) as reader:
        rejected = reader.experiments((ExperimentStatus.REJECTED,))[0].id
    edits = [{"file": "train.py", "constant": "LR", "value": 0.7}]
    proposal = {"title": "t", "hypothesis": "h", "parent": rejected, "edits": edits}
    done = call("propose", "-f", "-", "-C", study, stdin=json.dumps(proposal))
    assert done.returncode == 1
    assert "has no files" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_one_experiment_approved_twice_in_one_request_is_approved_once(study: Path):
    ask = {"id": 1, "do": "approval", "args": {"mode": "manual"}}
    assert exchange(study, json.dumps(ask).encode())["ok"]
    try:
        done = propose(study, [{"file": "train.py", "constant": "LR", "value": 0.8}])
        name = json.loads(done.stdout)["experiment"]
        assert call("approve", name, name, "-C", study).returncode == 0
        second = call("approve", name, "-C", study)
        assert "not waiting for approval" in second.stderr
    finally:
        ask["args"] = {"mode": "auto"}
        exchange(study, json.dumps(ask).encode())


def test_output_is_kept_only_in_part(study: Path):
    found = next(p for p in StudyPaths(study).logs.glob("e*.log") if p.stat().st_size > 500_000)
    assert found.stat().st_size < 1_100_000
    assert b"not kept" in found.read_bytes()[-200:]
