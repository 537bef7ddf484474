"""A study's git repository: experiments as commits, kept ones as a branch.

Works on objects and refs alone, with an index of its own: the user's checked-out files, HEAD and
index are never touched.
"""

import hashlib
import tempfile
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from autoresearch_tui.config import StudySettings
from autoresearch_tui.errors import WorkspaceError
from autoresearch_tui.workspace.base import Advance
from autoresearch_tui.workspace.opening import (
    branch_of,
    check_resume,
    check_start,
    exclude_state,
    locate,
    refs_of,
)
from autoresearch_tui.workspace.plumbing import IDENTITY, Entry, Git

NOTES = "refs/notes/autoresearch"


class Workspace:
    """The repository of one study. Calls block, and may come from any thread."""

    def __init__(self, git: Git, settings: StudySettings, base: str, editable: Sequence[str]):
        self._git = git
        self._tag = settings.tag
        self._lock = threading.RLock()
        self.root = git.work_tree
        self.base_commit = base
        self.editable = tuple(editable)
        """Editable files of the base commit, globs resolved."""

    @classmethod
    def open(cls, root: Path, settings: StudySettings, base: str | None = None) -> "Workspace":
        """Open the repository at `root`: to start a study at HEAD, or to go on with one.

        `base` is the commit at which the study began, if it has.

        Raises:
            WorkspaceError: the repository cannot be used; the line says how to mend it.
        """
        git = locate(root)
        start = check_start(git, settings) if base is None else check_resume(git, settings, base)
        exclude_state(git)
        return cls(git, settings, start.base, start.editable)

    def read_files(self, commit: str, paths: Sequence[str] | None = None) -> dict[str, str]:
        """Text of files in a commit; of the editable ones by default.

        Raises:
            WorkspaceError: a file is missing or no UTF-8 text.
        """
        with self._lock:
            wanted = self._entries(commit, self.editable if paths is None else paths)
            contents = self._git.blobs([entry.blob for entry in wanted.values()])
        texts: dict[str, str] = {}
        for path, content in zip(wanted, contents, strict=True):
            try:
                texts[path] = content.decode("utf-8")
            except UnicodeDecodeError:
                raise WorkspaceError(f"{path}: not UTF-8 text, so it cannot be edited") from None
        return texts

    def _entries(self, commit: str, paths: Sequence[str]) -> dict[str, Entry]:
        entries = self._git.entries(commit)
        for path in paths:
            if path not in entries or not entries[path].is_file:
                raise WorkspaceError(f"{path}: no file of this name in commit {commit[:12]}")
        return {path: entries[path] for path in paths}

    def commit_experiment(
        self,
        parent: str,
        files: Mapping[str, str],
        *,
        id: str,
        title: str,
        hypothesis: str = "",
        parent_id: str = "",
        origin: str = "",
    ) -> str:
        """Commit files on top of a parent, as `refs/autoresearch/<tag>/<id>`; returns the hash.

        Asked again for the same, it returns the same commit; asked for other files or another
        parent, it replaces the experiment's commit.

        Raises:
            WorkspaceError: a file is not in the parent, or git failed.
        """
        trailers = {"Experiment": id, "Parent-Experiment": parent_id, "Origin": origin}
        message = _message(title, hypothesis, trailers)
        with self._lock:
            tree = self._write_tree(parent, files)
            ref = refs_of(self._tag) + id
            existing = self._git.ask("log", "-1", "--format=%H %T %P%n%B", ref, "--")
            if existing is not None:
                head, _, body = existing.partition("\n")
                commit, *rest = head.split(" ")
                if rest == [tree, parent] and body.strip() == message.strip():
                    return commit
            commit = self._commit(tree, parent, message)
            self._git.text("update-ref", "-m", f"experiment {id}", ref, commit)
            return commit

    def _write_tree(self, parent: str, files: Mapping[str, str]) -> str:
        entries = self._entries(parent, list(files))
        lines: list[str] = []
        for path, text in files.items():
            content = text.encode("utf-8")
            blob = self._git.text("hash-object", "-w", "-t", "blob", "--stdin", stdin=content)
            lines.append(f"{entries[path].mode} {blob}\t{path}\0")
        with self._git.temporary_index() as env:
            self._git.text("read-tree", parent, env=env)
            update = "".join(lines).encode("utf-8", "surrogateescape")
            self._git.text("update-index", "-z", "--index-info", stdin=update, env=env)
            return self._git.text("write-tree", env=env)

    def _commit(self, tree: str, parent: str, message: str) -> str:
        return self._git.text(
            *("commit-tree", "--no-gpg-sign", "-p", parent, "-F", "-", tree),
            stdin=message.encode("utf-8", "replace"),
            env=IDENTITY,
        )

    def record_result(self, commit: str, text: str) -> None:
        """Note what a commit gave, under `refs/notes/autoresearch`; a later note replaces it."""
        with self._lock:
            self._git.text(
                *("notes", f"--ref={NOTES}", "add", "-f", "-F", "-", commit),
                stdin=text.encode("utf-8", "replace"),
                env=IDENTITY,
            )

    def advance(
        self,
        commit: str,
        *,
        id: str,
        title: str,
        hypothesis: str = "",
        result: str = "",
        gain: str = "",
        without: str = "",
    ) -> Advance:
        """Add a kept experiment to the branch `autoresearch/<tag>`: its files, on the last kept.

        `result` reads as `val_bpb 1.63 (…)`; `without` names kept changes that its files lack.
        Doing it again does nothing. A branch that is checked out somewhere, or that has commits of
        the user's own, is left alone: the kept ones go on under `refs/autoresearch/<tag>/kept`, and
        the branch follows once it can.
        """
        trailers = {"Experiment": id, "Result": result, "Gain": gain, "Without": without}
        with self._lock:
            kept = self._kept_commits()
            if id in kept:
                return Advance(kept[id], self._follow())
            last = self._last_kept()
            message = _message(title, hypothesis, trailers)
            new = self._commit(self._git.tree_of(commit), last, message)
            self._git.text("update-ref", "-m", f"kept {id}", self._kept_ref, new)
            return Advance(new, self._follow())

    def kept(self) -> Collection[str]:
        """The experiments that the branch has, or will have once it can follow."""
        with self._lock:
            return self._kept_commits().keys()

    def sync_branch(self) -> str:
        """Bring the branch to the last kept commit, or to the base; says why if it has to stay."""
        with self._lock:
            return self._follow()

    @property
    def _kept_ref(self) -> str:
        return f"{refs_of(self._tag)}kept"

    def _last_kept(self) -> str:
        return self._git.commit_of(self._kept_ref) or self.base_commit

    def _kept_commits(self) -> dict[str, str]:
        """Commits of the kept experiments by id."""
        found: dict[str, str] = {}
        form = "%H %(trailers:key=Experiment,valueonly,separator=%x20)"
        span = f"{self.base_commit}..{self._last_kept()}"
        for line in self._git.text("log", f"--format={form}", span, "--").splitlines():
            commit, _, id = line.partition(" ")
            found[id.strip()] = commit
        return found

    def _follow(self) -> str:
        branch, name = branch_of(self._tag), f"autoresearch/{self._tag}"
        target, tip = self._last_kept(), self._git.commit_of(branch)
        if tip == target:
            return ""
        if place := self._checked_out(branch):
            return (
                f"the branch {name} is checked out in {place} and stays where it is; "
                "it follows once another branch is checked out there"
            )
        if tip is not None and self._git.ask("merge-base", "--is-ancestor", tip, target) is None:
            return (
                f"the branch {name} has commits of its own and stays where it is; "
                f"the kept changes are at {self._kept_ref}"
            )
        # Naming the old value makes git refuse if the user moved the branch just now.
        self._git.text("update-ref", "-m", "autoresearch: kept", branch, target, tip or "")
        return ""

    def _checked_out(self, branch: str) -> str | None:
        """Directory of the work tree that has a branch checked out, if any."""
        place = ""
        for line in self._git.text("worktree", "list", "--porcelain").splitlines():
            key, _, value = line.partition(" ")
            if key == "worktree":
                place = value
            elif key == "branch" and value == branch:
                return place
        return None

    def materialise(self, commit: str, directory: Path) -> None:
        """Write a commit's files into a new or empty directory; submodules stay empty.

        Raises:
            WorkspaceError: the directory has files, or cannot be written.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if any(directory.iterdir()):
                raise WorkspaceError(
                    f"{directory}: not empty; a run's files need a fresh directory"
                )
        except OSError as error:
            raise WorkspaceError(f"{directory}: cannot be written: {error.strerror}") from None
        target = directory.resolve()
        # An index of its own makes this safe beside the other calls, so it does not wait for them.
        with self._git.temporary_index() as env:
            self._git.text("read-tree", commit, env=env)
            self._git.text("checkout-index", "--all", "--quiet", env=env, work_tree=target)

    def tidy(self) -> None:
        """Pack loose objects and refs, of which each experiment leaves about eight.

        Git's own background maintenance, made to be run beside other commands; it removes nothing
        that is not in a pack, and leaves reachable what is.
        """
        maintain = ("maintenance", "run", "--quiet")
        with self._lock:
            self._git.text(*maintain, "--task=loose-objects", "--task=pack-refs")
            # It fails where there is no pack yet.
            self._git.ask(*maintain, "--task=incremental-repack")

    def diff(self, before: str, after: str, paths: Sequence[str] = ()) -> str:
        """The change from one commit to another, as git shows it."""
        options = ("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/")
        with self._lock:
            output = self._git.run("diff", *options, "--dst-prefix=b/", before, after, "--", *paths)
        return output.decode("utf-8", "replace")

    def has(self, commit: str) -> bool:
        """Whether a commit is still there, with the tree that a run needs.

        Raises:
            WorkspaceError: git failed, which says nothing of the commit.
        """
        asked = f"{commit}^{{tree}}\n".encode()
        return not self._git.run("cat-file", "--batch-check", stdin=asked).endswith(b" missing\n")

    def files(self, commit: str) -> list[str]:
        """Paths of the plain files of a commit."""
        with self._lock:
            return [path for path, entry in self._git.entries(commit).items() if entry.is_file]

    def hashes(self, commit: str, paths: Sequence[str] | None = None) -> dict[str, str]:
        """SHA-256 of files as `materialise` writes them; of the editable ones by default.

        Raises:
            WorkspaceError: a file is missing.
        """
        wanted = self._entries(commit, self.editable if paths is None else paths)
        # The filters of .gitattributes decide what is written, so they decide the hash.
        with self._git.temporary_index() as env, tempfile.TemporaryDirectory() as name:
            target = Path(name)
            self._git.text("read-tree", commit, env=env)
            names = "".join(f"{path}\0" for path in wanted).encode("utf-8", "surrogateescape")
            options = ("checkout-index", "--quiet", "-z", "--stdin")
            self._git.text(*options, env=env, work_tree=target, stdin=names)
            return {
                path: hashlib.sha256((target / path).read_bytes()).hexdigest() for path in wanted
            }


def _message(title: str, hypothesis: str, trailers: Mapping[str, str]) -> str:
    head = " ".join(title.split()) or "experiment"
    lines = [f"{key}: {' '.join(value.split())}" for key, value in trailers.items() if value]
    body = hypothesis.strip().replace("\0", "")
    return "\n\n".join(part for part in (head, body, "\n".join(lines)) if part) + "\n"
