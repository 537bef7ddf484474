"""What a study needs of this machine, what is there, and how to mend what is not."""

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoresearch_tui.backends.skypilot.backend import has_fleet
from autoresearch_tui.backends.skypilot.infra import check_infra
from autoresearch_tui.backends.skypilot.server import end_orphans, orphans
from autoresearch_tui.config import load_settings
from autoresearch_tui.errors import BackendError
from autoresearch_tui.paths import StudyPaths


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked for; `found` says what is there, or how to get it."""

    what: str
    ok: bool
    found: str
    optional: bool = False


_PACKAGES = ("textual", "sqlite-utils", "gitpython", "optuna", "anthropic", "asyncssh")
_EXTRAS = {"torch": "trainer", "rustbpe": "trainer", "tiktoken": "trainer", "skypilot": "skypilot"}
_SMALLEST_GB = 2.0


def checks(study: Path, *, infra: bool = False) -> Iterator[Check]:
    """Look at this machine, from the point of view of the study in a directory.

    With `infra`, or where the study runs on SkyPilot's clusters, SkyPilot is asked what it can use.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", sys.version_info >= (3, 11), version)
    yield _program("git", "install git with the system's package manager")
    yield _program("bash", "install bash with the system's package manager")
    for package in _PACKAGES:
        yield _package(package, "pip install autoresearch-tui", optional=False)
    for package, extra in _EXTRAS.items():
        yield _package(package, f"pip install 'autoresearch-tui[{extra}]'", optional=True)
    yield _space(study)
    yield _confinement(study)
    yield Check("task's python", True, f"{study / '.autoresearch/env'}, made at the start", True)
    yield _lingering()
    if _has("skypilot"):
        yield _server()
    if infra or load_settings(study).skypilot.is_used or has_fleet(StudyPaths(study)):
        yield from _infra()


def _program(name: str, mend: str) -> Check:
    path = shutil.which(name)
    return Check(name, path is not None, path or mend)


def _package(name: str, mend: str, *, optional: bool) -> Check:
    try:
        return Check(name, True, importlib.metadata.version(name), optional)
    except importlib.metadata.PackageNotFoundError:
        return Check(name, False, mend, optional)


def _has(package: str) -> bool:
    return _package(package, "", optional=True).ok


def _server() -> Check:
    """Whether an API server that died keeps another one from starting."""
    left = len(orphans())
    mend = f"{left} processes of a dead one keep it from starting; `doctor --fix` ends them"
    return Check("sky's server", not left, mend if left else "nothing in its way")


def _infra() -> Iterator[Check]:
    try:
        found = check_infra()
    except BackendError as error:
        yield Check("sky check", False, str(error))
        return
    for each in found:
        yield Check(each.name, each.is_usable, each.reason or "usable", optional=True)


def fixes() -> Iterator[str]:
    """Mend what can be mended by ourselves; what was done, in words."""
    count = end_orphans()
    yield f"ended {count} processes that a dead API server had left" if count else "nothing to mend"


def _space(study: Path) -> Check:
    place = study if study.exists() else Path()
    free = shutil.disk_usage(place).free / 1e9
    hint = "" if free > _SMALLEST_GB else f"; a study needs about {_SMALLEST_GB:.0f} GB"
    return Check("disk", free > _SMALLEST_GB, f"{free:.1f} GB free{hint}")


def _confinement(study: Path) -> Check:
    """What keeps a run from the operator's files."""
    from autoresearch_tui.backends.local.sandbox import choose

    settings = load_settings(study).sandbox
    box = choose(settings, study.absolute() / ".autoresearch", (), os.environ)
    mend = "" if box.kind == "bubblewrap" else "; the package `bubblewrap` confines best"
    return Check("sandbox", box.kind != "none", f"{box.words}{mend}", optional=True)


def _lingering() -> Check:
    """Whether a dropped session would take the engine with it."""
    if not Path("/run/systemd/system").is_dir():
        return Check("lingering", True, "no login manager that ends processes", optional=True)
    user = os.environ.get("USER") or str(os.getuid())
    if Path(f"/var/lib/systemd/linger/{user}").exists():
        return Check("lingering", True, "on", optional=True)
    mend = f"`loginctl enable-linger {user}` where the system ends a user's processes at logout"
    return Check("lingering", False, mend, optional=True)
