"""What the operator chose in the cockpit, remembered with the study."""

import json
from pathlib import Path
from typing import cast

from autoresearch_tui.tui.theme import DARK


class Preferences:
    """A small JSON file; one that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def theme(self) -> str:
        """Name of the chosen theme."""
        try:
            found: object = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return DARK.name
        theme = cast(dict[str, object], found).get("theme") if isinstance(found, dict) else None
        return theme if isinstance(theme, str) else DARK.name

    def remember_theme(self, theme: str) -> bool:
        """Write the choice down; False when the disk refuses."""
        try:
            self._path.write_text(json.dumps({"theme": theme}) + "\n", encoding="utf-8")
        except OSError:
            return False
        return True
