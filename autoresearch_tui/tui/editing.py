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
        command = [*shlex.split(editor), str(path)]
        try:
            done = await asyncio.to_thread(subprocess.run, command, check=False)
            after = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise EditError(f"{editor}: {error}") from None
    if done.returncode:
        raise EditError(f"{editor} ended with {done.returncode}; nothing was changed")
    return None if after == text else proposal_from_json(after)
