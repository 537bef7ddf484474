"""Who may import whom, and that the README tells of every setting."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_tui.config import Settings

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "autoresearch_tui"

LEVELS = (
    ("domain", "errors", "outbox", "paths", "plain", "collector", "spoken"),
    ("tail",),
    ("config", "control", "usage", "health", "query"),
    ("judge", "code"),
    ("lifecycle", "researcher_lines"),
    ("store",),
    ("report", "workspace", "backends", "researchers"),
    ("engine", "tui", "serve"),
    ("template", "doctor", "launch", "simulation"),
    ("adoption",),
    ("cli",),
)
"""From the lowest; a room may use those below its own level."""


def rooms_used(path: Path) -> set[str]:
    """Rooms of ours that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            parts = name.split(".")
            if parts[0] == "autoresearch_tui" and len(parts) > 1:
                found.add(parts[1])
    return found


def level(room: str) -> int:
    return next(i for i, rooms in enumerate(LEVELS) if room in rooms)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.stem)
def test_arrows_point_down_only(path: Path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts[0] in ("__init__", "__main__"):
        return
    for used in rooms_used(path) - {parts[0]}:
        assert level(used) < level(parts[0]), used


def test_the_cockpit_knows_no_engine():
    for path in (PACKAGE / "tui").rglob("*.py"):
        assert not rooms_used(path) & {"engine", "backends", "researchers", "workspace", "report"}


def test_the_trainer_knows_nothing_of_us():
    for path in (ROOT / "trainer").glob("*.py"):
        assert not rooms_used(path)


def test_the_readme_tells_of_every_setting():
    text = (ROOT / "README.md").read_text()
    for table, field in Settings.model_fields.items():
        section = field.default.__class__
        for key in section.model_fields:
            name = "search.space" if (table, key) == ("search", "space") else f"{table}.{key}"
            assert f"`{name}" in text, name


@pytest.mark.parametrize("heavy", ["torch", "optuna", "anthropic", "textual", "git", "sky", "mcp"])
def test_help_loads_nothing_heavy(heavy: str):
    code = (
        "import sys, autoresearch_tui.cli as c\n"
        "c.cli.main(['status', '--help'], standalone_mode=False)\n"
        f"sys.exit({heavy!r} in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
