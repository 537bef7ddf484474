"""Reads `experiment.yaml`: a SkyPilot task, of which the parts that any backend needs are kept."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml

from autoresearch_tui.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Task:
    """One run as `experiment.yaml` describes it. `raw` is the whole document."""

    path: Path
    run: str
    setup: str
    envs: Mapping[str, str]
    raw: Mapping[str, object]

    @property
    def accelerators(self) -> tuple[str, ...]:
        """Types of accelerator that it asks for, any of which will do."""
        resources = self.raw.get("resources")
        if not isinstance(resources, dict):
            return ()
        asked = cast(dict[str, object], resources).get("accelerators")
        if isinstance(asked, str):
            asked = [asked]
        names = cast(Iterable[object], asked) if isinstance(asked, dict | list | set) else ()
        return tuple(str(name).partition(":")[0] for name in names)

    @property
    def fingerprint(self) -> str:
        """What its results depend on, as `key=digest` words; comments and layout do not count.

        Its name and where it may run are no part of it: results are judged by accelerator.
        """
        resources = self.raw.get("resources")
        image = None
        if isinstance(resources, dict):
            image = cast(dict[str, object], resources).get("image_id")
        parts = {key: value for key, value in self.raw.items() if key not in _ELSEWHERE}
        if image is not None:
            parts["image_id"] = image
        return " ".join(f"{key}={_digest(parts[key])}" for key in sorted(parts, key=str))


_ELSEWHERE = ("name", "resources")


def _digest(value: object) -> str:
    text = yaml.safe_dump(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differing(one: str, other: str) -> Sequence[str]:
    """The keys whose values are not the same in two fingerprints."""
    first, second = (dict(_split(word) for word in text.split()) for text in (one, other))
    return sorted(key for key in first | second if first.get(key) != second.get(key))


def _split(word: str) -> tuple[str, str]:
    key, _, value = word.rpartition("=")
    return key, value


def load_task(path: Path) -> Task:
    """Read a task.

    Raises:
        ConfigError: the file is missing, no YAML, or has no usable `run`, `setup` or `envs`.
    """
    try:
        document: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: not found; `autoresearch-tui init` writes one") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: must be a mapping with a `run` key, as a SkyPilot task is")
    raw = cast(dict[str, object], document)
    run = _text(raw, "run", path)
    if not run.strip():
        raise ConfigError(f"{path}: `run` is missing: the shell commands of one run")
    return Task(path, run, _text(raw, "setup", path), _envs(raw, path), raw)


def _text(raw: Mapping[str, object], key: str, path: Path) -> str:
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ConfigError(f"{path}: `{key}` must be text (shell commands), not {value!r}")
    return value


def _envs(raw: Mapping[str, object], path: Path) -> dict[str, str]:
    value = raw.get("envs")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: `envs` must be a mapping of names to values")
    envs: dict[str, str] = {}
    for name, text in cast(dict[object, object], value).items():
        if text is None:
            raise ConfigError(f"{path}: envs.{name} has no value; give it one")
        if isinstance(text, dict | list):
            raise ConfigError(f"{path}: envs.{name} must be a single value")
        envs[str(name)] = str(text)
    return envs
