"""Constants that a file ties together, so that moving one alone trips its own check or is worse.

Two constants are tied where one is divided by the other, where both are factors of one product, or
where an `assert` speaks of both; a name that is computed from constants stands for them.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

from autoresearch_tui.code.constants import locate_constants
from autoresearch_tui.code.syntax import parse
from autoresearch_tui.errors import EditError

Ties = Mapping[tuple[str, str], bool]
"""By two keys of constants, in both orders: whether they go the same way (a quotient stays what it
is) or opposite ways (a product does)."""

_DIVISIONS = (ast.Mod, ast.FloorDiv, ast.Div)

_TRANSPARENT = {"int", "float", "round", "max", "min", "abs", "ceil", "floor", "sqrt", "len"}
"""Functions whose result is still about what they were given."""

_Names = Mapping[str, frozenset[str]]
"""The constants that a name stands for."""

_MOST = 4
"""Constants in one operand beyond which an expression ties nothing: it is about everything."""


def find_ties(files: Mapping[str, str], profile: str = "cpu") -> Ties:
    """The ties between the constants of several files, by the keys of `locate_constants`.

    Files that are not Python, or do not parse, have none.
    """
    keys: dict[str, dict[str, str]] = {}
    for key, (path, constant) in locate_constants(files, profile).items():
        keys.setdefault(path, {})[constant.name] = key
    found: dict[tuple[str, str], bool] = {}
    for path, names in keys.items():
        for (a, b), is_same in _ties_of(path, files[path], frozenset(names)).items():
            found[names[a], names[b]] = found[names[b], names[a]] = is_same
    return found


@lru_cache(maxsize=16)
def _ties_of(path: str, text: str, constants: frozenset[str]) -> Ties:
    try:
        tree = parse(path, text)
    except EditError:
        return {}
    search = _Search()
    names: dict[str, frozenset[str]] = {name: frozenset([name]) for name in constants}
    search.read(tree.body, names)
    return search.ties


@dataclass(slots=True)
class _Search:
    """Reads statements in their order; each function has names of its own beside the module's."""

    ties: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])

    def read(self, body: list[ast.stmt], names: dict[str, frozenset[str]]) -> None:
        for statement in body:
            for inner in _blocks(statement):
                self.read(inner, _within(statement, names))
            for expression in _expressions(statement):
                self._look(expression, names)
            if isinstance(statement, ast.Assert):
                self._tie_all(_constants(statement.test, names))
            self._assign(statement, names)

    def _assign(self, statement: ast.stmt, names: dict[str, frozenset[str]]) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in names:
                names[name] = _constants(value, names)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                names.setdefault(name, _constants(value, names))
            case _:
                pass

    def _look(self, expression: ast.expr, names: _Names) -> None:
        for node in ast.walk(expression):
            match node:
                case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _DIVISIONS):
                    self._tie(_constants(left, names), _constants(right, names), is_same=True)
                case ast.BinOp(left=left, op=ast.Mult(), right=right):
                    self._tie(_constants(left, names), _constants(right, names), is_same=False)
                case _:
                    pass

    def _tie(self, left: frozenset[str], right: frozenset[str], *, is_same: bool) -> None:
        if len(left) > _MOST or len(right) > _MOST:
            return
        for a, b in product(sorted(left), sorted(right)):
            # What is divided somewhere has to stay divisible, whatever else it is a factor of.
            if a != b and (is_same or (a, b) not in self.ties):
                self.ties[a, b] = self.ties[b, a] = is_same

    def _tie_all(self, together: frozenset[str]) -> None:
        if len(together) <= _MOST:
            for a, b in product(sorted(together), repeat=2):
                if a != b:
                    self.ties.setdefault((a, b), True)


def _within(statement: ast.stmt, names: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """The names that hold within a statement: a parameter hides what has its name."""
    match statement:
        case ast.FunctionDef(args=args) | ast.AsyncFunctionDef(args=args):
            hidden = {each.arg for each in (*args.posonlyargs, *args.args, *args.kwonlyargs)}
            return {name: its for name, its in names.items() if name not in hidden}
        case ast.ClassDef():
            return dict(names)
        case _:
            return names


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statements within a statement."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if isinstance(block, list):
            yield block
    for handler in getattr(statement, "handlers", ()):
        yield handler.body
    for case in getattr(statement, "cases", ()):
        yield case.body


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement, without those of the statements within it."""
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.withitem):
            yield child.context_expr


def _constants(expression: ast.expr, names: _Names) -> frozenset[str]:
    """The constants that the value of an expression is about."""
    match expression:
        case ast.Name(id=name):
            return names.get(name, frozenset())
        case ast.BinOp(left=left, right=right):
            return _constants(left, names) | _constants(right, names)
        case ast.UnaryOp(operand=operand):
            return _constants(operand, names)
        case ast.IfExp(body=body, orelse=orelse):
            return _constants(body, names) | _constants(orelse, names)
        case ast.BoolOp(values=values):
            return frozenset[str]().union(*(_constants(value, names) for value in values))
        case ast.Compare(left=left, comparators=others):
            both = [left, *others]
            return frozenset[str]().union(*(_constants(value, names) for value in both))
        case ast.Call(func=function, args=args) if _name(function) in _TRANSPARENT:
            return frozenset[str]().union(*(_constants(value, names) for value in args))
        case _:
            return frozenset()


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
