"""A study's settings in lines: what the file says, what it means, what is in force. Pure."""

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache

from autoresearch_tui.config import Section, Settings
from autoresearch_tui.domain import Study
from autoresearch_tui.spoken import clock_of
from autoresearch_tui.tui.widgets.lines import Line


def settings_lines(settings: Settings) -> list[Line]:
    """Each key with its value and its meaning; those that the file has changed stand out."""
    lines: list[Line] = []
    for table in type(settings).model_fields:
        section = getattr(settings, table)
        assert isinstance(section, Section)
        meanings = _meanings(type(section))
        lines += [("", ""), (f"[{table}]", "bold")]
        for key, field in type(section).model_fields.items():
            value = getattr(section, key)
            is_changed = value != field.get_default(call_default_factory=True)
            sign, style = ("●", "$accent") if is_changed else (" ", "")
            lines.append((f"{sign} {key} = {_said(value)}", style))
            lines.append((f"    {meanings.get(key, '')}", "$quiet"))
    return lines


def in_force(study: Study | None) -> list[Line]:
    """What the engine goes by, whatever the file says by now."""
    if study is None:
        return [("no engine has made this study yet", "$quiet")]
    deadline = clock_of(study.deadline) if study.deadline is not None else "none"
    facts = (
        ("study", f"{study.tag}, {'lowest' if study.minimize else 'highest'} {study.metric}"),
        ("approval", study.approval),
        ("researcher", study.researcher or "none"),
        ("experiments", study.max_experiments or "no limit"),
        ("ends at", deadline),
        ("dollars", f"{study.budget_usd:.2f}" if study.budget_usd else "no limit"),
        ("confinement", study.confinement),
    )
    return [(f"  {name:<12} {value}", "") for name, value in facts if value]


def places(rows: Sequence[tuple[str, object]]) -> list[Line]:
    """Names with what they stand for."""
    return [(f"  {name:<12} {value}", "") for name, value in rows]


def _said(value: object) -> str:
    if isinstance(value, Section):
        fields = type(value).model_fields
        given = [key for key in fields if getattr(value, key) is not None]
        return "{ " + ", ".join(f"{k} = {_said(getattr(value, k))}" for k in given) + " }"
    if isinstance(value, Mapping):
        items = value.items()  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        return "{ " + ", ".join(f"{k} = {_said(v)}" for k, v in items) + " }"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_said, value)) + "]"  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "none"
    return f'"{value}"' if isinstance(value, str) else str(value)


@cache
def _meanings(section: type[Section]) -> Mapping[str, str]:
    """The text under each field of a section, as its source has it."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found
