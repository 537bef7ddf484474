"""The operator's own keys, in place of those that the commands come with."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from autoresearch_tui.errors import ConfigError
from autoresearch_tui.tui.commands import DECIDE, LIST, LOOK, PLOT


def key_file() -> Path:
    """Where they are looked for."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "autoresearch-tui" / "keys.toml"


def movable() -> Mapping[str, str]:
    """The commands whose keys may be others, with those that they have: `approve` is `A`."""
    commands = (*DECIDE, *LOOK, *LIST, *PLOT)
    return {c.action.removeprefix("app."): c.keys for c in commands if "(" not in c.action}


def read_keys(path: Path) -> dict[str, str]:
    """Keys by command, as a file of lines `approve = "ctrl+a"` says; none where there is no file.

    Raises:
        ConfigError: it cannot be read, names no command, or gives two commands the same key.
    """
    try:
        found = cast(dict[str, object], tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    known = movable()
    keys: dict[str, str] = {}
    for name, key in found.items():
        if name not in known:
            raise ConfigError(f"{path}: there is no command {name}; there are: {', '.join(known)}")
        if not isinstance(key, str) or not key:
            raise ConfigError(f"{path}: {name}: a key is a text, such as 'ctrl+a'")
        keys[name] = key
    _check_apart(path, {**known, **keys}, keys)
    return keys


def _check_apart(path: Path, all_keys: Mapping[str, str], own: Mapping[str, str]) -> None:
    for name, keys in own.items():
        for key in keys.split(","):
            others = [n for n, its in all_keys.items() if n != name and key in its.split(",")]
            # Only one of them works at a time.
            if others and {name, *others} != {"pause", "resume"}:
                raise ConfigError(f"{path}: {key} is for {name} and for {others[0]}")
