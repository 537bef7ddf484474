"""Turns domain objects into rows and back; the latter tens of thousands at a time."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar, cast

from autoresearch_tui.code.proposals import edit_from_object, edit_to_object
from autoresearch_tui.domain import (
    ApprovalMode,
    Blame,
    Cluster,
    ClusterStatus,
    Edit,
    Event,
    Experiment,
    ExperimentStatus,
    Judgement,
    Note,
    Progress,
    Reading,
    Result,
    Run,
    RunKind,
    RunStatus,
    Study,
    StudyStatus,
    Thought,
    Turn,
    Verdict,
)
from autoresearch_tui.outbox import Do, Instruction

Entity = (
    Study
    | Experiment
    | Run
    | Judgement
    | Result
    | Cluster
    | Progress
    | Reading
    | Turn
    | Thought
    | Event
    | Note
    | Instruction
)
T = TypeVar("T", bound=Entity)

_JSON = frozenset({"constants", "metrics", "data", "state"})


def to_row(entity: Entity) -> dict[str, object]:
    """The row of an entity, one column a field."""
    return values_to_row({f.name: getattr(entity, f.name) for f in fields(entity)})


def values_to_row(values: Mapping[str, object]) -> dict[str, object]:
    """Encode the values of some fields for their columns."""
    return {name: _encode(name, value) for name, value in values.items()}


def _encode(name: str, value: object) -> object:
    if name == "edits":
        return json.dumps([edit_to_object(edit) for edit in cast(Sequence[Edit], value)])
    if name == "metrics":
        # What is no number for JSON is kept as the text that was printed.
        known = cast(Mapping[str, float | str], value)
        value = {key: each if _is_json(each) else str(each) for key, each in known.items()}
    if name in _JSON:
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def _is_json(value: float | str) -> bool:
    return isinstance(value, str) or math.isfinite(value)


def _member(kind: type[StrEnum]) -> Callable[[Any], StrEnum]:
    """A look-up of members by value; calling the class takes four times as long."""
    return {member.value: member for member in kind}.__getitem__


def _member_or_none(kind: type[StrEnum]) -> Callable[[Any], StrEnum | None]:
    return {None: None, **{member.value: member for member in kind}}.__getitem__


def _object(text: str) -> Any:
    return {} if text == "{}" else json.loads(text)


def _edits(text: str) -> tuple[Edit, ...]:
    return tuple(edit_from_object(each) for each in json.loads(text)) if text != "[]" else ()


_verdict = _member_or_none(Verdict)

_DECODED: Mapping[type[Entity], Mapping[str, Callable[[Any], Any]]] = {
    Study: {"minimize": bool, "status": _member(StudyStatus), "approval": _member(ApprovalMode)},
    Experiment: {
        "status": _member(ExperimentStatus),
        "verdict": _verdict,
        "edits": _edits,
        "constants": _object,
        "certified": bool,
        "is_best": bool,
    },
    Run: {
        "status": _member(RunStatus),
        "kind": _member(RunKind),
        "blame": _member_or_none(Blame),
        "metrics": _object,
    },
    Judgement: {"verdict": _verdict, "is_best": bool, "certified": bool},
    Result: {
        "verdict": _verdict,
        "memory_mb": lambda value: value or 0.0,
        "is_of_old_task": bool,
    },
    Cluster: {"status": _member(ClusterStatus)},
    Instruction: {"do": _member(Do)},
    Reading: {"state": _object},
    Event: {"data": _object},
}
"""Fields whose column holds something else than the field."""


@cache
def decoder(kind: type[T], columns: tuple[str, ...]) -> Callable[[Sequence[Any]], T]:
    """What makes entities of one kind from rows with these columns; it needs one for each field."""
    known = _DECODED.get(kind, {})
    names = [field.name for field in fields(kind)]
    in_order = itemgetter(*(columns.index(name) for name in names))
    changed = [(at, known[name]) for at, name in enumerate(names) if name in known]

    def decode(row: Sequence[Any]) -> T:
        values = list(in_order(row))
        for at, change in changed:
            values[at] = change(values[at])
        return kind(*values)

    return decode
