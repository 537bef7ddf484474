"""Programs that are sent to clusters run on what is there."""

import ast
import sys
from pathlib import Path

import pytest

import autoresearch_tui.backends.skypilot as package


@pytest.mark.parametrize("name", ["agent.py", "worker.py"])
def test_what_is_sent_to_a_cluster_needs_an_old_python_alone(name: str):
    text = (Path(package.__file__).parent / name).read_text()
    tree = ast.parse(text, feature_version=(3, 7))
    used = {
        each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names
    }
    used |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert used <= sys.stdlib_module_names
