"""The Python environment of a study: what its task installs goes there, never into ours.

The packages of the program's own environment can be imported from it, so that the packaged trainer
needs no second copy of torch; what the task installs itself comes first.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from autoresearch_tui.errors import BackendError

_SECONDS = 120
_PIP = '#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n'


def shared_packages() -> list[str]:
    """Directories of the packages that the program itself runs on."""
    return [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]


def ensure_environment(directory: Path) -> Path:
    """Make the environment in `directory` unless it is there; its `bin`.

    Raises:
        BackendError: it cannot be made.
    """
    programs, mark = directory / "bin", directory / "made.json"
    wanted = {"python": sys.executable, "version": sys.version, "shared": shared_packages()}
    try:
        if mark.exists() and json.loads(mark.read_text(encoding="utf-8")) == wanted:
            return programs
        shutil.rmtree(directory, ignore_errors=True)
        _make(directory)
        mark.write_text(json.dumps(wanted), encoding="utf-8")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise BackendError(f"{directory}: the study's Python cannot be made: {error}") from error
    return programs


def _make(directory: Path) -> None:
    # Without pip of its own, which takes seconds: the shared packages have it.
    base = getattr(sys, "_base_executable", None) or sys.executable
    command = [base, "-m", "venv", "--without-pip", str(directory)]
    subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
    (packages,) = (directory / "lib").glob("python*/site-packages")
    (packages / "shared.pth").write_text("".join(f"{p}\n" for p in shared_packages()))
    for name in ("pip", "pip3"):
        program = directory / "bin" / name
        program.write_text(_PIP, encoding="utf-8")
        program.chmod(0o755)
