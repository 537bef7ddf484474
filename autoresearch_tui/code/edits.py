"""Applying edits to files, checking what may be edited, and comparing the results."""

import ast
import difflib
import fnmatch
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import PurePosixPath

from autoresearch_tui.code.constants import find_constants, set_constant
from autoresearch_tui.code.syntax import check_parses, normal_form, parse
from autoresearch_tui.domain import ConstantEdit, Edit, Proposal, ReplaceEdit
from autoresearch_tui.errors import EditError, UnchangedError

LONGEST_FILE = 1_000_000
"""Characters that an edited file may have."""


def apply_edits(
    files: Mapping[str, str], edits: Sequence[Edit], *, profile: str = "cpu"
) -> dict[str, str]:
    """Apply edits one after the other; `files` holds every editable file by path.

    Raises:
        EditError: an edit does not apply, changes nothing or touches another file; the line says
            which edit, why, and how to mend it.
    """
    if not edits:
        raise EditError("there are no edits; give at least one")
    after = dict(files)
    for number, edit in enumerate(edits, 1):
        try:
            edit = resolve_edit(after, edit, profile=profile)
            after[edit.file] = _apply(after[edit.file], edit, profile)
            if len(after[edit.file]) > LONGEST_FILE:
                raise EditError(f"{edit.file}: would be longer than {LONGEST_FILE:,} characters")
        except EditError as error:
            which = f"edit {number} of {len(edits)}: " if len(edits) > 1 else ""
            raise type(error)(f"{which}{error}") from None
    if after == dict(files):
        raise EditError("the edits together change nothing; they undo each other")
    return after


def still_to_make(
    files: Mapping[str, str], edits: Sequence[Edit], *, profile: str = "cpu"
) -> tuple[Edit, ...]:
    """The edits without those of constants that `files` have already; all where none would remain.

    For a change that was made for other files: a point of a grid whose neighbour became the best.
    """
    left = tuple(edit for edit in edits if not _is_made(files, edit, profile))
    return left or tuple(edits)


def _is_made(files: Mapping[str, str], edit: Edit, profile: str) -> bool:
    if not isinstance(edit, ConstantEdit):
        return False
    try:
        apply_edits(files, [edit], profile=profile)
    except UnchangedError:
        return True
    except EditError:
        return False
    return False


def resolve_edit(files: Mapping[str, str], edit: Edit, *, profile: str = "cpu") -> Edit:
    """The edit with its path in normal form; a constant without a file gets the one it is in.

    Raises:
        EditError: the path is none of the editable files, or no single file has the constant.
    """
    if isinstance(edit, ConstantEdit) and not edit.file:
        return replace(edit, file=_file_of(files, edit.name, profile))
    path = check_path(edit.file)
    if path not in files:
        raise EditError(f"{path}: not an editable file; the editable files are: {_list(files)}")
    return replace(edit, file=path)


def _file_of(files: Mapping[str, str], name: str, profile: str) -> str:
    python = {path: text for path, text in files.items() if path.endswith(".py")}
    known = {path: find_constants(text, profile, path) for path, text in python.items()}
    having = [path for path, found in known.items() if any(c.name == name for c in found)]
    if len(having) == 1:
        return having[0]
    if having:
        raise EditError(f"constant {name!r} stands in {_list(having)}; say in which `file`")
    names = [constant.name for found in known.values() for constant in found]
    raise EditError(f"no constant {name!r}; the constants are: {_list(names)}")


