"""What the cockpit remembers with the study: theme, panes, and how all stood when one left."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from autoresearch_tui.tui.digest import Left
from autoresearch_tui.tui.theme import DARK

_MOST = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """By how many tenths the left panes are wider, and the upper ones higher, than by default."""

    wider: int = 0
    higher: int = 0

    def resized(self, wider: int, higher: int) -> "Layout":
        """One that is changed, within what leaves every pane some room."""
        return Layout(_bounded(self.wider + wider), _bounded(self.higher + higher))


def _bounded(tenths: int) -> int:
    return min(max(tenths, -_MOST), _MOST)


class Preferences:
    """A small JSON file; one that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def theme(self) -> str:
        """Name of the chosen theme."""
        theme = self._read().get("theme")
        return theme if isinstance(theme, str) else DARK.name

    def remember_theme(self, theme: str) -> bool:
        """Write the choice down; False when the disk refuses."""
        return self._write({"theme": theme})

    def left(self) -> Left | None:
        """How the study stood when the cockpit was last left."""
        found = self._read().get("left")
        if not isinstance(found, dict):
            return None
        left = cast(dict[str, object], found)
        at, spent = left.get("at"), left.get("spent", 0.0)
        if not isinstance(at, int | float) or not isinstance(spent, int | float):
            return None
        return Left(float(at), float(spent))

    def remember_left(self, left: Left) -> bool:
        """Write down how it stands now; False when the disk refuses."""
        return self._write({"left": {"at": left.at, "spent": left.spent}})

    def tells_desktop(self) -> bool:
        """Whether the desktop is told too what waits for somebody."""
        return self._read().get("desktop") is True

    def remember_desktop(self, is_told: bool) -> bool:
        """Write it down; False when the disk refuses."""
        return self._write({"desktop": is_told})

    def layout(self) -> Layout:
        """How large the panes were made."""
        found = self._read().get("layout")
        match found:
            case {"wider": int(wider), "higher": int(higher)}:
                return Layout().resized(wider, higher)
            case _:
                return Layout()

    def remember_layout(self, layout: Layout) -> bool:
        """Write it down; False when the disk refuses."""
        return self._write({"layout": {"wider": layout.wider, "higher": layout.higher}})

    def _read(self) -> dict[str, object]:
        try:
            found: object = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return cast(dict[str, object], found) if isinstance(found, dict) else {}

    def _write(self, changes: dict[str, object]) -> bool:
        try:
            self._path.write_text(json.dumps(self._read() | changes) + "\n", encoding="utf-8")
        except OSError:
            return False
        return True
