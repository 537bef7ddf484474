import os
import subprocess
import sys

import pytest
from conftest import commit, git

from autoresearch_tui.config import StudySettings
from autoresearch_tui.errors import WorkspaceError
from autoresearch_tui.workspace import Workspace

SETTINGS = StudySettings(tag="oct1", protected=("prepare.py",))


def refused(root, message, settings=SETTINGS, base=None):
    with pytest.raises(WorkspaceError, match=message) as caught:
        Workspace.open(root, settings, base)
    assert "\n" not in str(caught.value)


def test_opens_at_the_commit_checked_out(repository):
    workspace = Workspace.open(repository, SETTINGS)
    assert workspace.base_commit == git(repository, "rev-parse", "HEAD")
    assert workspace.editable == ("train.py",)
    assert workspace.root == repository


def test_no_directory_and_no_repository(tmp_path):
    refused(tmp_path / "none", "none: no such directory; `autoresearch-tui init DIR`")
    refused(tmp_path, "not a git repository; run `git init` .* `autoresearch-tui init DIR`")


def test_without_git(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    refused(repository, "git is not installed, or not on PATH")


def test_without_git_from_the_start(repository):
    """GitPython refuses to be imported without git."""
    code = (
        "from pathlib import Path; from autoresearch_tui.workspace import Workspace\n"
        "from autoresearch_tui.config import StudySettings\n"
        f"Workspace.open(Path({str(repository)!r}), StudySettings())"
    )
    env = {**os.environ, "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert "WorkspaceError: git is not installed" in done.stderr


def test_bare(tmp_path):
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    refused(tmp_path / "bare.git", "a bare repository; give a clone")


def test_unborn(tmp_path):
    git(tmp_path, "init", "-q")
    refused(tmp_path, "has no commit yet; run `git add --all && git commit -m start`")


def test_a_folder_of_a_repository(repository):
    refused(repository / "src", f"src: a folder of the repository {repository}; give that")


def test_an_inherited_environment_does_not_lead_elsewhere(repository, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    git(tmp_path / "other", "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other/index"))
    assert Workspace.open(repository, SETTINGS).editable == ("train.py",)


@pytest.mark.parametrize(
    ("editable", "message"),
    [
        ("trian.py", "no trian.py in the commit; its Python files are: train.py, link.py, prepare"),
        ("new.py", "new.py is not committed yet; run `git add new.py && git commit"),
        ("prepare.py", "prepare.py is protected as well"),
        ("link.py", "link.py is a link or a submodule"),
        ("*.txt", "no [*].txt in the commit"),
    ],
)
def test_no_editable_file(repository, editable, message):
    (repository / "new.py").write_text("A = 1\n")
    settings = SETTINGS.model_copy(update={"editable": (editable,)})
    refused(repository, f"study.editable: {message}", settings)


def test_globs(repository):
    settings = SETTINGS.model_copy(update={"editable": ("src/", "*.py")})
    assert Workspace.open(repository, settings).editable == ("src/model.py", "train.py")


@pytest.mark.parametrize("path", ["train.py", "prepare.py", "experiment.yaml"])
@pytest.mark.parametrize("staged", [False, True])
def test_dirty(repository, path, staged):
    (repository / path).write_text("CHANGED = 1\n")
    if staged:
        git(repository, "add", path)
    refused(repository, f"^{path}: changed since .* run `git commit -m start -- {path}`")


def test_other_changes_do_not_matter(repository):
    (repository / "run.sh").write_text("other\n")
    (repository / "notes.txt").write_text("untracked\n")
    Workspace.open(repository, SETTINGS)


def test_a_branch_of_another_study(repository):
    base = git(repository, "rev-parse", "HEAD")
    git(repository, "branch", "autoresearch/oct1")
    Workspace.open(repository, SETTINGS)
    later = commit(repository, "later")
    git(repository, "branch", "-f", "autoresearch/oct1", later)
    git(repository, "reset", "-q", "--hard", base)
    refused(
        repository,
        "autoresearch/oct1 exists and belongs to another study, or is yours; choose another",
    )
    Workspace.open(repository, SETTINGS, base)
    refused(repository, "`git branch -m autoresearch/oct1 NAME`")


def test_experiments_of_another_study(repository):
    git(repository, "update-ref", "refs/autoresearch/oct1/e0001", "HEAD")
    refused(repository, "1 refs of a study 'oct1', but its .autoresearch/study.db is not here")
    refused(repository, "put the file back .* another `study.tag`. Nothing is lost")


def test_a_branch_that_leaves_no_room(repository):
    base = git(repository, "rev-parse", "HEAD")
    git(repository, "branch", "autoresearch")
    refused(repository, "rename it: `git branch -m autoresearch NAME`")
    refused(repository, "rename it: `git branch -m autoresearch NAME`", base=base)


def test_a_submodule(repository):
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{head},third/party")
    git(repository, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "module")
    refused(repository, "third/party: a submodule, whose files a run would not have")


def test_a_byte_order_mark(repository):
    path = repository / "train.py"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    commit(repository, "mark")
    refused(repository, "train.py: begins with a byte order mark")
    # The line's own cure is followed, as a reader would.
    try:
        Workspace.open(repository, SETTINGS)
    except WorkspaceError as error:
        cure = str(error).partition("run `")[2].rpartition("`")[0]
    identity = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t", "GIT_COMMITTER_NAME": "t"}
    env = {**os.environ, **identity, "GIT_COMMITTER_EMAIL": "t"}
    subprocess.run(["sh", "-c", cure], cwd=repository, env=env, check=True)
    Workspace.open(repository, SETTINGS)


def test_going_on(repository):
    base = git(repository, "rev-parse", "HEAD")
    (repository / "train.py").write_text("DIRTY = 1\n")
    assert Workspace.open(repository, SETTINGS, base).base_commit == base
    refused(repository, "first commit 0123456789ab is gone", base="0123456789ab" + "0" * 28)
    git(repository, "checkout", "-q", "--orphan", "autoresearch/oct1")
    commit(repository, "unrelated")
    git(repository, "checkout", "-q", "main")
    refused(repository, "does not come from the study's first commit", base=base)


def test_the_state_is_excluded_without_touching_gitignore(repository):
    exclude = repository / ".git/info/exclude"
    exclude.write_text("mine")
    for _ in range(2):
        Workspace.open(repository, SETTINGS)
    assert exclude.read_text() == "mine\n/.autoresearch/\n/results.tsv\n"
    (repository / ".autoresearch").mkdir()
    (repository / ".autoresearch/study.db").touch()
    (repository / "results.tsv").touch()
    assert git(repository, "status", "--porcelain") == ""


def test_a_linked_work_tree(repository, tmp_path):
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "side")
    workspace = Workspace.open(tmp_path / "linked", SETTINGS)
    commit = workspace.commit_experiment(
        workspace.base_commit, {"train.py": "A = 1\n"}, id="e0001", title="t"
    )
    assert git(repository, "rev-parse", "refs/autoresearch/oct1/e0001") == commit
    assert "/.autoresearch/" in (repository / ".git/info/exclude").read_text()
