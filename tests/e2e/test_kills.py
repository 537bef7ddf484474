"""A study whose every kind of process is killed again and again: executions are what counts."""

import contextlib
import json
import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoresearch_tui.domain import ExperimentStatus, RunStatus
from autoresearch_tui.errors import StudyError
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import open_reader
from tests.studies import TRAIN, call, command, git, lines, make_study, until

pytestmark = pytest.mark.e2e

KILLS = ("engine", "supervisor", "keeper", "job") * 5

# A job's directory is named by its attempt; what it writes last says that it was not cut off.
COUNTED = TRAIN.replace(
    'file.write(os.environ["AUTORESEARCH_RUN"] + "\\n")',
    'file.write(f"begins {os.getcwd()}\\n")',
) + (
    'if record:\n    with open(record, "a") as file:\n'
    '        file.write(f"ends {os.getcwd()}\\n")\n'
)


class Night:
    """A study that runs, and whoever kills its processes."""

    def __init__(self, root: Path, seed: int) -> None:
        self.study = make_study(root / "study", train=COUNTED)
        # A machine on which so much is killed is not one on which three losses prove anything.
        with (self.study / "autoresearch.toml").open("a") as settings:
            settings.write("[scheduler]\nmax_attempts = 20\n")
        git(self.study, "commit", "-qam", "Try often")
        self.paths = StudyPaths(self.study)
        self.record = root / "record" / "executed"
        self.chance = random.Random(seed)
        self.killed: Counter[str] = Counter()
        self.cut_off: set[str] = set()
        self.engine = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        words = command(self.study, "--no-ui", "--max-experiments", "500")
        env = {**os.environ, "RECORD": str(self.record), "SECONDS_A_RUN": "0.5"}
        return subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL)

    def slots(self) -> Iterator[Path]:
        yield from sorted(self.paths.local.glob("cpu-*"))

    def jobs(self) -> Iterator[tuple[str, int]]:
        """Running jobs by their names, and their processes."""
        for slot in self.slots():
            for job in (slot / "jobs").iterdir() if (slot / "jobs").is_dir() else ():
                with contextlib.suppress(OSError, ValueError):
                    if not (job / "end.json").exists():
                        yield job.name, int(json.loads((job / "process.json").read_text())["pid"])

    def victim(self, kind: str) -> int | None:
        """A process of that kind that lives, if there is one now."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            if kind == "engine":
                return self.engine.pid
            if kind == "supervisor":
                slot = self.chance.choice(list(self.slots()))
                return int((slot / "lock").read_text())
            name, pid = self.chance.choice(list(self.jobs()))
            status = Path(f"/proc/{pid}/stat").read_text()
            parent = int(status.rpartition(")")[2].split()[1])
            if parent > 1:
                self.cut_off.add(name)
                return parent if kind == "keeper" else pid
        return None

    def kill(self, kind: str) -> None:
        """Kill one process of that kind, as soon as there is one."""
        until(lambda: self.strike(kind), f"a {kind} that can be killed")
        self.killed[kind] += 1
        if kind == "engine":
            self.engine.wait(30)
            self.engine = self.start()

    def strike(self, kind: str) -> bool:
        pid = self.victim(kind)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
        return False

    def newest_event(self) -> int:
        with contextlib.suppress(StudyError), open_reader(self.paths.database) as reader:
            return next((event.seq for event in reader.events(limit=1)), 0)
        return 0


@pytest.mark.parametrize("seed", range(3))
def test_twenty_kills_of_anything_run_nothing_twice(tmp_path: Path, seed: int):
    night = Night(tmp_path, seed)
    try:
        kinds = list(KILLS)
        night.chance.shuffle(kinds)
        for kind in kinds:
            target = night.newest_event() + night.chance.randint(3, 12)
            until(lambda target=target: night.newest_event() >= target, f"event {target}")
            night.kill(kind)
        assert night.killed == Counter(KILLS)
    finally:
        night.engine.kill()
        night.engine.wait(30)
    with open_reader(night.paths.database) as reader:
        judged = sum(each.verdict is not None for each in reader.experiments())
    env = {"RECORD": str(night.record), "SECONDS_A_RUN": "0.2"}
    done = call(night.study, "--no-ui", "--max-experiments", str(judged + 10), env=env)
    assert done.returncode == 0, done.stderr
    check_executions(night)


def check_executions(night: Night) -> None:
    said = [line.split() for line in lines(night.record)]
    begun = Counter(Path(where).parent.name for what, where in said if what == "begins")
    ended = Counter(Path(where).parent.name for what, where in said if what == "ends")
    assert not {job: count for job, count in begun.items() if count > 1}
    with open_reader(night.paths.database) as reader:
        runs, experiments = reader.runs(), reader.experiments()
    # What was taken back from a queue at the end waits, and has not been begun.
    waiting = [run for run in runs if run.status is RunStatus.PENDING]
    assert not [run for run in runs if not run.status.is_final and run not in waiting]
    assert not [run for run in waiting if run.job in begun]
    assert any(run.losses for run in runs)
    assert not [e.id for e in experiments if e.status is ExperimentStatus.RUNNING]
    for run in runs:
        tries = {job for job in begun if job.partition(".")[0] == run.id}
        # Only what was cut off is tried again, and what succeeded came to its end.
        assert not {job for job in tries if job != run.job} - night.cut_off, run
        if run.status is RunStatus.SUCCEEDED:
            assert ended[run.job] == 1, run
    assert {job.partition(".")[0] for job in begun} <= {run.id for run in runs}
