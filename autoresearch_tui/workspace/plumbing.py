"""Running git's plumbing on one repository through GitPython, apart from the user's own state."""

import os
import shutil
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autoresearch_tui.errors import WorkspaceError

IDENTITY = {
    "GIT_AUTHOR_NAME": "autoresearch-tui",
    "GIT_AUTHOR_EMAIL": "autoresearch-tui@localhost",
    "GIT_COMMITTER_NAME": "autoresearch-tui",
    "GIT_COMMITTER_EMAIL": "autoresearch-tui@localhost",
}
"""Who commits, whether or not the user has told git a name."""

# What the user has set for their own work must not change or hold up ours.
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.autocrlf=false",
    "core.safecrlf=false",
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "core.sparseCheckout=false",
    "core.quotePath=false",
    "gc.auto=0",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a tree: its mode (`100644`, `100755`, `120000` symlink, `160000` submodule)."""

    mode: str
    blob: str

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file, which can be edited."""
        return self.mode in ("100644", "100755")


class Git:
    """Commands on the repository `git_dir`, whose work tree is `work_tree`.

    The index in use is the user's, and only read, unless `temporary_index` gives another.
    """

    def __init__(self, git_dir: Path, work_tree: Path) -> None:
        self.git_dir = git_dir
        self.work_tree = work_tree

    def text(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        work_tree: Path | None = None,
    ) -> str:
        """Standard output of a command, without the last newline.

        Raises:
            WorkspaceError: git failed; the message is git's first line.
        """
        output = self.run(*arguments, stdin=stdin, env=env, work_tree=work_tree)
        return output.decode("utf-8", "surrogateescape").removesuffix("\n")

    def run(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        work_tree: Path | None = None,
    ) -> bytes:
        """Standard output of a command.

        Raises:
            WorkspaceError: git failed; the message is git's first line.
        """
        # Started in the work tree, since some commands read .gitattributes where they stand.
        place = work_tree or self.work_tree
        options = (f"--git-dir={self.git_dir}", f"--work-tree={place}")
        index = {"GIT_INDEX_FILE": str(self.git_dir / "index")}
        return run_git(place, (*options, *arguments), stdin, {**index, **(env or {})})

    def ask(self, *arguments: str) -> str | None:
        """As `text`, but None where git fails: for questions that may have no answer."""
        try:
            return self.text(*arguments)
        except WorkspaceError:
            return None

    @contextmanager
    def temporary_index(self) -> Generator[dict[str, str]]:
        """The environment of an index of our own."""
        with tempfile.TemporaryDirectory(prefix="autoresearch-") as directory:
            yield {"GIT_INDEX_FILE": str(Path(directory) / "index")}

    def commit_of(self, revision: str) -> str | None:
        """Hash of the commit that a name stands for, if any."""
        return self.ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")

    def tree_of(self, commit: str) -> str:
        """Hash of a commit's tree."""
        return self.text("rev-parse", "--verify", f"{commit}^{{tree}}")

    def entries(self, commit: str) -> dict[str, Entry]:
        """The files of a commit by path."""
        found: dict[str, Entry] = {}
        for line in self.text("ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
            head, _, path = line.partition("\t")
            if path:
                mode, _, blob = head.split(" ")
                found[path] = Entry(mode, blob)
        return found

    def blobs(self, hashes: Sequence[str]) -> list[bytes]:
        """Contents of blobs, by one process."""
        if not hashes:
            return []
        output = self.run("cat-file", "--batch", stdin="\n".join(hashes).encode() + b"\n")
        contents: list[bytes] = []
        at = 0
        for blob in hashes:
            end = output.index(b"\n", at)
            head = output[at:end].split(b" ")
            if len(head) != 3:
                raise WorkspaceError(f"git: object {blob} is missing; `git fsck` says more")
            size = int(head[2])
            contents.append(output[end + 1 : end + 1 + size])
            at = end + size + 2
        return contents


def run_git(
    directory: Path,
    arguments: Sequence[str],
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
) -> bytes:
    """Standard output of git, started in a directory with our settings.

    Raises:
        WorkspaceError: git is missing or failed.
    """
    if shutil.which("git") is None:
        raise WorkspaceError("git is not installed, or not on PATH; install it and start again")
    # GitPython looks for git when it is imported.
    from git.cmd import Git as Command
    from git.exc import GitCommandError, GitCommandNotFound

    settings = (part for setting in _SETTINGS for part in ("-c", setting))
    command = ["git", *settings, *arguments]
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", **(env or {})}
    try:
        with tempfile.TemporaryFile() as source:
            source.write(stdin or b"")
            source.seek(0)
            return Command(os.fspath(directory)).execute(
                command,
                istream=source.fileno(),
                env=quiet,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
            )
    except GitCommandNotFound:
        raise WorkspaceError(f"{directory}: git cannot be started there") from None
    except GitCommandError as error:
        verb = next((word for word in arguments if not word.startswith("-")), "")
        raise WorkspaceError(f"git {verb} failed: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    stderr = str(getattr(error, "stderr", "")).strip()
    stderr = stderr.removeprefix("stderr:").strip().strip("'").strip()
    lines = stderr.splitlines() or [f"exit status {getattr(error, 'status', '?')}"]
    line = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0])
    return line.removeprefix("fatal: ").removeprefix("error: ")
