"""Makes new study directories: from the packaged trainer, or from a repository that exists."""

import re
from pathlib import Path

from autoresearch_tui.config import CONFIG_NAME
from autoresearch_tui.errors import StudyError
from autoresearch_tui.workspace import clone_repository, create_repository

_PARTS = ("trainer", "experiment.yaml", "instructions.md")

_UV_TASK = """\
name: autoresearch
setup: |
  pip install uv
  uv sync
  uv run prepare.py
run: |
  uv run {file}
"""

_PLAIN_TASK = """\
name: autoresearch
run: |
  python {file}
"""


_ANYWHERE = """
# The trainer has a profile for CPUs, whatever its task asks a cluster for.
[local]
any_accelerator = true
"""


def template_root() -> Path:
    """Directory of the packaged trainer: beside a checkout's package, else inside the package.

    Raises:
        StudyError: the installation is incomplete.
    """
    here = Path(__file__).resolve().parent
    for root in (here.parent, here / "packaged"):
        if all((root / part).exists() for part in _PARTS):
            return root
    raise StudyError(f"{here}: the packaged trainer is missing; install autoresearch-tui again")


def create_study(directory: Path, tag: str | None = None) -> None:
    """Make a study of the packaged trainer.

    Raises:
        AutoresearchError: the directory is not empty, or cannot be written.
    """
    root = template_root()
    files: dict[str, str | bytes] = {}
    for part in _PARTS:
        top = root / part
        found = sorted(top.rglob("*")) if top.is_dir() else [top]
        for path in found:
            if path.is_file() and "__pycache__" not in path.parts:
                files[path.relative_to(root).as_posix()] = path.read_bytes()
    protected = [name for name in files if name.endswith(".py") and name != "trainer/train.py"]
    files[CONFIG_NAME] = settings_text(
        tag or tag_of(directory),
        ["trainer/train.py"],
        protected,
        "instructions.md",
        anywhere=True,
    )
    files[".gitignore"] = "__pycache__/\n"
    create_repository(directory, files)


def adopt_repository(source: Path, directory: Path | None, tag: str | None = None) -> Path:
    """Make a study of the git repository `source`: in a clone of it, or in itself.

    Only what is missing is added, and nothing is committed: `autoresearch.toml`, and a task.

    Raises:
        AutoresearchError: there is no repository or no train.py, or the clone cannot be made.
    """
    study = source
    if directory is not None:
        clone_repository(source, directory)
        study = directory
    if not (study / ".git").exists():
        raise StudyError(f"{study}: not a git repository; run `git init` and commit there")
    if (study / CONFIG_NAME).exists():
        return study
    file = _train_file(study)
    brief = next((n for n in ("instructions.md", "program.md") if (study / n).exists()), None)
    protected = [p.name for p in [study / "prepare.py"] if p.exists()]
    text = settings_text(tag or tag_of(study), [file], protected, brief or "instructions.md")
    (study / CONFIG_NAME).write_text(text, encoding="utf-8")
    if not (study / "experiment.yaml").exists():
        task = _UV_TASK if (study / "pyproject.toml").exists() else _PLAIN_TASK
        (study / "experiment.yaml").write_text(task.format(file=file), encoding="utf-8")
    return study


def _train_file(study: Path) -> str:
    for name in ("train.py", "trainer/train.py"):
        if (study / name).is_file():
            return name
    raise StudyError(
        f"{study}: no train.py; name the file to edit in {CONFIG_NAME}: "
        '[study] editable = ["path/to/file.py"]'
    )


def tag_of(directory: Path) -> str:
    """A tag that reads like the directory's name."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", directory.resolve().name).strip("-")[:40]
    return name or "study"


def settings_text(
    tag: str, editable: list[str], protected: list[str], brief: str, *, anywhere: bool = False
) -> str:
    """The first `autoresearch.toml` of a study; its task runs `anywhere`, or where it asks to."""

    def listed(names: list[str]) -> str:
        return "[" + ", ".join(f'"{name}"' for name in names) + "]"

    return f"""\
# Settings of this study; all of them stand in the README under Settings.
[study]
tag = "{tag}"
metric = "val_bpb"
minimize = true
editable = {listed(editable)}
protected = {listed(protected)}
instructions = "{brief}"

[approval]
mode = "auto"
{_ANYWHERE if anywhere else ""}"""
