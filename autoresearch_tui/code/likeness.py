"""How alike two changes are: what has been tried that is nearly the same."""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from autoresearch_tui.domain import ConstantEdit, Edit, Experiment

_WORD = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|[^\s\w]")
_SIGNS = frozenset("()[]{},:;.='\"")

LEAST = 0.33
"""Likeness from which two changes are worth a look: of three things that they do, one is shared."""


def likeness(a: Sequence[Edit], b: Sequence[Edit]) -> float:
    """Share of what two changes do that both do (Jaccard's index), 0 to 1.

    A constant counts with its name and its value, text by the words that come and that go.
    """
    mine, theirs = _done(a), _done(b)
    both = len(mine & theirs)
    return both / max(len(mine) + len(theirs) - both, 1)


def most_alike(
    edits: Sequence[Edit], experiments: Iterable[Experiment], most: int
) -> list[tuple[float, Experiment]]:
    """Up to `most` experiments whose changes are like `edits`, the likest first."""
    found = [(likeness(edits, each.edits), each) for each in experiments if each.edits]
    near = [pair for pair in found if pair[0] >= LEAST]
    return sorted(near, key=lambda pair: (-pair[0], -pair[1].number))[:most]


def _done(edits: Sequence[Edit]) -> frozenset[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for edit in edits:
        if isinstance(edit, ConstantEdit):
            found |= {("constant", edit.name), ("value", edit.name, str(edit.value))}
        else:
            found |= _words(edit.search, edit.replace)
    return frozenset(found)


def _words(before: str, after: str) -> set[tuple[str, ...]]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    found: set[tuple[str, ...]] = set()
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            found |= {("-", word) for word in old[i:j] if word not in _SIGNS}
            found |= {("+", word) for word in new[k:m] if word not in _SIGNS}
    return found
