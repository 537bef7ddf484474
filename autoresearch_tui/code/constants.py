"""The ALL_CAPS constants of a Python file: finding them, and changing one in place."""

import ast
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from autoresearch_tui.code.syntax import evaluate, parse
from autoresearch_tui.domain import Scalar
from autoresearch_tui.errors import EditError, UnchangedError

BY_PROFILE = "by_profile"
"""Name of the function whose keyword for the live profile is the constant's value."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_POWER = re.compile(r"2\s*\*\*\s*\d+")
_SHIFT = re.compile(r"1\s*<<\s*\d+")


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of a file.

    `kind` is `int`, `float`, `bool`, `str` or `tuple` (whose value is its source). `source` is the
    literal as it stands, at the characters `start` to `end` of the text, and `comment` what follows
    it on its line. `profile` is set where the literal is one of several that `by_profile` chooses
    from.
    """

    name: str
    value: Scalar
    kind: str
    line: int
    start: int
    end: int
    source: str
    comment: str = ""
    profile: str | None = None


def find_constants(text: str, profile: str = "cpu", path: str = "the file") -> list[Constant]:
    """The constants of Python source, in the order in which they stand.

    A constant is an ALL_CAPS name that is given once, at the top level, a literal: a number, a
    bool, a string, arithmetic of numbers, a tuple of these, or `by_profile(cpu=…, gpu=…)`. A name
    that is assigned again, or `global` in a function, is a variable.

    Raises:
        EditError: the text is not Python.
    """
    return list(_find(text, profile, path))


def all_constants(files: Mapping[str, str], profile: str = "cpu") -> dict[str, Scalar]:
    """Every constant of several files by name; by `file:NAME` where two files have the name.

    Files that are not Python, or do not parse, have none.
    """
    return {key: constant.value for key, (_, constant) in locate_constants(files, profile).items()}


def locate_constants(
    files: Mapping[str, str], profile: str = "cpu"
) -> dict[str, tuple[str, Constant]]:
    """As `all_constants`, each with the file in which it stands."""
    found = [
        (path, constant)
        for path, text in sorted(files.items())
        if path.endswith(".py")
        for constant in _find_or_none(text, profile, path)
    ]
    count = Counter(constant.name for _, constant in found)
    return {
        constant.name if count[constant.name] == 1 else f"{path}:{constant.name}": (path, constant)
        for path, constant in found
    }


def set_constant(
    text: str, name: str, value: Scalar, profile: str = "cpu", path: str = "the file"
) -> str:
    """Give the constant `name` another value; nothing but its literal changes.

    Raises:
        UnchangedError: it has the value.
        EditError: there is no such constant, or its kind does not fit the value.
    """
    constants = {constant.name: constant for constant in _find(text, profile, path)}
    constant = constants.get(name)
    if constant is None:
        known = ", ".join(constants) or "none"
        raise EditError(f"{path}: no constant {name!r}; the constants are: {known}")
    value = _fit(constant, value, path)
    if value == constant.value:
        raise UnchangedError(f"{path}: {name} is {constant.source} already; give another value")
    literal = format_literal(value, constant.source, constant.kind)
    return text[: constant.start] + literal + text[constant.end :]


def format_literal(value: Scalar, like: str = "", kind: str = "") -> str:
    """Write a value as source, in the spelling of the literal `like`."""
    if kind == "tuple" and isinstance(value, str):
        return value
    if isinstance(value, bool):
        return repr(value)
    if isinstance(value, str):
        return _quoted(value, like)
    if isinstance(value, int):
        return _spell_int(value, like)
    return _spell_float(value, like)


def _spell_int(value: int, like: str) -> str:
    if value > 1 and value & (value - 1) == 0:
        exponent = value.bit_length() - 1
        if _POWER.fullmatch(like):
            return re.sub(r"\d+$", str(exponent), like)
        if _SHIFT.fullmatch(like):
            return re.sub(r"\d+$", str(exponent), like)
    return f"{value:_}" if re.fullmatch(r"-?[\d_]*\d_\d[\d_]*", like) else str(value)


def _spell_float(value: float, like: str) -> str:
    plain = repr(value)
    if value == 0:
        return plain
    scientific = "e" in like.lower() or not 1e-4 <= abs(value) < 1e7
    if not scientific:
        return plain
    digits, _, exponent = f"{value:.16e}".partition("e")
    # The shortest digits that read back as the same number.
    for places in range(17):
        digits = f"{value:.{places}e}".partition("e")[0]
        if float(f"{digits}e{exponent}") == value:
            break
    return f"{digits}e{int(exponent)}"