def check_path(path: str) -> str:
    """A path inside the repository, in normal form.

    Raises:
        EditError: it is empty, absolute, leads outside or into git's or the study's own files.
    """
    pure = PurePosixPath(path)
    windows = "\\" in path or re.match(r"[A-Za-z]:", path)
    if not path.strip() or path.endswith("/") or str(pure) == ".":
        raise EditError(f"{path!r} is no path of a file; give one relative to the repository")
    if pure.is_absolute() or windows or path.startswith("~"):
        raise EditError(f"{path!r}: give a path relative to the repository, with `/` between parts")
    if ".." in pure.parts:
        raise EditError(f"{path!r} leads outside the repository; `..` is not allowed")
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise EditError(f"{path!r} has control characters; give a plain path")
    if pure.parts[0].lower() in (".git", ".autoresearch"):
        raise EditError(f"{path!r} belongs to the study's own records; it cannot be edited")
    return str(pure)


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path is one of `patterns`: paths, folders or globs (`*` crosses folders)."""
    return any(
        path == pattern.rstrip("/")
        or path.startswith(f"{pattern.rstrip('/')}/")
        or fnmatch.fnmatchcase(path, pattern)
        for pattern in patterns
    )


def check_editable(path: str, editable: Sequence[str], protected: Sequence[str] = ()) -> str:
    """A path that may be edited, in normal form. What is protected stays so, even if editable too.

    Raises:
        EditError: it may not be edited.
    """
    path = check_path(path)
    if matches(path, protected):
        raise EditError(f"{path}: protected; the editable files are: {_list(editable)}")
    if not matches(path, editable):
        raise EditError(f"{path}: not an editable file; the editable files are: {_list(editable)}")
    return path


def check_proposal(
    proposal: Proposal,
    files: Mapping[str, str],
    *,
    protected: Sequence[str] = (),
    profile: str = "cpu",
) -> dict[str, str]:
    """What the editable `files` become under a proposal that passes every check.

    Raises:
        EditError: it touches a file that it may not, does not apply, or leaves a file that does
            not parse any more.
    """
    editable = list(files)
    for edit in proposal.edits:
        if edit.file:
            check_editable(edit.file, editable, protected)
    after = apply_edits(files, proposal.edits, profile=profile)
    for path, text in after.items():
        if text != files[path] and _parses(path, files[path]):
            check_parses(path, text)
    return after


def _parses(path: str, text: str) -> bool:
    # A file that this Python cannot read may be meant for a newer one.
    try:
        check_parses(path, text)
    except EditError:
        return False
    return True


def _apply(text: str, edit: Edit, profile: str) -> str:
    if isinstance(edit, ConstantEdit):
        return set_constant(text, edit.name, edit.value, profile, edit.file)
    return _replace(text, edit)


def _replace(text: str, edit: ReplaceEdit) -> str:
    search, new = edit.search, edit.replace
    if "\r\n" in text and "\r\n" not in search:
        search, new = search.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    if not search:
        raise EditError(f"{edit.file}: the search text is empty; copy the lines to replace")
    if search == new:
        raise EditError(f"{edit.file}: search and replace are the same; the edit changes nothing")
    count = _count(text, search)
    if count == 1:
        return text.replace(search, new)
    what = _excerpt(search)
    if count > 1:
        raise EditError(
            f"{edit.file}: the search text is found {count} times: {what}; "
            "add neighbouring lines until it is found once"
        )
    raise EditError(f"{edit.file}: the search text is not found: {what}; {_near(text, search)}")


def _count(text: str, search: str) -> int:
    # Overlapping occurrences count: which of them is meant would be a guess.
    count, start = 0, text.find(search)
    while start >= 0:
        count += 1
        start = text.find(search, start + 1)
    return count


def _near(text: str, search: str) -> str:
    """What to do about a search text that is not in the file."""
    line = _line_ignoring_space(text, search)
    if line is not None:
        return f"it is found at line {line} when whitespace is ignored: copy it exactly"
    first = next((line.strip() for line in search.splitlines() if line.strip()), "")
    lines = [line.strip() for line in text.splitlines()]
    close = difflib.get_close_matches(first, lines, 1, 0.75) if len(lines) < 5000 else []
    if close and close[0] != first:
        return f"the nearest line is {lines.index(close[0]) + 1}: {_excerpt(close[0])}"
    return "copy it from the file as the parent experiment has it"


def _line_ignoring_space(text: str, search: str) -> int | None:
    wanted = "".join(search.split())
    at = "".join(text.split()).find(wanted)
    if at < 0 or not wanted:
        return None
    solid = (index for index, character in enumerate(text) if not character.isspace())
    return text.count("\n", 0, next(islice(solid, at, None))) + 1


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return f"`{line[:60]}{'…' if len(line) > 60 else ''}`"


def _list(names: Sequence[str] | Mapping[str, str]) -> str:
    return ", ".join(names) or "none"


def digest(files: Mapping[str, str]) -> str:
    """SHA-256 of what the files do, for finding duplicates.

    Python is compared as a tree: whitespace, comments, docstrings and the spelling of literals
    (`1e-2`, `0.01`) do not matter. Other files are compared as text.
    """
    whole = hashlib.sha256()
    for path, text in sorted(files.items()):
        part = hashlib.sha256(_normal(path, text).encode("utf-8", "surrogatepass")).hexdigest()
        whole.update(f"{path}\0{part}\0".encode())
    return whole.hexdigest()


def _normal(path: str, text: str) -> str:
    if not path.endswith(".py"):
        return text
    try:
        tree: ast.Module = parse(path, text)
        return normal_form(tree)
    except (EditError, RecursionError):
        return text


def unified_diff(before: Mapping[str, str], after: Mapping[str, str], context: int = 3) -> str:
    """The change from `before` to `after` as git would show it; empty where there is none."""
    return "".join(_diff_lines(before, after, context))


def _diff_lines(before: Mapping[str, str], after: Mapping[str, str], context: int) -> Iterator[str]:
    for path in sorted({*before, *after}):
        old = f"a/{path}" if path in before else "/dev/null"
        new = f"b/{path}" if path in after else "/dev/null"
        lines = difflib.unified_diff(
            _lines(before.get(path, "")), _lines(after.get(path, "")), old, new, n=context
        )
        for line in lines:
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def count_changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[int, int]:
    """How many lines were added and removed."""
    added = removed = 0
    for path in {*before, *after}:
        old, new = _lines(before.get(path, "")), _lines(after.get(path, ""))
        matcher = difflib.SequenceMatcher(None, old, new)
        for tag, i, j, k, m in matcher.get_opcodes():
            if tag != "equal":
                removed += j - i
                added += m - k
    return added, removed


def _lines(text: str) -> list[str]:
    # Unlike str.splitlines, only a newline ends a line, as in git.
    return re.findall(r"[^\n]*\n|[^\n]+", text)
