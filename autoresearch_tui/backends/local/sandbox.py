"""Chooses what a run on this machine can reach, by what the system offers."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from autoresearch_tui.backends.local import confine
from autoresearch_tui.config import SandboxSettings
from autoresearch_tui.errors import BackendError

_DATA = ("AUTORESEARCH_CACHE", "XDG_CACHE_HOME", "HF_HOME", "HF_DATASETS_CACHE", "TORCH_HOME")
"""Variables that say where data lies."""

_PROBE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What a run can reach beside the system's directories and its own.

    `kind` is `bubblewrap`, `landlock` or `none`; `trouble` says why it is not a better one. `read`
    is read-only; `scratch` is too, but where `overlay` works a run may write and the writes vanish
    with it. `hidden` is covered even where something readable contains it, but for `inner`, which
    can be read. `proc` is whether a process table of its own can be mounted.
    """

    kind: str
    hidden: Path
    read: tuple[str, ...] = ()
    scratch: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    network: bool = False
    program: str = ""
    proc: bool = True
    overlay: bool = True
    trouble: str = ""

    @property
    def words(self) -> str:
        """For the operator: how runs are confined."""
        if self.kind == "none":
            return f"runs are NOT confined: {self.trouble}"
        return f"runs are confined by {self.kind}, {self._network}"

    @property
    def _network(self) -> str:
        if self.network:
            return "with network"
        if self.kind == "bubblewrap":
            return "no network"
        # Landlock knows of TCP since its fourth version, and of nothing else.
        return "no TCP" if confine.landlock_version() >= 4 else "but the network is open"

    def description(self) -> dict[str, object] | None:
        """The plain values that the keeper of a job needs; None where nothing confines."""
        if self.kind == "none":
            return None
        return {**asdict(self), "hidden": str(self.hidden)}


def choose(
    settings: SandboxSettings, state: Path, inner: tuple[str, ...], environ: Mapping[str, str]
) -> Sandbox:
    """The best sandbox that works here. Blocks: it tries bubblewrap.

    Raises:
        BackendError: none works, and the settings ask for one.
    """
    box = Sandbox(
        "none",
        state,
        read=_readable(settings, environ),
        scratch=_existing([Path.home() / ".cache", *_named(environ, _DATA)]),
        inner=inner,
        write=_existing([Path(p).expanduser() for p in settings.write]),
        network=settings.network,
    )
    if settings.mode == "off":
        return replace(box, trouble='[sandbox] mode = "off"')
    found = _bubblewrap(box)
    if found.kind == "none" and confine.landlock_version():
        found = replace(found, kind="landlock")
    if found.kind == "none":
        why = f"{found.trouble}, and the kernel has no Landlock"
        if settings.mode == "require":
            raise BackendError(
                f"runs cannot be confined: {why}; install bubblewrap, or set "
                '[sandbox] mode = "auto" to go without'
            )
        return replace(found, trouble=why)
    return found


def _bubblewrap(box: Sandbox) -> Sandbox:
    program = shutil.which("bwrap")
    if program is None:
        return replace(box, trouble="bubblewrap is not installed")
    error = ""
    for proc, overlay in ((True, True), (True, False), (False, False)):
        tried = replace(box, kind="bubblewrap", program=program, proc=proc, overlay=overlay)
        error = _probe(tried)
        if not error:
            return tried
    return replace(box, trouble=f"bubblewrap does not work here: {error}")


def _probe(box: Sandbox) -> str:
    with tempfile.TemporaryDirectory(prefix="autoresearch-") as name:
        files, tmp, script = (Path(name, part) for part in ("files", "tmp", "script"))
        files.mkdir()
        tmp.mkdir()
        script.write_text("true\n")
        description = box.description() or {}
        command = [*confine.bubblewrap(description, files, script, tmp), "bash", str(script)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
            )
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def _readable(settings: SandboxSettings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Interpreters, tools on the path, and what the settings name."""
    tools = [Path(part) for part in environ.get("PATH", "").split(os.pathsep) if part]
    prefixes = [Path(p) for p in (sys.prefix, sys.base_prefix, sys.base_exec_prefix)]
    # uv keeps interpreters there, to which the environments that it makes point.
    uv = Path.home() / ".local" / "share" / "uv"
    given = [Path(p).expanduser() for p in settings.read]
    home, system = Path.home(), confine.system_directories()
    found = _existing([*prefixes, *tools, uv, *given])
    return tuple(
        path
        for path in found
        if path in map(str, given)
        or not (home.is_relative_to(path) or any(Path(path).is_relative_to(s) for s in system))
    )


def _named(environ: Mapping[str, str], names: tuple[str, ...]) -> list[Path]:
    return [Path(environ[name]).expanduser() for name in names if environ.get(name)]


def _existing(paths: list[Path]) -> tuple[str, ...]:
    found = [str(path.absolute()) for path in paths if path.exists()]
    return tuple(dict.fromkeys(found))
