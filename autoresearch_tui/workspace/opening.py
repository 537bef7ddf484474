"""Whether a repository can hold a study: each reason why not as one line."""

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoresearch_tui.code.edits import matches
from autoresearch_tui.config import StudySettings
from autoresearch_tui.errors import WorkspaceError
from autoresearch_tui.workspace.plumbing import Entry, Git, run_git

_EXCLUDED = ("/.autoresearch/", "/results.tsv")


def branch_of(tag: str) -> str:
    """The full name of a study's branch."""
    return f"refs/heads/autoresearch/{tag}"


def refs_of(tag: str) -> str:
    """The prefix of the refs of a study's experiments."""
    return f"refs/autoresearch/{tag}/"


def locate(root: Path) -> Git:
    """The repository whose top directory is `root`.

    Raises:
        WorkspaceError: there is none, or it has no files checked out.
    """
    if not root.is_dir():
        raise WorkspaceError(
            f"{root}: no such directory; `autoresearch-tui init DIR` makes a study"
        )
    run_git(root, ["version"])
    from git import Repo
    from git.exc import InvalidGitRepositoryError, NoSuchPathError

    try:
        with Repo(root, search_parent_directories=True, expand_vars=False) as repo:
            bare, top, git_dir = repo.bare, repo.working_tree_dir, Path(repo.git_dir)
    except (InvalidGitRepositoryError, NoSuchPathError):
        raise WorkspaceError(
            f"{root}: not a git repository; run `git init` and commit there, "
            "or `autoresearch-tui init DIR` for a new study"
        ) from None
    if bare or top is None:
        raise WorkspaceError(f"{root}: a bare repository; give a clone with its files checked out")
    if Path(top).resolve() != root.resolve():
        raise WorkspaceError(
            f"{root}: a folder of the repository {top}; give that directory instead, "
            "or run `git init` here for a repository of its own"
        )
    return Git(git_dir.resolve(), root.resolve())


@dataclass(frozen=True, slots=True)
class Start:
    """Where a study begins: its base commit, and the files that may be edited."""

    base: str
    editable: tuple[str, ...]


def check_start(git: Git, settings: StudySettings) -> Start:
    """Check that a new study can start at the commit that is checked out.

    Raises:
        WorkspaceError: it cannot; the line says how to mend it.
    """
    base = git.commit_of("HEAD")
    if base is None:
        git.text("rev-parse", "--git-dir")  # Says so itself where git refuses the repository.
        raise WorkspaceError(
            f"{git.work_tree}: the repository has no commit yet; "
            "run `git add --all && git commit -m start`"
        )
    start = Start(base, editable_files(git, base, settings))
    _check_clean(git, settings, start)
    _check_contents(git, start)
    _check_room_for_branch(git)
    _check_unused(git, settings.tag, base)
    return start


def check_resume(git: Git, settings: StudySettings, base: str) -> Start:
    """Check that a study which began at `base` can go on.

    Raises:
        WorkspaceError: it cannot; the line says how to mend it.
    """
    if git.commit_of(base) is None:
        raise WorkspaceError(
            f"{git.work_tree}: the study's first commit {base[:12]} is gone; fetch it back, "
            "or start a new study with another `study.tag`"
        )
    _check_room_for_branch(git)
    branch = branch_of(settings.tag)
    tip = git.commit_of(branch)
    if tip is not None and git.ask("merge-base", "--is-ancestor", base, tip) is None:
        raise _in_use(settings.tag, f"does not come from the study's first commit {base[:12]}")
    return Start(base, editable_files(git, base, settings))


def editable_files(git: Git, commit: str, settings: StudySettings) -> tuple[str, ...]:
    """The editable files of a commit: plain files that `study.editable` names or matches.

    Raises:
        WorkspaceError: a name matches none; the line lists what could be meant.
    """
    entries = git.entries(commit)
    found: list[str] = []
    for pattern in settings.editable:
        hits = [path for path in entries if matches(path, [pattern])]
        files = [path for path in hits if entries[path].is_file]
        free = [path for path in files if not matches(path, settings.protected)]
        if not free:
            raise WorkspaceError(_nothing_editable(git, pattern, hits, files, entries))
        found += free
    return tuple(dict.fromkeys(sorted(found)))


