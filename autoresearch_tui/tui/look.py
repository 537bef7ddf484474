"""How a terminal writes: a colour, a background and marks such as bold."""

import re
from dataclasses import dataclass
from functools import lru_cache

_COLOUR_PARTS = {"5": 2, "2": 4}
"""Numbers that follow 38 or 48, by the first of them: one of 256, or red, green and blue."""


@dataclass(frozen=True, slots=True)
class Look:
    """Colours as the numbers that set them, empty where they are the terminal's own.

    With `whole`, the sequences that set it, no more is known of it.
    """

    colour: str = ""
    background: str = ""
    marks: frozenset[str] = frozenset()
    whole: str = ""

    def after(self, before: "Look | None") -> str:
        """The sequences that turn another look, or one that is not known, into this."""
        if self == before:
            return ""
        if self.whole:
            return f"\x1b[m{self.whole}"
        if before is None or self._lacks(before):
            return f"\x1b[{';'.join(['0', *self._words]) if self._words else ''}m"
        new = [word for word in self._words if word not in before._words]
        return f"\x1b[{';'.join(new)}m"

    def then(self, words: str) -> "Look":
        """This look after a further sequence, of which the numbers are given."""
        if words in ("", "0"):
            return PLAIN
        known = _parsed(words) if self == PLAIN else None
        return known or Look(whole=f"{self.whole or self.after(PLAIN)}\x1b[{words}m")

    @property
    def _words(self) -> list[str]:
        return [*sorted(self.marks), *filter(None, (self.colour, self.background))]

    def _lacks(self, before: "Look") -> bool:
        """Whether something is to go, which only a new beginning takes away."""
        return bool(
            before.whole
            or not before.marks <= self.marks
            or (before.colour and not self.colour)
            or (before.background and not self.background)
        )


PLAIN = Look()
"""After a reset."""


@lru_cache(maxsize=4096)
def _parsed(words: str) -> Look | None:
    """The look that a sequence sets after a reset; none where it says what is not known here."""
    marks: set[str] = set()
    colour = background = ""
    rest = words.split(";")
    while rest:
        word = rest.pop(0)
        if word in ("38", "48"):
            count = _COLOUR_PARTS.get(rest[0] if rest else "", 0)
            if not count or len(rest) < count:
                return None
            whole, rest = ";".join([word, *rest[:count]]), rest[count:]
            colour, background = (whole, background) if word == "38" else (colour, whole)
        elif re.fullmatch(r"[39][0-7]", word):
            colour = word
        elif re.fullmatch(r"4[0-7]|10[0-7]", word):
            background = word
        elif re.fullmatch(r"[1-9]|21|5[1-3]", word):
            marks.add(word)
        else:
            return None
    return Look(colour, background, frozenset(marks))
