"""The wheel brings everything that a study needs."""

import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.e2e


def test_the_wheel_makes_a_study(tmp_path: Path):
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    study = tmp_path / "study"
    done = subprocess.run(
        [sys.executable, "-m", "autoresearch_tui", "init", str(study)],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for name in ("train.py", "prepare.py", "clock.py", "corpus.py", "climbmix.py"):
        assert (study / "trainer" / name).read_bytes() == (ROOT / "trainer" / name).read_bytes()
    assert (tmp_path / "site/autoresearch_tui/tui/screens/main.tcss").exists()
    assert (tmp_path / "site/autoresearch_tui/store/migrations/0001.sql").exists()


@pytest.mark.skipif(find_spec("sky") is None, reason="`make everything` installs skypilot")
def test_skypilot_reads_the_packaged_task():
    code = "import sys, sky; print(sky.Task.from_yaml(sys.argv[1]).name)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "experiment.yaml")],
        env={**os.environ, "SKYPILOT_DISABLE_USAGE_COLLECTION": "1"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["autoresearch"], done.stderr
