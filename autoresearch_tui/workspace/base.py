"""What the engine needs of a study's repository."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Advance:
    """What became of a kept experiment: its commit in the line of kept ones.

    `note` says why the branch was left where it is, if it was.
    """

    commit: str
    note: str = ""


class Repository(Protocol):
    """Commits of experiments, and the line of kept ones.

    Calls block, may come from any thread, and raise `WorkspaceError` when they fail.
    """

    base_commit: str
    editable: tuple[str, ...]
    """Editable files of the base commit."""

    def read_files(self, commit: str, paths: Sequence[str] | None = None) -> dict[str, str]:
        """Texts by path; of the editable files by default."""
        ...

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
        """Commit files on top of a parent as an experiment's; returns the commit's hash."""
        ...

    def diff(self, before: str, after: str) -> str:
        """The change from one commit to another, as git shows it."""
        ...

    def record_result(self, commit: str, text: str) -> None:
        """Note what a commit gave; a later note replaces it."""
        ...

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
        """Add a kept experiment to the line of kept ones; doing it again does nothing."""
        ...

    def kept(self) -> Collection[str]:
        """The experiments that have been added to that line."""
        ...

    def sync_branch(self) -> str:
        """Bring the branch to the last kept commit; says why if it has to stay."""
        ...

    def materialise(self, commit: str, directory: Path) -> None:
        """Write the files of a commit into a new directory."""
        ...

    def has(self, commit: str) -> bool:
        """Whether a commit is there."""
        ...

    def files(self, commit: str) -> list[str]:
        """Paths of the plain files of a commit."""
        ...

    def hashes(self, commit: str, paths: Sequence[str] | None = None) -> dict[str, str]:
        """SHA-256 of files as `materialise` writes them; of the editable ones by default."""
        ...

    def tidy(self) -> None:
        """Pack what has piled up; now and then."""
        ...
