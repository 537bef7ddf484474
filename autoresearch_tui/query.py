"""The query line: which experiments `verdict:keep accel:H200 gain>0.001 title~muon` means."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autoresearch_tui.domain import Experiment, ExperimentStatus, Scalar, Verdict
from autoresearch_tui.errors import AutoresearchError

HELP = "verdict:keep accel:H200 gain>0.001 title~muon by:llm is:waiting LR>=0.02 -word"
"""One of everything that may stand in a query."""


class QueryError(AutoresearchError):
    """A query cannot be read; the line names the term, and what may stand there."""


_STATES: dict[str, Callable[[Experiment], bool]] = {
    "kept": lambda e: e.verdict is Verdict.KEEP,
    "best": lambda e: e.is_best,
    "waiting": lambda e: e.status.is_live,
    "proposed": lambda e: e.status is ExperimentStatus.PROPOSED,
    "failed": lambda e: e.verdict is Verdict.CRASH or e.status is ExperimentStatus.REJECTED,
    "certified": lambda e: e.certified,
}

_TEXTS: dict[str, Callable[[Experiment], str]] = {
    "id": lambda e: e.id,
    "status": lambda e: e.status,
    "verdict": lambda e: e.verdict or "",
    "accel": lambda e: e.accelerator or e.pinned or "",
    "by": lambda e: e.origin,
    "parent": lambda e: e.parent or "",
    "title": lambda e: e.title,
    "hypothesis": lambda e: e.hypothesis,
    "why": lambda e: e.why,
}

_NUMBERS: dict[str, Callable[[Experiment], float | None]] = {
    "value": lambda e: e.value,
    "gain": lambda e: e.gain,
    "number": lambda e: e.number,
    "wave": lambda e: e.wave,
    "turn": lambda e: e.turn,
    "runs": lambda e: e.runs_judged,
    "priority": lambda e: e.priority,
    "lines": lambda e: e.lines_added + e.lines_removed,
}

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    ":": operator.eq,
    "=": operator.eq,
}

_TERM = re.compile(r"(?P<field>\w+)(?P<how>>=|<=|>|<|=|:|~)(?P<what>.*)", re.DOTALL)
_WORDS = re.compile(r'-?(?:\w+[~:=])?"[^"]*"|\S+')

Test = Callable[[Experiment], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """What an experiment must be; an empty one lets all through."""

    text: str = ""
    tests: Sequence[Test] = ()

    def matches(self, experiment: Experiment) -> bool:
        """Whether it passes every term."""
        return all(test(experiment) for test in self.tests)


def parse_query(text: str) -> Query:
    """Read a query: terms with blanks between them, all of which must hold; `-` before one negates.

    Raises:
        QueryError: a term cannot be read.
    """
    text = text.strip()
    return Query(text, [_test(term) for term in _WORDS.findall(text)])


def _test(term: str) -> Test:
    if term.startswith("-") and len(term) > 1:
        inner = _test(term[1:])
        return lambda experiment: not inner(experiment)
    found = _TERM.fullmatch(term)
    if found is None:
        return _says(term)
    field, how, what = found["field"], found["how"], found["what"].strip('"')
    if field == "is":
        return _is(what)
    if field in _TEXTS:
        return _text(field, how, what)
    if how == "~":
        raise QueryError(f"{term}: `~` is for text: {', '.join(_TEXTS)}")
    if field in _NUMBERS:
        return _compare(_NUMBERS[field], how, _number(term, what))
    if field.isupper() or "_" in field:
        return _constant(field, how, what)
    known = ", ".join(("is", *_TEXTS, *_NUMBERS))
    raise QueryError(f"{term}: there is no {field}; there are: {known}, and constants by name")


def _says(word: str) -> Test:
    wanted = word.strip('"').casefold()
    return lambda e: wanted in f"{e.id} {e.title} {e.hypothesis} {e.why}".casefold()


def _is(what: str) -> Test:
    if what not in _STATES:
        raise QueryError(f"is:{what}: must be one of {', '.join(_STATES)}")
    return _STATES[what]


def _text(field: str, how: str, what: str) -> Test:
    read, wanted = _TEXTS[field], what.casefold()
    if how == "~":
        return lambda e: wanted in read(e).casefold()
    if how not in (":", "="):
        raise QueryError(f"{field}{how}{what}: text is compared by `:` or `~`")
    return lambda e: read(e).casefold() == wanted


def _number(term: str, what: str) -> float:
    try:
        return float(what)
    except ValueError:
        raise QueryError(f"{term}: {what or 'nothing'} is no number") from None


def _compare(read: Callable[[Experiment], float | None], how: str, what: float) -> Test:
    compare = _COMPARE[how]

    def test(experiment: Experiment) -> bool:
        value = read(experiment)
        return value is not None and compare(value, what)

    return test


def _constant(name: str, how: str, what: str) -> Test:
    try:
        number = float(what)
    except ValueError:
        if how not in (":", "="):
            raise QueryError(f"{name}{how}{what}: {what or 'nothing'} is no number") from None
        return lambda e: str(e.constants.get(name)) == what
    return _compare(lambda e: _as_number(e.constants.get(name)), how, number)


def _as_number(value: Scalar | None) -> float | None:
    return float(value) if isinstance(value, int | float) else None
