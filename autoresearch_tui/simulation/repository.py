"""A study's repository in memory: commits without git."""

import difflib
import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from autoresearch_tui.errors import WorkspaceError
from autoresearch_tui.workspace import Advance


class MemoryRepository:
    """An implementation of `Repository` that is gone with its process."""

    def __init__(self, files: Mapping[str, str], editable: Sequence[str]) -> None:
        self._commits: dict[str, dict[str, str]] = {}
        self.editable = tuple(editable)
        self.base_commit = self._commit("", files)
        self.advanced: list[str] = []
        self.results: dict[str, str] = {}

    def read_files(self, commit: str, paths: Sequence[str] | None = None) -> dict[str, str]:
        """Texts by path; of the editable files by default."""
        files = self._files(commit)
        return {path: files[path] for path in paths or self.editable}

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
        """Files on top of a parent; what it is called does not matter here."""
        return self._commit(f"{parent} {id}", {**self._files(parent), **files})

    def diff(self, before: str, after: str) -> str:
        """The change from one commit to another, as a unified diff."""
        old, new = self._files(before), self._files(after)
        lines: list[str] = []
        for path in sorted(new):
            was, now = old.get(path, "").splitlines(True), new[path].splitlines(True)
            lines += difflib.unified_diff(was, now, f"a/{path}", f"b/{path}")
        return "".join(lines)

    def record_result(self, commit: str, text: str) -> None:
        """Note what a commit gave."""
        self.results[commit] = text

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
        """Add a kept experiment to the line of kept ones."""
        if id not in self.advanced:
            self.advanced.append(id)
        return Advance(commit)

    def kept(self) -> Collection[str]:
        """The line of kept ones."""
        return self.advanced

    def sync_branch(self) -> str:
        """There is no branch that could be behind."""
        return ""

    def materialise(self, commit: str, directory: Path) -> None:
        """Write the files of a commit into a new directory."""
        for path, text in self._files(commit).items():
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def has(self, commit: str) -> bool:
        """Whether a commit is there."""
        return commit in self._commits

    def files(self, commit: str) -> list[str]:
        """Paths of the files of a commit."""
        return sorted(self._files(commit))

    def hashes(self, commit: str, paths: Sequence[str] | None = None) -> dict[str, str]:
        """SHA-256 of files; of the editable ones by default."""
        texts = self.read_files(commit, paths)
        return {path: hashlib.sha256(text.encode()).hexdigest() for path, text in texts.items()}

    def tidy(self) -> None:
        """Nothing piles up."""

    def _commit(self, parent: str, files: Mapping[str, str]) -> str:
        name = hashlib.sha1(repr((parent, sorted(files.items()))).encode()).hexdigest()
        self._commits[name] = dict(files)
        return name

    def _files(self, commit: str) -> dict[str, str]:
        files = self._commits.get(commit)
        if files is None:
            raise WorkspaceError(f"{commit}: there is no such commit")
        return files
