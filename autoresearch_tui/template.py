"""Makes new study directories of the packaged trainer."""

import json
import re
from pathlib import Path

from autoresearch_tui.config import CONFIG_NAME, check_tag
from autoresearch_tui.errors import StudyError
from autoresearch_tui.workspace import create_repository

_PARTS = ("trainer", "experiment.yaml", "instructions.md")

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
    if tag is not None:
        check_tag(tag)
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


def tag_of(directory: Path) -> str:
    """A tag that reads like the directory's name."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", directory.resolve().name).strip("-")[:40]
    return name or "study"


def settings_text(
    tag: str,
    editable: list[str],
    protected: list[str],
    brief: str,
    *,
    metric: str = "val_bpb",
    minimize: bool = True,
    anywhere: bool = False,
) -> str:
    """The first `autoresearch.toml` of a study; its task runs `anywhere`, or where it asks to."""

    def quoted(value: object) -> str:
        # What JSON writes of texts, lists of texts and truths, TOML reads as the same.
        return json.dumps(value, ensure_ascii=False)

    return f"""\
# Settings of this study; all of them stand in the README under Settings.
[study]
tag = {quoted(tag)}
metric = {quoted(metric)}
minimize = {quoted(minimize)}
editable = {quoted(editable)}
protected = {quoted(protected)}
instructions = {quoted(brief)}

[approval]
mode = "auto"
{_ANYWHERE if anywhere else ""}"""
