import hashlib
import os
import subprocess
from pathlib import Path

import pytest


def git(root: Path, *arguments: str, **kwargs) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, check=True, capture_output=True, text=True, **kwargs
    )
    return done.stdout.strip()


def footprint(root: Path) -> dict[str, object]:
    """Everything of the user's that must stay as it is."""
    files = {
        str(path.relative_to(root)): (path.lstat().st_mtime_ns, path.lstat().st_mode)
        for path in sorted(root.rglob("*"))
        if ".git" not in path.relative_to(root).parts
    }
    return {
        "files": files,
        "index": hashlib.sha256((root / ".git/index").read_bytes()).hexdigest(),
        "index time": (root / ".git/index").stat().st_mtime_ns,
        "head": (root / ".git/HEAD").read_text(),
        "status": git(root, "--no-optional-locks", "status", "--porcelain", "--ignored"),
        "config": (root / ".git/config").read_text(),
        "commit": git(root, "rev-parse", "HEAD"),
    }


@pytest.fixture(autouse=True)
def no_identity(monkeypatch, tmp_path_factory):
    """No name, no configuration: git as on a fresh machine."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    empty = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(empty))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(empty))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def repository(tmp_path):
    """A repository with a committed train.py, an executable, a link and a folder."""
    root = tmp_path / "study"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "train.py").write_text("DEPTH = 4\nLR = 0.01\n")
    (root / "prepare.py").write_text("FIXED = 1\n")
    (root / "experiment.yaml").write_text("run: python train.py\n")
    (root / "src").mkdir()
    (root / "src/model.py").write_text("WIDTH = 64\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link.py").symlink_to("train.py")
    commit(root)
    return root


def commit(root: Path, message: str = "start") -> str:
    git(root, "add", "--all")
    named = ("-c", "user.name=u", "-c", "user.email=u@u")
    git(root, *named, "commit", "-q", "--allow-empty", "-m", message)
    return git(root, "rev-parse", "HEAD")
