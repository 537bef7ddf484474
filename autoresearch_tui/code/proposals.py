"""Proposals and edits as JSON; what comes from outside is checked field by field."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from autoresearch_tui.domain import ConstantEdit, Edit, Proposal, ReplaceEdit, Scalar
from autoresearch_tui.errors import EditError

LONGEST_TITLE = 120
LONGEST_HYPOTHESIS = 4_000
LONGEST_EDIT = 200_000
MOST_EDITS = 64

_PROPOSAL = ("title", "hypothesis", "edits", "parent", "expected", "priority", "accelerator")
_CONSTANT = ("file", "constant", "value")
_REPLACE = ("file", "search", "replace")


def edit_to_object(edit: Edit) -> dict[str, object]:
    """One edit as a JSON object: `{file, constant, value}` or `{file, search, replace}`."""
    if isinstance(edit, ConstantEdit):
        return {"file": edit.file, "constant": edit.name, "value": edit.value}
    return {"file": edit.file, "search": edit.search, "replace": edit.replace}


def edit_from_object(data: Mapping[str, Any]) -> Edit:
    """What `edit_to_object` made; what comes from outside has been checked before."""
    if "constant" in data:
        return ConstantEdit(data["file"], data["constant"], data["value"])
    return ReplaceEdit(data["file"], data["search"], data["replace"])


def edits_from_json(items: object) -> tuple[Edit, ...]:
    """Read a list of edits.

    Raises:
        EditError: the line names the edit that is wrong, and its field.
    """
    if not isinstance(items, list | tuple):
        raise EditError(f"edits: must be a list, not {_kind(items)}")
    entries = cast(Sequence[object], items)
    if not 1 <= len(entries) <= MOST_EDITS:
        raise EditError(f"edits: must be 1 to {MOST_EDITS}, not {len(entries)}")
    return tuple(_edit(entry, f"edits[{number}]") for number, entry in enumerate(entries))


def proposal_to_object(proposal: Proposal) -> dict[str, object]:
    """A proposal as the JSON object that `proposal_from_json` reads."""
    return {
        "title": proposal.title,
        "hypothesis": proposal.hypothesis,
        "edits": [edit_to_object(edit) for edit in proposal.edits],
        "parent": proposal.parent,
        "expected": proposal.expected,
        "priority": proposal.priority,
        "accelerator": proposal.accelerator,
    }


def proposal_from_json(given: object) -> Proposal:
    """Read a proposal from JSON text or from the object in it.

    Fields: `title` (one line), `hypothesis`, `edits` (each `{file, search, replace}` or `{file?,
    constant, value}`), and optionally `parent`, `expected`, `priority` (-100 to
    100), `accelerator`.

    Raises:
        EditError: the line names the field that is wrong.
    """
    data = _object(_load(given) if isinstance(given, str | bytes) else given, "the proposal")
    _only(data, _PROPOSAL, "")
    title = _text(data, "title", LONGEST_TITLE).strip()
    if "\n" in title or "\r" in title:
        raise EditError("title: must be one line; the rest belongs into `hypothesis`")
    priority = data.get("priority") or 0
    if not isinstance(priority, int) or isinstance(priority, bool) or abs(priority) > 100:
        raise EditError(f"priority: must be a whole number from -100 to 100, not {priority!r:.40}")
    return Proposal(
        title=title,
        hypothesis=_text(data, "hypothesis", LONGEST_HYPOTHESIS).strip(),
        edits=edits_from_json(data.get("edits")),
        parent=_optional(data, "parent", 40) or None,
        expected=" ".join(_optional(data, "expected", 400).split()),
        priority=priority,
        accelerator=_optional(data, "accelerator", 60).strip() or None,
    )


def _load(given: str | bytes) -> object:
    try:
        return json.loads(given, object_pairs_hook=_pairs)
    except RecursionError:
        raise EditError("the proposal is nested too deeply") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise EditError(f"the proposal is not JSON: {error}") from None


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data: dict[str, object] = {}
    for key, value in pairs:
        if key in data:
            raise EditError(f"{key}: given twice")
        data[key] = value
    return data


def _edit(entry: object, where: str) -> Edit:
    data = _object(entry, where)
    if "constant" in data:
        _only(data, _CONSTANT, f"{where}.")
        return edit_from_object(
            {
                "file": _optional(data, "file", 400, where),
                "constant": _text(data, "constant", 100, where),
                "value": _scalar(data, where),
            }
        )
    _only(data, _REPLACE, f"{where}.")
    return edit_from_object(
        {
            "file": _text(data, "file", 400, where),
            "search": _text(data, "search", LONGEST_EDIT, where, code=True),
            "replace": _text(data, "replace", LONGEST_EDIT, where, code=True, empty=True),
        }
    )


def _scalar(data: Mapping[str, object], where: str) -> Scalar:
    if "value" not in data:
        raise EditError(f"{where}.value: missing")
    value = data["value"]
    if not isinstance(value, bool | int | float | str):
        raise EditError(
            f"{where}.value: must be a number, true, false or a text, not {_kind(value)}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise EditError(f"{where}.value: must be finite, not {value}")
    if isinstance(value, int) and value.bit_length() > 128:
        raise EditError(f"{where}.value: too large a number")
    if isinstance(value, str) and len(value) > 1000:
        raise EditError(f"{where}.value: longer than 1,000 characters")
    return value


def _object(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise EditError(f"{where}: must be an object, not {_kind(value)}")
    return cast(dict[str, object], value)


def _only(data: Mapping[str, object], known: Sequence[str], prefix: str) -> None:
    for key in data:
        if key not in known:
            raise EditError(f"{prefix}{str(key)[:60]}: unknown; the fields are: {', '.join(known)}")


def _text(
    data: Mapping[str, object],
    key: str,
    longest: int,
    where: str = "",
    *,
    code: bool = False,
    empty: bool = False,
) -> str:
    name = f"{where}.{key}" if where else key
    if key not in data:
        raise EditError(f"{name}: missing")
    value = data[key]
    if not isinstance(value, str):
        raise EditError(f"{name}: must be a text, not {_kind(value)}")
    if not empty and not value.strip():
        raise EditError(f"{name}: is empty")
    if len(value) > longest:
        raise EditError(f"{name}: {len(value):,} characters; at most {longest:,} are allowed")
    allowed = "\n\r\t\f" if code else "\n\r\t"
    # Escape sequences would reach the operator's terminal; half a character reaches no file.
    if any((ord(c) < 32 and c not in allowed) or 127 <= ord(c) < 160 for c in value):
        raise EditError(f"{name}: has control characters; give plain text")
    if any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise EditError(f"{name}: has half a surrogate pair; give valid Unicode")
    return value


def _optional(data: Mapping[str, object], key: str, longest: int, where: str = "") -> str:
    if data.get(key) is None:
        return ""
    return _text(data, key, longest, where, empty=True).strip()


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case str():
            return "a text"
        case bool():
            return "true or false"
        case _:
            return "a number"
