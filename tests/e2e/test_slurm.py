"""Studies on clusters that the real SkyPilot launches on a real Slurm."""

import contextlib
import hashlib
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
from tests.studies import TRAIN, command, git, lines, make_study, until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="a Slurm of one's own needs root"),
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


def test_a_night_on_four_clusters_with_kills_loses_nothing(rig: Slurm, tmp_path: Path):
    night = Night(rig, tmp_path, "night", seconds=6)
    words = ("--clusters", "2xH100,2xH200", "--infra", "slurm", "--max-experiments", "40")
    engine = night.start(*words)
    try:
        night.until_judged(6, 400)
        engine.send_signal(signal.SIGKILL)
        engine.wait(30)
        engine = night.start()
        night.until_judged(14)
        lost = rig.allocations()["night-02"]
        rig.run("scancel", lost)
        night.until_judged(20)
        rig.kill_server()
        night.until_judged(28, 400)
        engine.send_signal(signal.SIGKILL)
        engine.wait(30)
        engine = night.start("--max-experiments", "40")
        assert engine.wait(600) == 0, night.told()
    finally:
        engine.kill()
        engine.wait(30)
    print(night.told()[-1500:])
    assert night.judged() >= 40
    check_executions(night)
    check_nothing_is_left(night)
    gone = [event for event in night.events() if event.kind == "cluster.gone"]
    assert "night-02" in {event.subject for event in gone}
    best = {each.accelerator: each for each in night.judgements() if each.is_best}
    assert best.keys() == {"H100", "H200"}
    kept = [each for each in night.judgements() if each.verdict is Verdict.KEEP]
    assert {each.accelerator for each in kept} == {"H100", "H200"}
