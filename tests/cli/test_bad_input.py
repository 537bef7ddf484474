"""Bad input: one clear line, a non-zero exit, nothing lost."""

import json
from pathlib import Path

import pytest

from tests.studies import TRAIN, call, git, make_study


def refused(*words: str | Path, stdin: str = "") -> str:
    """The one line with which the program refuses."""
    done = call(*words, stdin=stdin)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "Traceback" not in line
    return line


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return make_study(tmp_path / "study")


def test_no_such_directory(tmp_path: Path):
    assert "no such directory" in refused(tmp_path / "nowhere", "--no-ui")


def test_no_repository(tmp_path: Path):
    assert "git" in refused(tmp_path, "--no-ui")


def test_repository_without_commit(tmp_path: Path):
    git(tmp_path, "init", "-q")
    assert "commit" in refused(tmp_path, "--no-ui")


def test_no_train_py(study: Path):
    git(study, "rm", "-q", "train.py")
    git(study, "commit", "-qm", "Without")
    assert "train.py" in refused(study, "--no-ui")


def test_dirty_train_py(study: Path):
    (study / "train.py").write_text(TRAIN + "\n# changed\n")
    line = refused(study, "--no-ui")
    assert "train.py" in line
    assert "commit" in line
    assert (study / "train.py").read_text().endswith("# changed\n")


def test_unknown_key(study: Path):
    (study / "autoresearch.toml").write_text("[limits]\nmax_experimentz = 3\n")
    assert "limits.max_experimentz" in refused(study, "--no-ui")


def test_wrong_type(study: Path):
    (study / "autoresearch.toml").write_text('[limits]\nmax_experiments = "three"\n')
    assert "limits.max_experiments" in refused(study, "--no-ui")


def test_broken_toml(study: Path):
    (study / "autoresearch.toml").write_text("[limits\n")
    assert "TOML" in refused(study, "--no-ui")


def test_no_task(study: Path):
    (study / "experiment.yaml").unlink()
    assert "experiment.yaml" in refused(study, "--no-ui")


def test_broken_task(study: Path):
    (study / "experiment.yaml").write_text("run: [1, 2\n")
    assert "experiment.yaml" in refused(study, "--no-ui")


def test_status_before_the_first_start(study: Path):
    assert "no study here yet" in refused("status", "-C", study)


@pytest.mark.parametrize(
    "words", [("pause",), ("stop",), ("approve", "e0001"), ("cancel", "e1-r1")]
)
def test_requests_without_engine(study: Path, words: tuple[str, ...]):
    assert "no engine" in refused(*words, "-C", study)


def test_proposal_that_is_no_json(study: Path):
    assert "JSON" in refused("propose", "-f", "-", "-C", study, stdin="edits: none")


def test_proposal_without_edits(study: Path):
    text = json.dumps({"title": "a", "hypothesis": "b"})
    assert "edits" in refused("propose", "-f", "-", "-C", study, stdin=text)


def test_init_into_a_full_directory(study: Path):
    assert "not an empty directory" in refused("init", study)


def test_init_from_nothing(tmp_path: Path):
    assert str(tmp_path / "none") in refused("init", "--from", tmp_path / "none", tmp_path / "new")


def test_every_command_has_help():
    for words in ((), ("status",), ("list",), ("propose",), ("doctor",), ("open",), ("init",)):
        done = call(*words, "--help")
        assert done.returncode == 0
        assert "Usage" in done.stdout


def test_the_study_may_be_named_before_the_command(study: Path):
    assert "no study here yet" in refused("-C", study, "list")
