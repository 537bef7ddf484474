"""What a model is told at the beginning of a turn: made anew from the study each time.

What changes least comes first, so that the API's prompt cache has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autoresearch_tui.researchers.base import Brief, Desk
from autoresearch_tui.researchers.briefing import RULES, account

_CHARACTERS_A_TOKEN = 3.5

_CACHED = {"type": "ephemeral"}


@dataclass(frozen=True, slots=True)
class Context:
    """The beginning of a turn, as the API takes it; `told` is the record's newest entry in it."""

    system: Sequence[dict[str, Any]]
    message: dict[str, Any]
    told: int


async def build(desk: Desk, brief: Brief, role: str, after: int, tokens: int) -> Context:
    """Tell how the study stands in about `tokens` tokens; `after` is what has been told before."""
    instructions = await desk.library.instructions()
    system = [_text(RULES), _text(f"Your role: {role}") if role else None]
    system.append(_text(f"The research brief:\n{instructions}", cached=True))
    files = _files(brief)
    room = int(tokens * _CHARACTERS_A_TOKEN) - len(RULES) - len(instructions) - len(files)
    standing = await account(desk, brief, after, room)
    content = [_text(files, cached=True), _text(f"{standing.text}\n\n{_wanted(brief.wanted)}")]
    message = {"role": "user", "content": content}
    return Context([each for each in system if each], message, standing.told)


def _files(brief: Brief) -> str:
    parts = [f'<file path="{path}">\n{text}</file>' for path, text in brief.files.items()]
    return f"The editable files of the incumbent, {brief.incumbent.id}:\n" + "\n".join(parts)


def _wanted(wanted: int) -> str:
    if not wanted:
        return (
            "Enough is ready to run. You were called because the operator has spoken, or because "
            "there is a new best: see whether what is queued still makes sense."
        )
    return f"Wanted now: about {wanted} experiments, before the clusters run out of work."


def _text(text: str, *, cached: bool = False) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": text}
    return block | {"cache_control": _CACHED} if cached else block
