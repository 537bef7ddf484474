"""Studies on clusters that the real SkyPilot launches on a real Slurm."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoresearch_tui.domain import Event, Experiment, Judgement, Run, RunStatus, Verdict
from autoresearch_tui.errors import StudyError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.e2e.slurm_rig import Slurm, slurm
from tests.e2e.test_study import CLUSTER_TASK, KARPATHY, UV
from tests.studies import TRAIN, command, git, lines, make_study, until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        os.geteuid() != 0 and "CI" not in os.environ, reason="a Slurm of one's own needs root"
    ),
]

# What is executed is written down where it is executed.
COUNTED = TRAIN.replace(
    'file.write(os.environ["AUTORESEARCH_RUN"] + "\\n")',
    "import hashlib\n"
    '        sha = hashlib.sha256(open("train.py", "rb").read()).hexdigest()\n'
    '        file.write(f"begins {os.getcwd()} {sha}\\n")',
) + (
    'if record:\n    with open(record, "a") as file:\n'
    '        file.write(f"ends {os.getcwd()} {sha}\\n")\n'
)

TASK = """\
resources:
  accelerators: {{H100: 1, H200: 1}}
envs:
  RECORD: {record}
  SECONDS_A_RUN: "{seconds}"
setup: |
  echo "prepares $(hostname)"
run: |
  python3 train.py
"""

SETTINGS = """\
[study]
tag = "{tag}"
[judge]
baseline_repeats = 2
[search]
seed = 7
"""


@pytest.fixture(scope="module")
def rig() -> Iterator[Slurm]:
    with slurm() as found:
        yield found


class Night:
    """A study on the rig, and its engine."""

    def __init__(self, rig: Slurm, root: Path, tag: str, *, seconds: float) -> None:
        self.rig = rig
        self.record = rig.shared / f"{tag}.txt"
        self.record.touch()
        self.record.chmod(0o666)
        task = TASK.format(record=self.record, seconds=seconds)
        settings = SETTINGS.format(tag=tag)
        self.study = make_study(root / tag, train=COUNTED, task=task, settings=settings)
        self.paths = StudyPaths(self.study)
        self.output = root / f"{tag}.out"

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        with self.output.open("ab") as file:
            return subprocess.Popen(
                command(self.study, "--no-ui", *words), env=self.rig.env, stdout=file, stderr=file
            )

    def judged(self) -> int:
        with contextlib.suppress(StudyError), open_reader(self.paths.database) as reader:
            return reader.judged()
        return 0

    def until_judged(self, count: int, seconds: float = 300.0) -> None:
        until(lambda: self.judged() >= count, f"{count} judged", seconds)

    def told(self) -> str:
        return self.output.read_text()[-6000:]

    def runs(self) -> list[Run]:
        with open_reader(self.paths.database) as reader:
            return list(reader.runs())

    def experiments(self) -> list[Experiment]:
        with open_reader(self.paths.database) as reader:
            return list(reader.experiments())

    def judgements(self) -> list[Judgement]:
        with open_reader(self.paths.database) as reader:
            return list(reader.judgements())

    def events(self) -> list[Event]:
        with open_reader(self.paths.database) as reader:
            return list(reader.events())


def check_executions(night: Night) -> None:
    """Count on the clusters: each job began once at most, and what counts ran its own files."""
    said = [line.split() for line in lines(night.record)]
    jobs = [(what, Path(where).name.rpartition("_")[0], sha) for what, where, sha in said]
    begun = Counter(job for what, job, _ in jobs if what == "begins")
    ended = Counter(job for what, job, _ in jobs if what == "ends")
    assert not {job: count for job, count in begun.items() if count > 1}
    content = {job: sha for _, job, sha in jobs}
    for run in night.runs():
        assert run.status.is_final or run.status is RunStatus.PENDING, run
        if run.status is RunStatus.SUCCEEDED:
            assert ended[run.job] == 1, run
            text = git(night.study, "show", f"{run.commit}:train.py")
            assert content[run.job] == hashlib.sha256(text.encode()).hexdigest(), run


def check_nothing_is_left(night: Night) -> None:
    assert night.rig.allocations() == {}
    registry = night.rig.home / ".local/state/autoresearch-tui/clusters"
    assert list(registry.glob("*.json")) == []


def said(night: Night) -> str:
    with contextlib.suppress(StudyError), open_reader(night.paths.database) as reader:
        return " ".join(reader.telemetry().values())
    return ""


def test_a_night_on_four_clusters_with_kills_loses_nothing(rig: Slurm, tmp_path: Path):
    """First each run is a job of SkyPilot's, as of five minutes; then they share a worker."""
    night = Night(rig, tmp_path, "night", seconds=6)
    settings = night.study / "autoresearch.toml"
    auto = settings.read_text()
    settings.write_text(auto + '[skypilot]\npilot = "never"\n')
    words = ("--clusters", "2xH100,2xH200", "--infra", "slurm", "--max-experiments", "40")
    engine = night.start(*words)
    try:
        night.until_judged(4, 400)
        engine.send_signal(signal.SIGKILL)
        engine.wait(30)
        engine = night.start()
        night.until_judged(8)
        lost = rig.allocations()["night-02"]
        rig.run("scancel", lost)
        night.until_judged(11)
        rig.kill_server()
        night.until_judged(14, 400)
        assert "by a worker" not in said(night)
        engine.send_signal(signal.SIGKILL)
        engine.wait(30)
        settings.write_text(auto)
        engine = night.start("--max-experiments", "40")
        until(lambda: "by a worker" in said(night), "a worker", 300.0)
        assert engine.wait(600) == 0, night.told()
    finally:
        engine.kill()
        engine.wait(30)
    # What the clusters' time went to, for whoever reads the log.
    print(rig.run(*command("status", "-C", night.study)))
    assert night.judged() >= 40
    check_executions(night)
    check_nothing_is_left(night)
    gone = [event for event in night.events() if event.kind == "cluster.gone"]
    assert "night-02" in {event.subject for event in gone}
    best = {each.accelerator: each for each in night.judgements() if each.is_best}
    assert best.keys() == {"H100", "H200"}
    kept = [each for each in night.judgements() if each.verdict is Verdict.KEEP]
    assert {each.accelerator for each in kept} == {"H100", "H200"}


