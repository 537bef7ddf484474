"""Making a study of a repository that exists."""

import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_tui.backends.task import load_task
from autoresearch_tui.config import Settings, load_settings
from tests.studies import call, git

PRINTS = 'LR = 0.1\nprint(f"val_bpb: {1 + LR:.6f}")\n'


def repository(path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    git(path, "init", "-q")
    git(path, "add", "-A")
    git(path, "commit", "-qm", "Start")
    return path


def made(*words: str | Path) -> Path:
    done = call("init", *words)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.partition(":")[0])


def refused(*words: str | Path) -> str:
    done = call("init", *words)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


def study_of(path: Path) -> tuple[Settings, str, str]:
    task = load_task(path / "experiment.yaml")
    return load_settings(path), task.setup, task.run


def test_a_train_py_below_the_root_is_found(tmp_path: Path):
    files = {"src/model/train.py": PRINTS, "src/model/prepare.py": "", "src/other.py": ""}
    study = made("--from", repository(tmp_path / "r", files), tmp_path / "s")
    settings, _, run = study_of(study)
    assert settings.study.editable == ("src/model/train.py",)
    assert settings.study.protected == ("src/model/prepare.py",)
    assert run.strip() == "python src/model/train.py"


def test_a_project_below_the_root_is_run_where_it_lies(tmp_path: Path):
    files = {"a b/train.py": PRINTS, "a b/prepare.py": "", "a b/pyproject.toml": ""}
    _, setup, run = study_of(made("--from", repository(tmp_path / "r", files), tmp_path / "s"))
    assert run.split("\n")[:2] == ["cd 'a b'", "uv run train.py"]
    assert setup.split("\n")[0] == "cd 'a b'"
    assert "uv run prepare.py" in setup


def test_another_name_metric_and_direction(tmp_path: Path):
    source = repository(tmp_path / "r", {"fit.py": 'A = 1\nprint("accuracy: 0.5")\n', "x.py": ""})
    study = made("--from", source, "--metric", "accuracy", "--maximize", tmp_path / "s")
    settings, _, run = study_of(study)
    assert settings.study.editable == ("fit.py",)
    assert (settings.study.metric, settings.study.minimize) == ("accuracy", False)
    assert run.strip() == "python fit.py"


def test_several_candidates_are_told_and_one_is_chosen(tmp_path: Path):
    source = repository(tmp_path / "r", {"a.py": PRINTS, "b.py": PRINTS})
    line = refused("--from", source, tmp_path / "s")
    assert "a.py, b.py print val_bpb; choose one with --train PATH" in line
    assert not (tmp_path / "s").exists()
    settings, _, _ = study_of(made("--from", source, "--train", "b.py", tmp_path / "s"))
    assert settings.study.editable == ("b.py",)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--train", "none.py"], "has no such file"),
        (["--train", "../x.py"], "../x.py"),
        (["--metric", "loss"], "prints loss; name the file to edit with --train"),
        (["--tag", 'x"\n[limits]\nmax_experiments = 1'], "letters, digits and dashes"),
    ],
)
def test_after_a_refusal_nothing_is_left(tmp_path: Path, options: list[str], why: str):
    source = repository(tmp_path / "r", {"fit.py": PRINTS})
    assert why in refused("--from", source, *options, tmp_path / "s")
    assert not (tmp_path / "s").exists()
    (tmp_path / "empty").mkdir()
    assert why in refused("--from", source, *options, tmp_path / "empty")
    assert list((tmp_path / "empty").iterdir()) == []
    assert sorted(p.name for p in source.iterdir()) == [".git", "fit.py"]


def test_a_url_is_cloned(tmp_path: Path):
    source = repository(tmp_path / "r", {"train.py": PRINTS})
    study = made("--from", f"file://{source}", tmp_path / "s")
    assert study_of(study)[0].study.editable == ("train.py",)
    line = refused("--from", f"file://{tmp_path}/nowhere", tmp_path / "t")
    assert "nowhere" in line
    assert not (tmp_path / "t").exists()


def test_a_url_names_the_directory(tmp_path: Path):
    source = repository(tmp_path / "night.git", {"train.py": PRINTS})
    words = ["-m", "autoresearch_tui", "init", "--from", f"file://{source}"]
    subprocess.run([sys.executable, *words], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "night" / "autoresearch.toml").exists()


@pytest.mark.parametrize("tag", ['a"b', "a b", "", "x" * 41, "ü"])
def test_a_tag_is_checked(tmp_path: Path, tag: str):
    assert "letters, digits and dashes" in refused("--tag", tag, tmp_path / "s")
    assert not (tmp_path / "s").exists()
