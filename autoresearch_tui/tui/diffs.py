"""Diffs in lines with the colours of their language, and the diff of two diffs. Pure."""

import difflib
from collections.abc import Sequence
from itertools import groupby

from pygments.token import Token
from textual.content import Content
from textual.highlight import HighlightTheme, highlight

from autoresearch_tui.domain import ConstantEdit, Experiment
from autoresearch_tui.tui.widgets.lines import Line, clean

_SIDES = {"+": ("$success", "on $success 12%"), "-": ("$error", "on $error 12%"), " ": ("", "")}
_MOST_COLOURED = 2000
"""Lines of code that get their colours; what is longer is not read for them."""


class _Colours(HighlightTheme):
    """Few of them, and neither of those that a diff's sides have."""

    STYLES = {
        Token.Comment: "$quiet italic",
        Token.Keyword: "$primary",
        Token.Literal.Number: "$accent",
        Token.Literal.String: "$accent 80%",
        Token.Name.Class: "bold",
        Token.Name.Decorator: "$primary",
        Token.Name.Function: "bold",
        Token.Operator.Word: "$primary",
    }


def diff_lines(diff: str) -> list[Line]:
    """A unified diff: heads in the quiet, code with its colours on the ground of its side."""
    lines = [clean(line) for line in diff.splitlines()]
    if len(lines) > _MOST_COLOURED:
        return [(line, _head_style(line) or _SIDES.get(line[:1], ("", ""))[0]) for line in lines]
    found: list[Line] = []
    path = ""
    for is_code, group in groupby(lines, key=_is_code):
        part = list(group)
        if is_code:
            found += _code(part, path)
            continue
        found += [(line, _head_style(line)) for line in part]
        path = next((_path(line) for line in reversed(part) if _path(line)), path)
    return found


def _is_code(line: str) -> bool:
    return line[:1] in _SIDES and not line.startswith(("+++ ", "--- "))


def _head_style(line: str) -> str:
    if _is_code(line):
        return ""
    return "$primary" if line.startswith("@@") else "$quiet"


def _path(line: str) -> str:
    if line.startswith("+++ "):
        return line[4:].removeprefix("b/").strip()
    # What a proposal names its files by, where there is no repository.
    if line.startswith("@@ ") and line.endswith(" @@") and "," not in line:
        return line[3:-3]
    return ""


def _code(lines: Sequence[str], path: str) -> list[Line]:
    """Lines of one hunk, read together, for a text may go over several of them."""
    body = "\n".join(line[1:] for line in lines)
    coloured = highlight(body, path=path or "train.py", theme=_Colours, tab_size=4)
    found: list[Line] = []
    for line, code in zip(lines, coloured.split("\n", allow_blank=True), strict=False):
        sign, ground = _SIDES[line[0]]
        content = Content.styled(line[0], sign).append(code)
        if content.plain != line:
            # A lexer may drop blanks that it does not know; what is shown is what there is.
            content = Content.styled(line, sign)
        found.append((line, content.stylize(ground) if ground else content))
    return found + [(line, "") for line in lines[len(found) :]]


def diff_of_diffs(mine: str, theirs: str, name: str, other: str) -> list[Line]:
    """How one change differs from another: lines that only one of them has."""
    sides = (_body(theirs), _body(mine))
    diff = list(difflib.unified_diff(*sides, other, name, lineterm="", n=1))
    if not diff:
        return [("both change the same lines in the same way", "$quiet")]
    styles = {"+": "$success", "-": "$error"}
    return [
        (line, "$quiet" if at < 2 or line.startswith("@@") else styles.get(line[:1], ""))
        for at, line in enumerate(diff)
    ]


def _body(diff: str) -> list[str]:
    """What is changed; where it stands and which hashes the files have says nothing."""
    lines = (clean(line) for line in diff.splitlines())
    return [line for line in lines if _is_code(line) and line[:1] != " "]


def edits_text(experiment: Experiment) -> str:
    """What an experiment is to change, where there is no commit of it to ask."""
    lines: list[str] = []
    file = None
    for edit in experiment.edits:
        if edit.file != file:
            file = edit.file
            lines.append(f"@@ {file} @@")
        if isinstance(edit, ConstantEdit):
            lines.append(f"+{edit.name} = {edit.value}")
        else:
            lines += [f"-{line}" for line in edit.search.splitlines()]
            lines += [f"+{line}" for line in edit.replace.splitlines()]
    return "\n".join(lines)
