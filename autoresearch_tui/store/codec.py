"""Turns domain objects into rows and back."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, cast

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
from autoresearch_tui.lifecycle.instructions import Do, Instruction

Row = Mapping[str, Any]
Entity = (
    Study
    | Experiment
    | Run
    | Judgement
    | Cluster
    | Progress
    | Reading
    | Turn
    | Thought
    | Event
    | Instruction
)

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


def _plain(row: Row, **decoded: object) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "rev"} | decoded


def to_study(row: Row) -> Study:
    """Decode a row of `study`."""
    values = _plain(
        row,
        minimize=bool(row["minimize"]),
        status=StudyStatus(row["status"]),
        approval=ApprovalMode(row["approval"]),
    )
    del values["id"]
    return Study(**values)


def to_experiment(row: Row) -> Experiment:
    """Decode a row of `experiments`."""
    verdict = row["verdict"]
    values = _plain(
        row,
        status=ExperimentStatus(row["status"]),
        verdict=Verdict(verdict) if verdict is not None else None,
        edits=tuple(edit_from_object(each) for each in json.loads(row["edits"])),
        constants=json.loads(row["constants"]),
        certified=bool(row["certified"]),
        is_best=bool(row["is_best"]),
    )
    return Experiment(**values)


def to_run(row: Row) -> Run:
    """Decode a row of `runs`."""
    blame = row["blame"]
    values = _plain(
        row,
        status=RunStatus(row["status"]),
        kind=RunKind(row["kind"]),
        blame=Blame(blame) if blame is not None else None,
        metrics=json.loads(row["metrics"]),
    )
    return Run(**values)


def to_judgement(row: Row) -> Judgement:
    """Decode a row of `judgements`."""
    return Judgement(
        **_plain(
            row,
            verdict=Verdict(row["verdict"]),
            is_best=bool(row["is_best"]),
            certified=bool(row["certified"]),
        )
    )


def to_result(row: Row) -> Result:
    """Decode a verdict with the facts of its experiment that a table shows."""
    return Result(
        **_plain(
            row,
            verdict=Verdict(row["verdict"]),
            memory_mb=row["memory_mb"] or 0.0,
            is_of_old_task=bool(row["is_of_old_task"]),
        )
    )


def to_instruction(row: Row) -> Instruction:
    """Decode a row of `outbox`."""
    values = _plain(row, do=Do(row["do"]))
    del values["key"]
    return Instruction(**values)


def to_cluster(row: Row) -> Cluster:
    """Decode a row of `clusters`."""
    return Cluster(**_plain(row, status=ClusterStatus(row["status"])))


def to_progress(row: Row) -> Progress:
    """Decode a row of `progress`."""
    return Progress(**_plain(row))


def to_reading(row: Row) -> Reading:
    """Decode a row of `readings`."""
    return Reading(**_plain(row, state=json.loads(row["state"])))


def to_turn(row: Row) -> Turn:
    """Decode a row of `turns`."""
    return Turn(**_plain(row))


def to_thought(row: Row) -> Thought:
    """Decode a row of `thoughts`."""
    return Thought(**_plain(row))


def to_event(row: Row) -> Event:
    """Decode a row of `events`."""
    return Event(**_plain(row, data=json.loads(row["data"])))
