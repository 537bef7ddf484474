"""A study's git repository, through GitPython."""

from autoresearch_tui.workspace.base import Advance, Repository
from autoresearch_tui.workspace.creation import (
    clone_repository,
    create_repository,
    tracked_files,
)
from autoresearch_tui.workspace.workspace import Workspace

__all__ = [
    "Advance",
    "Repository",
    "Workspace",
    "clone_repository",
    "create_repository",
    "tracked_files",
]
