"""Makes a study of a git repository that exists: finds what to edit, writes settings and task."""

import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoresearch_tui.code.edits import check_path
from autoresearch_tui.config import CONFIG_NAME, check_tag
from autoresearch_tui.errors import AutoresearchError, StudyError
from autoresearch_tui.template import settings_text, tag_of
from autoresearch_tui.workspace import clone_repository, tracked_files

_TASK = "experiment.yaml"
_MOST_BYTES = 2_000_000
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[\w.-]+@[\w.-]+:")

_UV_TASK = """\
name: autoresearch
setup: |
  {enter}command -v uv > /dev/null || pip install uv
  uv sync
{prepare}run: |
  {enter}uv run {file}
"""

_PLAIN_TASK = """\
name: autoresearch
run: |
  python {file}
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the operator has said of a repository; what is None is found out."""

    tag: str | None = None
    train: str | None = None
    metric: str = "val_bpb"
    minimize: bool = True


def is_url(source: str) -> bool:
    """Whether a repository is to be fetched from elsewhere."""
    return _URL.match(source) is not None


def adopt_repository(
    source: str,
    directory: Path | None,
    choice: Choice,
    ask: Callable[[Sequence[str]], str] | None = None,
) -> Path:
    """Make a study of the repository `source`: in a clone of it, or where it stands.

    Only what is missing is added, and nothing is committed: `autoresearch.toml`, and a task. `ask`
    chooses among several files that could be the one to edit. After a refusal nothing is left.

    Raises:
        AutoresearchError: there is no repository or nothing to edit, or the clone cannot be made.
    """
    if choice.tag is not None:
        check_tag(choice.tag)
    if directory is None and is_url(source):
        directory = Path(re.split(r"[/:]", source.rstrip("/"))[-1].removesuffix(".git") or "study")
    if directory is None:
        study = Path(source).expanduser()
        _set_up(study, choice, ask)
        return study
    was_there = directory.exists()
    place = source if is_url(source) else str(Path(source).expanduser().resolve())
    try:
        clone_repository(place, directory)
        _set_up(directory, choice, ask)
    except (AutoresearchError, KeyboardInterrupt):
        _remove_clone(directory, was_there=was_there)
        raise
    return directory


def _remove_clone(directory: Path, *, was_there: bool) -> None:
    if not was_there:
        shutil.rmtree(directory, ignore_errors=True)
    elif (directory / ".git").exists():
        # It was an empty directory of the operator's, or the clone would have been refused.
        for entry in directory.iterdir():
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink()


def _set_up(study: Path, choice: Choice, ask: Callable[[Sequence[str]], str] | None) -> None:
    if not (study / ".git").exists():
        raise StudyError(f"{study}: not a git repository; run `git init` and commit there")
    if (study / CONFIG_NAME).exists():
        if choice != Choice():
            raise StudyError(f"{study / CONFIG_NAME}: exists already; edit it instead")
        return
    files = tracked_files(study)
    train = _train_file(study, files, choice, ask)
    folder = Path(train).parent
    names = {(folder / "prepare.py").as_posix(), "prepare.py"} - {train}
    brief = next((n for n in ("instructions.md", "program.md") if n in files), "instructions.md")
    text = settings_text(
        choice.tag or tag_of(study),
        [train],
        sorted(names & set(files)),
        brief,
        metric=choice.metric,
        minimize=choice.minimize,
    )
    (study / CONFIG_NAME).write_text(text, encoding="utf-8")
    if not (study / _TASK).exists():
        (study / _TASK).write_text(_task(train, files), encoding="utf-8")


def _train_file(
    study: Path,
    files: Sequence[str],
    choice: Choice,
    ask: Callable[[Sequence[str]], str] | None,
) -> str:
    if choice.train is not None:
        path = check_path(choice.train)
        if path not in files:
            raise StudyError(f"--train {choice.train}: the commit of {study} has no such file")
        return path
    if "train.py" in files:
        return "train.py"
    found = [
        path for path in files if path.endswith(".py") and _prints(study / path, choice.metric)
    ]
    named = [path for path in found if Path(path).name == "train.py"]
    found = named if len(named) == 1 else found
    if len(found) == 1:
        return found[0]
    if not found:
        raise StudyError(
            f"{study}: no Python file of the commit prints {choice.metric}; name the file to edit "
            "with --train PATH, and what it prints with --metric NAME (and --maximize)"
        )
    if ask is not None:
        return ask(found)
    listed = ", ".join(found[:8]) + (", …" if len(found) > 8 else "")
    raise StudyError(f"{study}: {listed} print {choice.metric}; choose one with --train PATH")


def _prints(path: Path, metric: str) -> bool:
    """Whether a file has text such as `val_bpb:`, by which a run tells its metric."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return False
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(rf"(?<![\w.]){re.escape(metric)}:", text) is not None


def _task(train: str, files: Sequence[str]) -> str:
    """A task that runs the file, by uv where a project lies beside or above it."""
    for folder in Path(train).parents:
        if (folder / "pyproject.toml").as_posix() in files:
            enter = "" if folder == Path() else f"cd {shlex.quote(folder.as_posix())}\n  "
            has_prepare = (folder / "prepare.py").as_posix() in files
            return _UV_TASK.format(
                enter=enter,
                prepare="  uv run prepare.py\n" if has_prepare else "",
                file=shlex.quote(Path(train).relative_to(folder).as_posix()),
            )
    return _PLAIN_TASK.format(file=shlex.quote(train))
