"""The packaged trainer as a user runs it: alone, in processes of its own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SUMMARY = (
    "val_bpb",
    "training_seconds",
    "total_seconds",
    "startup_seconds",
    "peak_vram_mb",
    "mfu_percent",
    "total_tokens_M",
    "num_steps",
    "num_params_M",
    "depth",
)

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared cache of a text of one's own, so that no network is needed."""
    folder = tmp_path_factory.mktemp("cache")
    words = [f"word{i % 97} and {i % 13} more, said the {i % 7}th man." for i in range(30_000)]
    text = folder / "own.txt"
    text.write_text("\n".join(words))
    done = run(folder, "prepare.py", "--text", str(text))
    assert done.returncode == 0, done.stderr
    return folder


def run(
    cache: Path, script: str, *words: str, where: Path = ROOT / "trainer", **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a script of the trainer on one thread."""
    known = {"AUTORESEARCH_CACHE": str(cache), "AUTORESEARCH_PROFILE": "cpu"}
    return subprocess.run(
        [sys.executable, str(where / script), *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", **known, **env},
        capture_output=True,
        text=True,
        timeout=300,
    )


def train(cache: Path, seed: str = "1", **more: str) -> str:
    done = run(cache, "train.py", AUTORESEARCH_BUDGET_SECONDS="2", AUTORESEARCH_SEED=seed, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def metric(output: str, name: str) -> float:
    (value,) = re.findall(rf"^{name}: (\S+)$", output, re.M)
    return float(value)


def changed(folder: Path, before: str, after: str) -> Path:
    """A copy of the trainer with one replacement in train.py."""
    shutil.copytree(ROOT / "trainer", folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "train.py"
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))
    return folder


def test_summary_keeps_the_contract(cache: Path):
    output = train(cache)
    summary = output.split("---\n")[1].splitlines()
    assert tuple(line.split(": ")[0] for line in summary) == SUMMARY
    assert 0 < metric(output, "val_bpb") < 8
    progress = output.split("---\n")[0].split("\r")
    last = next(line for line in reversed(progress) if "step" in line)
    assert re.search(r"step \d+ \(\d+\.\d%\) \| loss: \d+\.\d+ .*remaining: \d+s", last)


def test_same_seed_gives_the_same_number_whatever_else_runs(cache: Path):
    alone = metric(train(cache), "val_bpb")
    words = [sys.executable, "-c", "while True: pass"]
    with subprocess.Popen(words) as neighbour:
        try:
            beside = metric(train(cache), "val_bpb")
        finally:
            neighbour.kill()
    assert alone == beside
    assert metric(train(cache, seed="2"), "val_bpb") != alone


def test_it_learns(cache: Path):
    short = metric(train(cache), "val_bpb")
    done = run(cache, "train.py", AUTORESEARCH_BUDGET_SECONDS="6", AUTORESEARCH_SEED="1")
    assert metric(done.stdout, "val_bpb") < short


def test_a_loss_that_explodes_fails_fast(cache: Path, tmp_path: Path):
    where = changed(tmp_path / "trainer", "MATRIX_LR = 0.04", "MATRIX_LR = 1e9")
    done = run(cache, "train.py", where=where, AUTORESEARCH_BUDGET_SECONDS="20")
    assert done.returncode == 1
    assert "FAIL" in done.stdout + done.stderr
    assert "val_bpb" not in done.stdout


def test_damaged_tokens_are_noticed(cache: Path, tmp_path: Path):
    copy = tmp_path / "cache"
    shutil.copytree(cache, copy)
    text = copy / "own.txt"
    (tokens,) = copy.glob("tokens-*/train.u16")
    whole = tokens.read_bytes()
    tokens.write_bytes(b"\0" * len(whole))
    done = run(copy, "prepare.py", "--text", str(text))
    assert done.returncode == 0
    assert tokens.read_bytes() == whole


def test_without_data_it_says_what_to_do(tmp_path: Path):
    done = run(tmp_path, "train.py")
    assert done.returncode == 1
    assert "prepare.py" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_profile(tmp_path: Path):
    done = run(tmp_path, "train.py", AUTORESEARCH_PROFILE="abacus")
    assert done.returncode == 1
    assert "AUTORESEARCH_PROFILE" in done.stderr