def _quoted(value: str, like: str) -> str:
    text = repr(value)
    if like.startswith('"') and text.startswith("'") and '"' not in value:
        return f'"{text[1:-1]}"'
    return text


def _fit(constant: Constant, value: Scalar, path: str) -> Scalar:
    """The value in the constant's kind."""
    kind, given = constant.kind, type(value).__name__
    if kind == "tuple" and isinstance(value, str):
        return _fit_tuple(constant, value, path)
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise EditError(f"{path}: {constant.name}: {value} is not a finite number")
        return float(value)
    if kind == "int" and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind != given:
        raise EditError(
            f"{path}: {constant.name} = {constant.source} takes values of kind {kind}, and "
            f"{value!r} is of kind {given}; to change that, replace the line by search and replace"
        )
    return value


def _fit_tuple(constant: Constant, value: str, path: str) -> str:
    try:
        tree = ast.parse(value.strip(), mode="eval").body
        _tuple_value(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise EditError(
            f"{path}: {constant.name} is a tuple ({constant.source}); {value!r} is none"
        ) from None
    return value.strip()


def _tuple_value(node: ast.expr) -> None:
    if not isinstance(node, ast.Tuple) or not node.elts:
        raise ValueError("not a tuple")
    for item in node.elts:
        evaluate(item)


@lru_cache(maxsize=128)
def _find(text: str, profile: str, path: str) -> tuple[Constant, ...]:
    tree = parse(path, text)
    lines = _Lines(text)
    variables = _variables(tree)
    found = (
        _constant(name.id, value, profile, lines)
        for name, value in _assignments(tree)
        if name.id not in variables and _NAME.fullmatch(name.id)
    )
    return tuple(constant for constant in found if constant is not None)


def _find_or_none(text: str, profile: str, path: str) -> tuple[Constant, ...]:
    try:
        return _find(text, profile, path)
    except EditError:
        return ()


def _assignments(tree: ast.Module) -> Iterator[tuple[ast.Name, ast.expr]]:
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name() as name], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name() as name, value=ast.expr() as value):
                yield name, value
            case _:
                pass


def _variables(tree: ast.Module) -> set[str]:
    """Names that the module gives more than one value."""
    counts: Counter[str] = Counter()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            counts[node.id] += 1
        inner = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
        if not isinstance(node, inner):
            pending.extend(ast.iter_child_nodes(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            counts.update(dict.fromkeys(node.names, 2))
    return {name for name, count in counts.items() if count > 1}


def _constant(name: str, node: ast.expr, profile: str, lines: "_Lines") -> Constant | None:
    live: str | None = None
    match node:
        case ast.Call(func=ast.Name(id="by_profile"), args=[], keywords=keywords):
            chosen = {keyword.arg: keyword.value for keyword in keywords}
            if profile not in chosen or not all(map(_is_literal, chosen.values())):
                return None
            node, live = chosen[profile], profile
        case _:
            pass
    if not _is_literal(node):
        return None
    start, end = lines.span(node)
    source = lines.text[start:end]
    value: Scalar = source if isinstance(node, ast.Tuple) else evaluate(node)
    kind = "tuple" if isinstance(node, ast.Tuple) else type(value).__name__
    comment = lines.comment_after(node)
    return Constant(name, value, kind, node.lineno, start, end, source, comment, live)


def _is_literal(node: ast.expr) -> bool:
    try:
        if isinstance(node, ast.Tuple):
            _tuple_value(node)
        else:
            evaluate(node)
    except ValueError:
        return False
    return True


class _Lines:
    """Character offsets of a text, from the byte columns that `ast` counts."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Python ends lines at these only, unlike str.splitlines.
        self._starts = [0, *(end.end() for end in re.finditer(r"\r\n|\r|\n", text))]

    def span(self, node: ast.expr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._offset(node.lineno, node.col_offset), self._offset(end_line, end_column)

    def _offset(self, line: int, column: int) -> int:
        start = self._starts[line - 1]
        # A character is at least one byte, so this slice holds the wanted bytes.
        head = self.text[start : start + column].encode("utf-8")[:column]
        return start + len(head.decode("utf-8"))

    def comment_after(self, node: ast.expr) -> str:
        end = self.span(node)[1]
        rest = re.split(r"[\r\n]", self.text[end:], maxsplit=1)[0]
        return rest.partition("#")[2].strip()
