import hashlib
import os
import threading

import pytest
from conftest import commit, footprint, git

from autoresearch_tui.config import StudySettings
from autoresearch_tui.errors import WorkspaceError
from autoresearch_tui.workspace import Workspace, create_repository

SETTINGS = StudySettings(tag="oct1")
DEEPER = {"train.py": "DEPTH = 6\nLR = 0.01\n"}


@pytest.fixture
def workspace(repository):
    return Workspace.open(repository, SETTINGS)


def experiment(workspace, id="e0001", files=DEEPER, parent=None, **fields):
    parent = parent or workspace.base_commit
    return workspace.commit_experiment(parent, files, id=id, title="DEPTH 4 → 6", **fields)


def test_an_experiment_is_a_commit_on_its_parent(repository, workspace):
    sha = experiment(
        workspace,
        hypothesis="Deeper is better.\nSay the runs.",
        parent_id="e0000",
        origin="optimizer\nEvil: yes",
    )
    assert git(repository, "rev-parse", "refs/autoresearch/oct1/e0001") == sha
    assert git(repository, "rev-parse", f"{sha}^") == workspace.base_commit
    assert git(repository, "log", "-1", "--format=%B", sha) == (
        "DEPTH 4 → 6\n\nDeeper is better.\nSay the runs.\n\n"
        "Experiment: e0001\nParent-Experiment: e0000\nOrigin: optimizer Evil: yes"
    )
    authors = git(repository, "log", "-1", "--format=%an %cn", sha)
    assert authors == "autoresearch-tui autoresearch-tui"
    assert git(repository, "diff", "--stat", f"{sha}^", sha, "--name-only") == "train.py"
    assert workspace.read_files(sha) == DEEPER
    assert workspace.read_files(sha, ["src/model.py"]) == {"src/model.py": "WIDTH = 64\n"}


def test_what_piles_up_is_packed_and_stays_as_it_was(repository, workspace):
    def loose() -> int:
        objects = repository / ".git" / "objects"
        return sum(1 for path in objects.glob("??/*") if path.is_file())

    before, shas = footprint(repository), {}
    for rounds in range(4):
        for number in range(10):
            id = f"e{rounds}{number:03}"
            files = {"train.py": f"DEPTH = {rounds}\nLR = {number}\n"}
            shas[id] = experiment(workspace, id, files)
            workspace.record_result(shas[id], f"gave {id}")
        if rounds == 0:
            piled_up = loose()
        workspace.tidy()
    workspace.tidy()
    assert piled_up > 60
    assert loose() == 0
    assert not list((repository / ".git/refs/autoresearch/oct1").glob("*"))
    assert footprint(repository) == before
    for id, sha in shas.items():
        assert git(repository, "rev-parse", f"refs/autoresearch/oct1/{id}") == sha
        assert git(repository, "notes", "--ref=autoresearch", "show", sha) == f"gave {id}"
        assert workspace.has(sha)
    git(repository, "fsck", "--strict")
    assert len(list((repository / ".git/objects/pack").glob("*.pack"))) <= 4


def test_nothing_of_the_users_is_touched(repository, workspace, tmp_path):
    (repository / "run.sh").write_text("half-done work\n")
    (repository / "staged.txt").write_text("staged\n")
    git(repository, "add", "staged.txt")
    before = footprint(repository)
    sha = experiment(workspace)
    workspace.record_result(sha, "val_bpb 1.6")
    workspace.advance(sha, id="e0001", title="t", result="val_bpb 1.6")
    workspace.materialise(sha, tmp_path / "out")
    workspace.hashes(sha)
    workspace.diff(workspace.base_commit, sha)
    Workspace.open(repository, SETTINGS, workspace.base_commit)
    assert footprint(repository) == before


def test_committing_again_is_idempotent(repository, workspace):
    sha = experiment(workspace)
    assert experiment(workspace) == sha
    rebased = experiment(workspace, parent=sha, files={"train.py": "DEPTH = 7\n"})
    assert rebased != sha
    assert git(repository, "rev-parse", "refs/autoresearch/oct1/e0001") == rebased


def test_the_users_settings_do_not_interfere(repository, workspace):
    git(repository, "config", "commit.gpgSign", "true")
    git(repository, "config", "gpg.program", "/bin/false")
    git(repository, "config", "core.autocrlf", "true")
    git(repository, "config", "diff.external", "/bin/false")
    git(repository, "config", "color.ui", "always")
    hook = repository / ".git/hooks/reference-transaction"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    sha = experiment(workspace)
    assert workspace.read_files(sha) == DEEPER
    assert "\n-DEPTH = 4\n+DEPTH = 6\n" in workspace.diff(workspace.base_commit, sha)


def test_files_must_be_in_the_parent(workspace):
    for path in ["new.py", "../x", "/etc/passwd", ".git/hooks/pre-commit", "link.py", "src"]:
        with pytest.raises(WorkspaceError, match="no file of this name in commit"):
            experiment(workspace, files={path: "x"})
    with pytest.raises(WorkspaceError, match="no file of this name"):
        workspace.read_files(workspace.base_commit, ["new.py"])
    with pytest.raises(WorkspaceError, match=r"^git ls-tree failed: "):
        workspace.read_files("0" * 40)


