"""Acts by which the operator and the researchers talk: words, and the notepad that they share."""

from collections.abc import Mapping

from autoresearch_tui.control import Request
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.requests import Handler, argument
from autoresearch_tui.errors import ControlError
from autoresearch_tui.plain import plain
from autoresearch_tui.researchers.base import LONGEST_NOTEPAD

_LONGEST_WORDS = 8_000


class TalkCommands:
    """What a client can tell those who propose."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The acts by their names."""
        return {"say": self._say, "write_notepad": self._write_notepad}

    async def _say(self, request: Request) -> object:
        words = plain(argument(request, "words")).strip()
        if not 0 < len(words) <= _LONGEST_WORDS:
            raise ControlError(f"say: 1 to {_LONGEST_WORDS:,} characters, not {len(words):,}")
        self._engine.store.record("operator.said", words, actor=request.actor)
        self._engine.words += 1
        self._engine.changed.set()
        return None

    async def _write_notepad(self, request: Request) -> object:
        text = request.args.get("text")
        if not isinstance(text, str) or len(text) > LONGEST_NOTEPAD:
            raise ControlError(f"write_notepad: a text of at most {LONGEST_NOTEPAD:,} characters")
        based_on = request.args.get("version")
        if not isinstance(based_on, int):
            raise ControlError(
                "write_notepad: `version` must be the number of the one that it changes"
            )
        return {"version": self._engine.write_notepad(text, request.actor, based_on)}
