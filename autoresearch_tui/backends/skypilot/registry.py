"""Which clusters any study of this user has launched, so that none is left up unseen."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Launched:
    """A cluster that a study asked for at `launched_at` (Unix seconds), and has not given up.

    `study` is the study's directory, `price` in dollars an hour.
    """

    name: str
    study: str
    uid: str
    launched_at: float
    accelerators: str = ""
    price: float = 0.0


class Registry:
    """One small file a cluster, so that studies beside each other never write the same one."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory if directory is not None else _directory()

    def get(self, name: str) -> Launched | None:
        """What is known of a cluster, if a study has launched it."""
        try:
            return Launched(**json.loads((self._directory / f"{name}.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def all(self) -> Sequence[Launched]:
        """All of them, by name."""
        names = sorted(path.stem for path in self._directory.glob("*.json"))
        return [found for name in names if (found := self.get(name)) is not None]

    def put(self, launched: Launched) -> None:
        """Write a cluster down; done before it is asked for."""
        self._directory.mkdir(parents=True, exist_ok=True)
        fresh = self._directory / f"{launched.name}.new"
        fresh.write_text(json.dumps(asdict(launched)))
        fresh.replace(self._directory / f"{launched.name}.json")

    def remove(self, name: str) -> None:
        """Forget a cluster that is surely gone."""
        (self._directory / f"{name}.json").unlink(missing_ok=True)


def _directory() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    base = Path(home) if home else Path.home() / ".local" / "state"
    return base / "autoresearch-tui" / "clusters"