FAILING = SETTINGS + (
    "[limits]\nrun_minutes = 0.2\n[scheduler]\nmax_attempts = 5\n[skypilot]\npilot = 'never'\n"
)


def notes(night: Night) -> str:
    """What the study's clusters say of themselves."""
    with contextlib.suppress(StudyError), open_reader(night.paths.database) as reader:
        return "\n".join(f"{each.status} {each.note}" for each in reader.clusters())
    return ""


def kinds(night: Night) -> list[str]:
    with contextlib.suppress(StudyError), open_reader(night.paths.database) as reader:
        return [event.kind for event in reader.events()]
    return []


def test_what_can_happen_to_one_cluster(rig: Slurm, tmp_path: Path):
    night = Night(rig, tmp_path, "faults", seconds=1)
    (night.study / "autoresearch.toml").write_text(FAILING.format(tag="faults"))
    task = night.study / "experiment.yaml"
    good = task.read_text()
    task.write_text(good.replace('echo "prepares $(hostname)"', "echo no such wheel; exit 1"))
    hangs = "if DEPTH == 7:\n    print('hangs', flush=True)\n    time.sleep(600)\nprint('---')"
    train = night.study / "train.py"
    train.write_text(train.read_text().replace('print("---")', hangs))
    git(night.study, "commit", "-qam", "A set-up that fails")
    words = ("--clusters", "H100", "--infra", "slurm", "--researcher", "none")

    # A set-up that fails is seen, with its own last word.
    engine = night.start(*words)
    try:
        until(lambda: "no such wheel" in notes(night), "the failed set-up", 200)
        engine.terminate()
        assert engine.wait(60) == 143
        assert "still up" in night.told()
        task.write_text(good)
        git(night.study, "commit", "-qam", "A set-up that works")

        # The server dies while it launches: UP is no proof, and there is no second allocation.
        engine = night.start("--researcher", "none")
        until(lambda: "asked for" in notes(night), "a launch", 60)
        rig.kill_server()
        night.until_judged(1, 300)
        assert len(rig.allocations()) == 1

        # Somebody else takes it down.
        rig.run(rig.sky, "down", "-y", "faults-01")
        until(lambda: "taken down by root" in notes(night), "the loss", 120)
        until(lambda: kinds(night).count("cluster.up") == 2, "another one", 200)

        # Only the server's first process dies: those below it keep its port.
        top = rig.servers()[-1]
        top.kill()
        until(lambda: top not in rig.servers(), "the end of the server's first process")
        propose(night, "DEPTH", 7)
        until(lambda: "doctor --fix" in notes(night), "the cure", 120)
        assert "ended" in rig.run(*command("doctor", "--fix", "-C", night.study))

        # A run beyond its limit is a crash, and what it has said is kept.
        night.until_judged(2, 300)
        found = night.experiments()[-1]
        assert found.verdict is Verdict.CRASH
        assert "time limit" in found.why
        assert "hangs" in night.paths.run_log(f"{found.id}-r1").read_text()
        stopped = subprocess.run(command("stop", "-C", night.study), env=rig.env, check=False)
        assert stopped.returncode == 0
        assert engine.wait(120) == 0
    finally:
        engine.kill()
        engine.wait(30)
    check_executions(night)
    check_nothing_is_left(night)


