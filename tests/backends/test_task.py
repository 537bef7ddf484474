"""A task, and what of it decides a result."""

from pathlib import Path

import pytest

from autoresearch_tui.backends.task import differing, load_task

TASK = """\
name: one
resources:
  accelerators: H100
envs:
  SEED: 1
  DATA: small
setup: pip install torch
run: python train.py
"""


def fingerprint(tmp_path: Path, text: str) -> str:
    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    return load_task(path).fingerprint


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("name: one", "name: two", []),
        ("accelerators: H100", "accelerators: {H200: 1}", []),
        ("run: python train.py", "run: 'python train.py'  # as ever", []),
        ("  SEED: 1\n  DATA: small\n", "  DATA: small\n  SEED: 1\n", []),
        ("SEED: 1", "SEED: 2", ["envs"]),
        ("run: python", "run: SEED=2 python", ["run"]),
        (
            "install torch\n",
            "install torch==2\nfile_mounts: {/data: ~/d}\n",
            ["file_mounts", "setup"],
        ),
        ("accelerators: H100", "image_id: docker:x", ["image_id"]),
        ("run:", "2026-01-01: {1: 2026-01-02, 2026-01-03: x}\nrun:", ["2026-01-01"]),
    ],
)
def test_what_decides_a_result_is_in_the_fingerprint(
    tmp_path: Path, old: str, new: str, changed: list[str]
):
    assert old in TASK
    before, after = fingerprint(tmp_path, TASK), fingerprint(tmp_path, TASK.replace(old, new))
    assert differing(before, after) == changed
