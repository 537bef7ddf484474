"""Makes small studies of a stub trainer, and drives the real command on them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from autoresearch_tui.paths import StudyPaths

TRAIN = '''"""Pretends to train: the metric follows from the constants and the seed."""
import os, random, sys, time
LR = 0.1
WIDTH = 64
DEPTH = 4
DROPOUT = 0.3
MODE = "plain"
record, seconds = os.environ.get("RECORD"), float(os.environ.get("SECONDS_A_RUN", "0.2"))
if record:
    with open(record, "a") as file:
        file.write(os.environ["AUTORESEARCH_RUN"] + "\\n")
for step in range(4):
    time.sleep(seconds / 4)
    done = f"step {step:05d} ({step * 25:.1f}%)"
    print(f"{done} | loss: {3 - step / 10:.6f} | remaining: {4 - step}s", end="\\r", flush=True)
print()
chance = random.Random(os.environ["AUTORESEARCH_SEED"]).gauss(0, 1e-3)
loss = 1 + (LR - 0.02) ** 2 + abs(WIDTH - 96) / 4000 + DROPOUT / 20 + chance
print("---")
print(f"val_bpb: {loss:.6f}")
print("peak_vram_mb: 512.0")
'''

TASK = """\
name: stub
setup: |
  echo prepared
run: |
  python train.py
"""


def git(repository: Path, *words: str) -> str:
    """Run git and give its output."""
    done = subprocess.run(
        ["git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@t", *words],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def make_study(
    directory: Path, *, train: str = TRAIN, task: str = TASK, settings: str = ""
) -> Path:
    """A committed study of the stub trainer with two slots."""
    directory.mkdir(parents=True)
    (directory.parent / "record").mkdir(exist_ok=True)
    (directory / "train.py").write_text(train)
    (directory / "prepare.py").write_text("FIXED = 1\n")
    (directory / "experiment.yaml").write_text(task)
    (directory / "instructions.md").write_text("Make it better.\n")
    (directory / ".gitignore").write_text("__pycache__/\n")
    (directory / "autoresearch.toml").write_text(
        settings
        or '[study]\ntag = "stub"\nprotected = ["prepare.py"]\n[local]\nslots = 2\n'
        "[judge]\nbaseline_repeats = 3\n[search]\nseed = 7\n"
        '[sandbox]\nenv = ["RECORD", "SECONDS_A_RUN"]\n'
        f"write = [{str(directory.parent / 'record')!r}]\n"
    )
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", "-A")
    git(directory, "commit", "-qm", "Start")
    return directory


def command(*words: str | Path) -> list[str]:
    """The command line of the program under test."""
    return [sys.executable, "-m", "autoresearch_tui", *map(str, words)]


def call(
    *words: str | Path, env: dict[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        command(*words),
        env={**os.environ, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=600,
    )


def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for a condition; fail with `what` when it does not come."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            raise AssertionError(f"did not come within {seconds:.0f} s: {what}")
        time.sleep(0.02)


@contextmanager
def engine(study: Path) -> Generator[subprocess.Popen[bytes]]:
    """An engine that answers, stopped at the end and expected to end well."""
    with subprocess.Popen(command(study, "--no-ui"), stdout=subprocess.DEVNULL) as process:
        until(StudyPaths(study).socket.exists, "the engine's socket")
        try:
            yield process
            stop(study)
            assert process.wait(60) == 0
        finally:
            process.kill()


def stop(study: Path) -> None:
    """End whatever engine runs, and let the slots go."""
    call("stop", "--now", "-C", study)


def lines(path: Path) -> Sequence[str]:
    """The lines of a file, none where it does not exist."""
    return path.read_text().splitlines() if path.exists() else []
