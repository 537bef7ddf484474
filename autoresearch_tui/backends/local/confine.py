"""Shuts a run in, from the inside of its process; standard library only.

A sandbox stands in a job's description as plain values (see `sandbox.py`, which chooses them). The
keeper applies it in the fresh process that becomes the job.
"""

import ctypes
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "opt", "nix", "sys")
"""Top directories that every program may need; nothing of the operator's lies there."""

_DEVICES = ("nvidia", "dri", "kfd", "accel")
_PLAIN_DEVICES = tuple(
    f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "shm", "fd")
)

# include/uapi/linux/landlock.h; the numbers are the same on every architecture.
_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _RULE_PATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_PR_SET_NO_NEW_PRIVS = 38
_TCP, _SCOPES = 0b11, 0b11


def system_directories() -> list[str]:
    """Those of the system's directories that are there."""
    return [f"/{name}" for name in SYSTEM if Path("/", name).exists()]


def devices() -> list[str]:
    """The accelerators' device files."""
    return sorted(str(p) for p in Path("/dev").iterdir() if p.name.startswith(_DEVICES))


def bubblewrap(box: Mapping[str, Any], files: Path, script: Path, tmp: Path) -> list[str]:
    """The command that runs what follows it in namespaces of its own.

    Without `--die-with-parent` and `--new-session`: the job's process group is how it is ended.
    """
    words: list[str] = [box["program"], "--unshare-ipc", "--unshare-uts", "--dev", "/dev"]
    words += (
        ["--unshare-pid", "--proc", "/proc"] if box["proc"] else ["--ro-bind", "/proc", "/proc"]
    )
    if not box["network"]:
        words.append("--unshare-net")
    for path in devices():
        words += ["--dev-bind", path, path]
    for path in system_directories():
        words += ["--ro-bind", path, path]
    words += ["--bind", str(tmp), "/tmp"]
    for path in _present(box["read"]):
        words += ["--ro-bind", path, path]
    for path in _present(box["scratch"]):
        if box["overlay"]:
            words += ["--overlay-src", path, "--tmp-overlay", path]
        else:
            words += ["--ro-bind", path, path]
    words += ["--tmpfs", box["hidden"]]
    for path in _present(box["inner"]):
        words += ["--ro-bind", path, path]
    for path in _present(box["write"]):
        words += ["--bind", path, path]
    words += ["--bind", str(files), str(files), "--ro-bind", str(script), str(script)]
    return [*words, "--chdir", str(files), "--"]


def _present(paths: Sequence[str]) -> Iterable[str]:
    # What has gone since the job was queued is none of the job's business.
    return (path for path in paths if Path(path).exists())


def landlock_version() -> int:
    """The kernel's version of Landlock; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(_syscall(_CREATE, None, 0, _VERSION_FLAG), 0)


def landlock(box: Mapping[str, Any], files: Path, script: Path, tmp: Path) -> None:
    """Restrict this process and its children for ever (Landlock, Linux 5.13 or newer).

    Raises:
        OSError: the kernel refuses.
    """
    version = landlock_version()
    handled = _handled(version)
    scopes = _SCOPES if version >= 6 else 0
    tcp = _TCP if version >= 4 and not box["network"] else 0
    attributes = (ctypes.c_uint64 * 3)(handled, tcp, scopes)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _syscall(_CREATE, attributes, size, 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "the kernel makes no Landlock rules")
    readable = [*system_directories(), "/proc", *box["read"], *box["scratch"], *box["inner"]]
    for path in (*_present(readable), str(script)):
        _allow(ruleset, path, _READ & handled)
    writable = [*box["write"], *_PLAIN_DEVICES, *devices(), str(files), str(tmp)]
    for path in _present(writable):
        _allow(ruleset, path, handled)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if _syscall(_RESTRICT, ruleset, 0) < 0:
        raise OSError(ctypes.get_errno(), "the kernel does not apply Landlock rules")
    os.close(ruleset)


def _handled(version: int) -> int:
    rights = (1 << 13) - 1
    if version >= 2:
        rights |= 1 << 13
    if version >= 3:
        rights |= _TRUNCATE
    if version >= 5:
        rights |= _IOCTL
    return rights


def _allow(ruleset: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not Path(path).is_dir():
            rights &= _OF_FILES
        # struct landlock_path_beneath_attr is packed: 8 and 4 bytes.
        rule = rights.to_bytes(8, sys.byteorder) + place.to_bytes(4, sys.byteorder)
        if _syscall(_ADD_RULE, ruleset, _RULE_PATH, ctypes.create_string_buffer(rule, 12), 0) < 0:
            raise OSError(ctypes.get_errno(), "the kernel refuses a Landlock rule", path)
    finally:
        os.close(place)


def _syscall(number: int, *arguments: object) -> int:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return int(call(ctypes.c_long(number), *words))
