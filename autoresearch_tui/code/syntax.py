"""Python source as a tree: parsing with one-line errors, and a form to compare it by."""

import ast
import warnings
from collections.abc import Callable

from autoresearch_tui.domain import Scalar
from autoresearch_tui.errors import EditError

# Bounds of what is evaluated: a constant such as 9**9**9 must not hang the reader.
_LONGEST_BITS = 4096

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}

# Positions and spellings: fields that do not change what a program does.
_SPELLING = frozenset({"kind", "type_comment", "type_ignores", "ctx"})


def parse(path: str, text: str) -> ast.Module:
    """Read Python source.

    Raises:
        EditError: it is not Python; the line says the file, the place and the reason.
    """
    try:
        with warnings.catch_warnings():
            # An invalid escape in a string is for the author's linter to say.
            warnings.simplefilter("ignore")
            return ast.parse(text, path)
    except SyntaxError as error:
        raise EditError(_place(path, error)) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise EditError(f"{path}: cannot be read as Python: {_reason(error)}") from None


def check_parses(path: str, text: str) -> None:
    """Refuse source that Python would refuse before it runs; files other than `.py` pass.

    Raises:
        EditError: with file, line and reason.
    """
    if not path.endswith(".py"):
        return
    tree = parse(path, text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Finds what the grammar alone lets through, such as `return` outside a function.
            compile(tree, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise EditError(_place(path, error)) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise EditError(f"{path}: cannot be compiled: {_reason(error)}") from None


def _place(path: str, error: SyntaxError) -> str:
    line = f":{error.lineno}" if error.lineno else ""
    source = (error.text or "").strip()
    where = f" in `{source[:80]}`" if source else ""
    return f"{path}{line}: does not parse: {error.msg}{where}"


def _reason(error: BaseException) -> str:
    return str(error).split(" (")[0] or "too deeply nested"


def evaluate(node: ast.expr) -> Scalar:
    """The value of a literal, a signed number, or arithmetic of numbers.

    Raises:
        ValueError: it is none of these, or too large.
    """
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            if isinstance(value, float) and value in (float("inf"), float("-inf")):
                raise ValueError("not finite")
            return value
        case ast.UnaryOp(op=ast.USub()):
            return -_number(node.operand)
        case ast.UnaryOp(op=ast.UAdd()):
            return +_number(node.operand)
        case ast.BinOp():
            return _arithmetic(node.op, _number(node.left), _number(node.right))
        case _:
            raise ValueError("not a literal")


def _number(node: ast.expr) -> int | float:
    value = evaluate(node)
    if isinstance(value, bool | str):
        raise ValueError("not a number")
    return value


def _arithmetic(op: ast.operator, left: int | float, right: int | float) -> int | float:
    try:
        value = _apply(op, left, right)
    except (OverflowError, ZeroDivisionError, TypeError) as error:
        raise ValueError(str(error)) from None
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise ValueError("not finite")
    return value


def _apply(op: ast.operator, left: int | float, right: int | float) -> int | float:
    if isinstance(op, ast.LShift) and isinstance(left, int) and isinstance(right, int):
        if not 0 <= right < _LONGEST_BITS:
            raise ValueError("too large")
        return left << right
    if isinstance(op, ast.Pow):
        bits = left.bit_length() if isinstance(left, int) else 64
        if abs(right) * bits > _LONGEST_BITS or (left < 0 and not isinstance(right, int)):
            raise ValueError("too large")
        return left**right
    function = _OPERATORS.get(type(op))
    if function is None:
        raise ValueError("not arithmetic")
    return function(left, right)


def normal_form(tree: ast.Module) -> str:
    """Python source without docstrings, comments, positions and spellings of literals."""
    return _dump(tree)


def _dump(value: object) -> str:
    # ast.dump would do, but what it leaves out differs between Python's versions.
    if isinstance(value, ast.UnaryOp | ast.BinOp):
        try:
            return f"={evaluate(value)!r}"
        except ValueError:
            pass
    if isinstance(value, ast.Constant):
        return f"={value.value!r}"
    if isinstance(value, ast.AST):
        fields = (
            f"{name}:{_dump(child)}"
            for name, child in ast.iter_fields(value)
            if name not in _SPELLING and child is not None and child != []
        )
        return f"{type(value).__name__}({','.join(fields)})"
    if isinstance(value, list):
        items: list[object] = value  # pyright: ignore[reportUnknownVariableType]
        return f"[{','.join(_dump(item) for item in items if not _is_docstring(item))}]"
    return repr(value)


def _is_docstring(node: object) -> bool:
    # A string that stands alone does nothing, wherever it stands.
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case _:
            return False