def test_text_survives_as_it_is(repository):
    (repository / "train.py").write_bytes("A = 'é'\r\nB = 1".encode())
    (repository / "odd näme.py").write_bytes(b"\xff")
    commit(repository)
    workspace = Workspace.open(repository, SETTINGS)
    assert workspace.read_files(workspace.base_commit) == {"train.py": "A = 'é'\r\nB = 1"}
    with pytest.raises(WorkspaceError, match=r"odd näme.py: not UTF-8 text"):
        workspace.read_files(workspace.base_commit, ["odd näme.py"])
    sha = experiment(workspace, files={"odd näme.py": "A = 'ü'\r\n"})
    assert workspace.read_files(sha, ["odd näme.py"]) == {"odd näme.py": "A = 'ü'\r\n"}


def test_a_result_is_a_note(repository, workspace):
    sha = experiment(workspace)
    workspace.record_result(sha, "discard val_bpb 1.70")
    workspace.record_result(sha, "# keep val_bpb 1.63\n")
    assert git(repository, "notes", "--ref=autoresearch", "show", sha) == "# keep val_bpb 1.63"


def kept_log(repository, workspace):
    keys = ("Experiment", "Result", "Gain")
    form = "|".join(("%s", *(f"%(trailers:key={key},valueonly,separator=)" for key in keys)))
    span = f"{workspace.base_commit}..autoresearch/oct1"
    return git(repository, "log", f"--format={form}", span).splitlines()


def test_the_branch_holds_the_kept_ones(repository, workspace):
    assert workspace.sync_branch() == ""
    assert kept_log(repository, workspace) == []
    first = experiment(workspace)
    second = experiment(workspace, "e0002", {"train.py": "DEPTH = 7\n"}, first)
    third = experiment(workspace, "e0003", {"train.py": "DEPTH = 8\n"}, second)
    one = workspace.advance(first, id="e0001", title="one", result="val_bpb 1.63 (H100)", gain="+1")
    two = workspace.advance(third, id="e0003", title="three", result="val_bpb 1.60", gain="+2")
    assert workspace.advance(third, id="e0003", title="three") == two
    assert workspace.advance(first, id="e0001", title="one") == one
    assert kept_log(repository, workspace) == [
        "three|e0003|val_bpb 1.60|+2",
        "one|e0001|val_bpb 1.63 (H100)|+1",
    ]
    assert workspace.read_files("autoresearch/oct1") == {"train.py": "DEPTH = 8\n"}
    assert workspace.diff(third, two.commit) == ""
    again = Workspace.open(repository, SETTINGS, workspace.base_commit)
    assert again.advance(third, id="e0003", title="three") == two


def test_a_branch_that_is_checked_out_waits(repository, workspace, tmp_path):
    first = experiment(workspace)
    workspace.sync_branch()
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"), "autoresearch/oct1")
    done = workspace.advance(first, id="e0001", title="one")
    assert f"is checked out in {tmp_path / 'linked'} and stays" in done.note
    assert kept_log(repository, workspace) == []
    assert git(tmp_path / "linked", "status", "--porcelain") == ""
    git(tmp_path / "linked", "checkout", "-q", "--detach")
    assert workspace.sync_branch() == ""
    assert len(kept_log(repository, workspace)) == 1

    git(repository, "checkout", "-q", "autoresearch/oct1")
    second = experiment(workspace, "e0002", {"train.py": "DEPTH = 7\n"})
    assert "is checked out in" in workspace.advance(second, id="e0002", title="two").note
    assert git(repository, "status", "--porcelain") == ""
    git(repository, "checkout", "-q", "main")
    third = experiment(workspace, "e0003", {"train.py": "DEPTH = 8\n"})
    assert workspace.advance(third, id="e0003", title="three").note == ""
    assert len(kept_log(repository, workspace)) == 3


def test_a_branch_with_the_users_own_commits_is_left_alone(repository, workspace):
    workspace.sync_branch()
    git(repository, "checkout", "-q", "autoresearch/oct1")
    own = commit(repository, "mine")
    git(repository, "checkout", "-q", "main")
    note = workspace.advance(experiment(workspace), id="e0001", title="one").note
    assert "has commits of its own and stays" in note
    assert "refs/autoresearch/oct1/kept" in note
    assert git(repository, "rev-parse", "autoresearch/oct1") == own


