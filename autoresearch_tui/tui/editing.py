"""A proposal in the operator's editor: as JSON, read back and checked."""

import asyncio
import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from autoresearch_tui.code.proposals import proposal_from_json, proposal_to_object
from autoresearch_tui.domain import Experiment, Proposal
from autoresearch_tui.errors import EditError


def as_proposal(experiment: Experiment) -> Proposal:
    """What somebody proposed who made this experiment."""
    return Proposal(
        experiment.title,
        experiment.hypothesis,
        experiment.edits,
        experiment.parent,
        experiment.expected,
        experiment.priority,
        experiment.pinned,
    )


async def edited(proposal: Proposal) -> Proposal | None:
    """The proposal as $VISUAL or $EDITOR leaves it; None where nothing was changed.

    Raises:
        EditError: the editor failed, or what it left is no proposal.
    """
    text = json.dumps(proposal_to_object(proposal), indent=2, ensure_ascii=False) + "\n"
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="autoresearch-") as directory:
        path = Path(directory) / "proposal.json"
        path.write_text(text, encoding="utf-8")
        await _run(editor, path, "nothing was changed")
        try:
            after = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise EditError(f"{editor} left nothing that can be read: {error}") from None
    return None if after == text else proposal_from_json(after)


async def paged(text: str, name: str) -> None:
    """Show a text in $PAGER, as a file of that name, until the operator leaves it.

    Raises:
        EditError: the pager cannot be started, or failed.
    """
    pager = os.environ.get("PAGER") or "less"
    with tempfile.TemporaryDirectory(prefix="autoresearch-") as directory:
        path = Path(directory) / name
        path.write_text(text + "\n", encoding="utf-8")
        await _run(pager, path, "set $PAGER to one that is installed")


async def _run(program: str, path: Path, hint: str) -> None:
    """Have a program of the operator's work on a file, in this terminal."""
    try:
        command = [*shlex.split(program), str(path)]
        done = await asyncio.to_thread(subprocess.run, command, check=False)
    except (OSError, ValueError) as error:
        raise EditError(f"{program}: {error}; {hint}") from None
    if done.returncode:
        raise EditError(f"{program} ended with {done.returncode}; {hint}")