def _nothing_editable(
    git: Git, pattern: str, hits: Sequence[str], files: Sequence[str], entries: Mapping[str, Entry]
) -> str:
    if files:
        return f"study.editable: {pattern} is protected as well; take it out of `study.protected`"
    if hits:
        return f"study.editable: {hits[0]} is a link or a submodule; name the file it stands for"
    if (git.work_tree / pattern).is_file():
        return (
            f"study.editable: {pattern} is not committed yet; "
            f"run `git add {pattern} && git commit -m start`"
        )
    python = sorted((path for path in entries if path.endswith(".py")), key=_likeness)
    rest = ", …" if len(python) > 8 else ""
    listed = f"its Python files are: {', '.join(python[:8])}{rest}" if python else "it has no *.py"
    return f"study.editable: no {pattern} in the commit; {listed}"


def _likeness(path: str) -> tuple[bool, int, str]:
    return "train" not in path.rsplit("/", 1)[-1].lower(), path.count("/"), path


def _check_clean(git: Git, settings: StudySettings, start: Start) -> None:
    """Refuse changes that are not committed in files that the study is about."""
    output = git.text("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames")
    changed = [line[3:] for line in output.split("\0") if line]
    ours = [*start.editable, *settings.protected, settings.task]
    dirty = [path for path in changed if matches(path, ours)]
    if dirty:
        names = " ".join(dirty[:6]) + (" …" if len(dirty) > 6 else "")
        raise WorkspaceError(
            f"{', '.join(dirty[:6])}{' …' if len(dirty) > 6 else ''}: changed since the last "
            f"commit, from which a study starts; run `git commit -m start -- {names}`, "
            f"or `git stash` to go without"
        )


def _check_contents(git: Git, start: Start) -> None:
    """Refuse what a run would not have, or an edit would break."""
    entries = git.entries(start.base)
    if modules := [path for path, entry in entries.items() if entry.mode == "160000"]:
        raise WorkspaceError(
            f"{modules[0]}: a submodule, whose files a run would not have; commit the files "
            "themselves in its place, or take it out"
        )
    contents = git.blobs([entries[path].blob for path in start.editable])
    for path, content in zip(start.editable, contents, strict=True):
        if content.startswith(codecs.BOM_UTF8):
            raise WorkspaceError(
                f"{path}: begins with a byte order mark, which edits would break; "
                f"run `sed -i '1s/^\\xEF\\xBB\\xBF//' {path} && git commit -m 'No mark' -- {path}`"
            )


def _check_room_for_branch(git: Git) -> None:
    if git.commit_of("refs/heads/autoresearch") is not None:
        raise WorkspaceError(
            "a branch named `autoresearch` leaves no room for the branches `autoresearch/…`; "
            "rename it: `git branch -m autoresearch NAME`"
        )


def _check_unused(git: Git, tag: str, base: str) -> None:
    branch = f"autoresearch/{tag}"
    tip = git.commit_of(branch_of(tag))
    if count := len(git.text("for-each-ref", "--format=x", refs_of(tag)).split()):
        best = f"`git checkout --detach {branch}`, and " if tip else ""
        raise WorkspaceError(
            f"the repository has {count} refs of a study {tag!r}, but its .autoresearch/study.db "
            f"is not here: put the file back if you have it; else start another study, {best}with "
            "another `study.tag`. Nothing is lost: `git log --all --notes=autoresearch` has the "
            "results"
        )
    if tip is not None and tip != base:
        raise _in_use(tag, "belongs to another study, or is yours")


def _in_use(tag: str, why: str) -> WorkspaceError:
    return WorkspaceError(
        f"the branch autoresearch/{tag} exists and {why}; choose another `study.tag`, "
        f"or rename it: `git branch -m autoresearch/{tag} NAME`"
    )


def exclude_state(git: Git) -> None:
    """Keep the study's own files out of `git status`, without touching the user's .gitignore."""
    common = Path(git.text("rev-parse", "--path-format=absolute", "--git-common-dir"))
    path = common / "info" / "exclude"
    try:
        path.parent.mkdir(exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        missing = [line for line in _EXCLUDED if line not in text.splitlines()]
        if missing:
            gap = "" if not text or text.endswith("\n") else "\n"
            with path.open("a", encoding="utf-8") as file:
                file.write(gap + "".join(f"{line}\n" for line in missing))
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{path}: cannot be written: {error}") from None
