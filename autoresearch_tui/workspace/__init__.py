"""A study's git repository, through GitPython."""

from autoresearch_tui.workspace.creation import create_repository
from autoresearch_tui.workspace.workspace import Advance, Workspace

__all__ = ["Advance", "Workspace", "create_repository"]