def propose(night: Night, name: str, value: object) -> None:
    edit = {"file": "train.py", "constant": name, "value": value}
    proposal = json.dumps({"title": f"{name} {value}", "hypothesis": "why", "edits": [edit]})
    done = subprocess.run(
        command("propose", "-f", "-", "-C", night.study),
        input=proposal.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_no_capacity_is_waited_for(rig: Slurm, tmp_path: Path):
    night = Night(rig, tmp_path, "full", seconds=1)
    engine = night.start("--clusters", "2xH100:8", "--infra", "slurm", "--max-experiments", "500")
    try:
        until(lambda: "provisioning waits" in notes(night), "a cluster that waits", 200)
        night.until_judged(2, 200)
        until(lambda: "Resources" in notes(night), "why it waits", 60)
        rig.run(*command("scale", "H100:8=1", "-C", night.study))
        until(lambda: notes(night).count("gone") == 1, "one that is given up", 120)
        assert len(rig.allocations()) == 1
        rig.run(*command("stop", "--now", "-C", night.study))
        assert engine.wait(120) == 0
    finally:
        engine.kill()
        engine.wait(30)
    check_nothing_is_left(night)


def test_skypilots_published_example(rig: Slurm, tmp_path: Path):
    """Its task asks for one of two accelerators, an image, and `uv`."""
    repository = tmp_path / "autoresearch"
    repository.mkdir()
    (repository / "train.py").write_text(KARPATHY)
    (repository / "prepare.py").write_text("print('prepared')\n")
    (repository / "program.md").write_text("# autoresearch\n")
    (repository / "pyproject.toml").write_text('[project]\nname = "a"\nversion = "0"\n')
    task = CLUSTER_TASK.replace("H100:1", "{H100:1, H200:1}")
    (repository / "experiment.yaml").write_text(task)
    git(repository, "init", "-q")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "Start")
    rig.add_program("uv", UV.replace("exec python ", "exec python3 "))
    rig.add_program("pip", "#!/bin/sh\n")
    study = tmp_path / "study"
    rig.run(*command("init", "--from", repository, study))
    words = ("--clusters", "1", "--infra", "slurm", "--image", "none", "--max-experiments", "3")
    rig.run(*command(study, "--no-ui", *words), timeout=400)
    assert (study / "experiment.yaml").read_text() == task
    with open_reader(StudyPaths(study).database) as reader:
        found, runs = reader.experiments(), reader.runs()
    assert {each.verdict for each in found if each.verdict} <= {Verdict.KEEP, Verdict.DISCARD}
    used = {run.accelerator for run in runs if run.status is RunStatus.SUCCEEDED}
    assert used <= {"H100", "H200"}
    log = StudyPaths(study).run_log("e0002-r1").read_text()
    assert "RESULT: e0002 val_bpb=0.99" in log
    assert rig.allocations() == {}


def test_where_ssh_is_closed_skypilot_is_asked(rig: Slurm, tmp_path: Path):
    night = Night(rig, tmp_path, "closed", seconds=1)
    words = ("--clusters", "H100", "--infra", "slurm", "--max-experiments", "1")
    engine = night.start(*words)
    try:
        until(lambda: "cluster.up" in kinds(night), "the cluster", 200)
        engine.kill()
        engine.wait(30)
        # The way that SkyPilot has written down for us leads nowhere; its own is another.
        way = rig.home / ".sky/generated/ssh/closed-01"
        way.write_text(way.read_text().replace("Port 10022", "Port 1"))
        engine = night.start()
        until(lambda: "SSH is closed" in notes(night), "the other way", 120)
        assert engine.wait(400) == 0, night.told()
    finally:
        engine.kill()
        engine.wait(30)
    assert night.judged() >= 1
    check_executions(night)
    check_nothing_is_left(night)


def test_a_cluster_without_work_goes_down_by_itself_and_comes_up_for_work(
    rig: Slurm, tmp_path: Path
):
    night = Night(rig, tmp_path, "idle", seconds=1)
    with (night.study / "autoresearch.toml").open("a") as file:
        file.write("[skypilot]\nidle_minutes = 1\n")
    words = ("--clusters", "H100", "--infra", "slurm", "--approval", "manual")
    engine = night.start(*words)
    try:
        night.until_judged(1, 200)
        # Our own connection to it does not keep it up.
        until(lambda: "stopped went down after 1 idle minutes" in notes(night), "its end", 300)
        assert rig.allocations() == {}
        rig.run(*command("approve", "e0002", "-C", night.study))
        night.until_judged(2, 200)
        rig.run(*command("stop", "-C", night.study))
        assert engine.wait(120) == 0
    finally:
        engine.kill()
        engine.wait(30)
    check_executions(night)
    check_nothing_is_left(night)
