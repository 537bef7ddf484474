"""A new repository for a new study."""

from collections.abc import Mapping
from pathlib import Path

from autoresearch_tui.code.edits import check_path
from autoresearch_tui.errors import EditError, WorkspaceError
from autoresearch_tui.workspace.plumbing import IDENTITY, run_git


def create_repository(
    directory: Path,
    files: Mapping[str, str | bytes],
    *,
    executable: frozenset[str] = frozenset(),
    message: str = "Start a study",
) -> str:
    """Make a git repository of `files` (by relative path) with one commit; returns its hash.

    Raises:
        WorkspaceError: the directory has files already, a path leads outside, or git failed.
    """
    try:
        paths = {path: check_path(path) for path in files}
    except EditError as error:
        raise WorkspaceError(str(error)) from None
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise WorkspaceError(
                f"{directory}: not an empty directory; give a new one, "
                "or `--from PATH` to use a repository that exists"
            )
        directory.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            target = directory / paths[path]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
            if path in executable:
                target.chmod(target.stat().st_mode | 0o111)
    except OSError as error:
        raise WorkspaceError(f"{directory}: cannot be written: {error.strerror}") from None
    return _commit_all(directory, sorted(paths.values()), message)


def tracked_files(directory: Path) -> list[str]:
    """Paths of the files of a repository's newest commit.

    Raises:
        WorkspaceError: there is no commit.
    """
    output = run_git(directory, ["ls-tree", "-r", "-z", "--name-only", "HEAD"])
    return [name for name in output.decode("utf-8", "surrogateescape").split("\0") if name]


def clone_repository(source: str, directory: Path) -> None:
    """Clone a repository: an absolute path, or a URL.

    Raises:
        WorkspaceError: there is none, or the directory has files already.
    """
    if Path(source).is_absolute() and not Path(source).is_dir():
        raise WorkspaceError(f"{source}: no such directory")
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise WorkspaceError(f"{directory}: not an empty directory; give a new one")
    directory.parent.mkdir(parents=True, exist_ok=True)
    run_git(directory.parent, ["clone", "--quiet", "--", source, str(directory.resolve())])


def _commit_all(directory: Path, paths: list[str], message: str) -> str:
    def git(*arguments: str) -> str:
        # Named, so that an inherited GIT_DIR does not lead elsewhere.
        here = {"GIT_DIR": str(directory / ".git"), "GIT_WORK_TREE": str(directory)}
        env = {**here, "GIT_INDEX_FILE": str(directory / ".git" / "index"), **identity}
        return run_git(directory, arguments, env=env).decode("utf-8", "replace").strip()

    identity: dict[str, str] = {}
    directory = directory.resolve()
    branch = _setting(directory, "init.defaultBranch") or "main"
    git("-c", f"init.defaultBranch={branch}", "init", "--quiet")
    if _setting(directory, "user.name") is None or _setting(directory, "user.email") is None:
        identity = IDENTITY
    # The user's global ignore rules are not meant for files that we bring.
    git("add", "--force", "--", *paths)
    git("commit", "--quiet", "--allow-empty", "--no-verify", "--no-gpg-sign", "-m", message)
    return git("rev-parse", "HEAD")


def _setting(directory: Path, key: str) -> str | None:
    try:
        return run_git(directory, ["config", "--get", key]).decode().strip() or None
    except WorkspaceError:
        return None
