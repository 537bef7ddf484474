"""Who may come in over SSH: keys in the format of authorized_keys, each with a role and a name."""

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncssh

from autoresearch_tui.errors import ConfigError

Role = Literal["viewer", "operator"]
"""A viewer looks; an operator acts as well."""

ROLES: tuple[Role, ...] = ("viewer", "operator")

_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever holds a key: the name is the key's comment."""

    name: str
    role: Role


def read_people(path: Path) -> dict[bytes, Person]:
    """The keys of a file, by their public data.

    A line is `[viewer|operator] TYPE KEY COMMENT`; without a role it is a viewer's.

    Raises:
        ConfigError: the file cannot be read, others may write it, or a line is none.
    """
    try:
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigError(f"{path}: others may write it; `chmod go-w {path}`")
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file; put the keys of those into it who may come in, "
            "a line each: `operator ssh-ed25519 AAAA… name`"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    found: dict[bytes, Person] = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            key, person = _person(line.strip(), f"{path}, line {number}")
            found[key] = person
    return found


def _person(line: str, where: str) -> tuple[bytes, Person]:
    first, _, rest = line.partition(" ")
    role = first if first in ROLES else "viewer"
    text = rest.strip() if first in ROLES else line
    try:
        key = asyncssh.import_public_key(text)
    except (asyncssh.KeyImportError, ValueError):
        raise ConfigError(
            f"{where}: no key; a line is `[viewer|operator] ssh-ed25519 AAAA… name`"
        ) from None
    comment = key.get_comment() or key.get_fingerprint()[:16]
    name = re.sub(r"[^\w.@:+-]+", "-", comment)[:_LONGEST_NAME].strip("-")
    return key.public_data, Person(name or "nameless", role)