def test_materialise(repository, workspace, tmp_path):
    out = tmp_path / "deep" / "out"
    sha = experiment(workspace)
    workspace.materialise(sha, out)
    assert (out / "train.py").read_text() == DEEPER["train.py"]
    assert (out / "src/model.py").read_text() == "WIDTH = 64\n"
    assert os.access(out / "run.sh", os.X_OK)
    assert not os.access(out / "train.py", os.X_OK)
    assert (out / "link.py").readlink().name == "train.py"
    assert not (out / ".git").exists()
    content = (out / "train.py").read_bytes()
    assert workspace.hashes(sha) == {"train.py": hashlib.sha256(content).hexdigest()}
    with pytest.raises(WorkspaceError, match="out: not empty"):
        workspace.materialise(sha, out)
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match="cannot be written: File exists"):
        workspace.materialise(sha, tmp_path / "file")


def test_links_stay_links_and_nothing_is_written_through_them(repository, tmp_path):
    (tmp_path / "outside").mkdir()
    (repository / "data").symlink_to(tmp_path / "outside")
    commit(repository)
    workspace = Workspace.open(repository, SETTINGS)
    with pytest.raises(WorkspaceError, match="no file of this name"):
        experiment(workspace, files={"data/x.py": "A = 1\n"})
    workspace.materialise(experiment(workspace), tmp_path / "out")
    assert (tmp_path / "out/data").is_symlink()
    assert list((tmp_path / "outside").iterdir()) == []


def test_hashes_are_of_what_is_written(repository, tmp_path):
    (repository / ".gitattributes").write_text("*.py text eol=crlf\n")
    commit(repository)
    workspace = Workspace.open(repository, SETTINGS)
    (repository / ".gitattributes").write_text("")
    workspace.materialise(workspace.base_commit, tmp_path / "out")
    content = (tmp_path / "out/train.py").read_bytes()
    assert b"\r\n" in content
    assert workspace.hashes(workspace.base_commit)["train.py"] == (
        hashlib.sha256(content).hexdigest()
    )


def test_a_commit_that_is_gone(repository, workspace):
    assert workspace.has(workspace.base_commit)
    assert workspace.has(experiment(workspace))
    assert not workspace.has("0" * 40)
    (repository / ".git/HEAD").unlink()
    with pytest.raises(WorkspaceError):
        workspace.has(workspace.base_commit)


def test_a_submodule_that_came_later_is_left_empty(repository, tmp_path):
    base = git(repository, "rev-parse", "HEAD")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{base},sub")
    named = ("-c", "user.name=u", "-c", "user.email=u@u")
    git(repository, *named, "commit", "-q", "-m", "submodule")
    head = git(repository, "rev-parse", "HEAD")
    workspace = Workspace.open(repository, SETTINGS, head)
    workspace.materialise(experiment(workspace), tmp_path / "out")
    assert (tmp_path / "out/train.py").exists()


def test_calls_from_many_threads(repository, workspace, tmp_path):
    problems = []

    def work(number):
        try:
            id = f"e{number:04}"
            sha = experiment(workspace, id, {"train.py": f"DEPTH = {number}\n"})
            workspace.materialise(sha, tmp_path / id)
            workspace.advance(sha, id=id, title=id)
        except WorkspaceError as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(kept_log(repository, workspace)) == 6
    assert {(tmp_path / f"e{n:04}/train.py").read_text() for n in range(6)} == {
        f"DEPTH = {n}\n" for n in range(6)
    }


def test_create_repository(tmp_path):
    files = {"train.py": "DEPTH = 4\n", "trainer/run.sh": b"#!/bin/sh\n", ".gitignore": "*.py\n"}
    root = tmp_path / "new" / "study"
    sha = create_repository(root, files, executable=frozenset({"trainer/run.sh"}))
    assert git(root, "rev-parse", "main") == sha
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "ls-files").splitlines() == [".gitignore", "train.py", "trainer/run.sh"]
    assert git(root, "log", "--format=%an %s") == "autoresearch-tui Start a study"
    assert os.access(root / "trainer/run.sh", os.X_OK)
    assert Workspace.open(root, SETTINGS).editable == ("train.py",)


def test_create_repository_as_the_user(tmp_path):
    git(tmp_path, "config", "--global", "user.name", "Ada")
    git(tmp_path, "config", "--global", "user.email", "ada@example.org")
    git(tmp_path, "config", "--global", "init.defaultBranch", "trunk")
    create_repository(tmp_path / "study", {"train.py": "A = 1\n"})
    assert git(tmp_path / "study", "log", "--format=%an", "trunk") == "Ada"


def test_create_repository_refuses(tmp_path):
    (tmp_path / "used").mkdir()
    (tmp_path / "used/notes.txt").touch()
    with pytest.raises(WorkspaceError, match="used: not an empty directory; give a new one"):
        create_repository(tmp_path / "used", {"train.py": ""})
    with pytest.raises(WorkspaceError, match="not an empty directory"):
        create_repository(tmp_path / "used/notes.txt", {"train.py": ""})
    with pytest.raises(WorkspaceError, match="cannot be written: Not a directory"):
        create_repository(tmp_path / "used/notes.txt/x", {"train.py": ""})
    for path in ["../x", "/x", ".git/config"]:
        with pytest.raises(WorkspaceError, match=path):
            create_repository(tmp_path / "new", {path: ""})
    assert not (tmp_path / "new").exists()
