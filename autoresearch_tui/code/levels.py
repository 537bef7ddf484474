"""Which values of a constant are worth trying: rules from its name, value and comment.

Values are those that a human would write (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten;
powers of two; steps of 0.05), so that a diff reads as one.
"""

import ast
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from autoresearch_tui.code.constants import Constant
from autoresearch_tui.domain import Scalar

Scale = Literal["linear", "log", "mirrored", "choice"]
"""How values lie along an axis; `mirrored` is the logarithm of 1 - x; `choice` has no order."""

Number = int | float

_NICE = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_MOST_LEVELS = 25
# What is closer to zero has no neighbours to try: 10 ** -k of it is zero.
_LEAST = 1e-200


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER = _words(
    "SEED SEEDS EVAL VAL VALID TEST PATH PATHS DIR DIRS FILE FILES URL URLS NAME VERSION TIME "
    "TIMEOUT BUDGET TOKEN TOKENIZER VOCAB LOG LOGGING PRINT DEBUG VERBOSE CACHE PORT HOST WORKERS "
    "THREADS DTYPE BOS EOS PAD UNK ID IDS PEAK FLOPS GPU GPUS CPU EVERY INTERVAL CHECKPOINT SAVE "
    "PROFILE COMPILE METRIC SCHEMA"
)
_SHARES = _words("RATIO FRAC FRACTION PROB DROPOUT SHARE PCT WARMUP WARMDOWN COOLDOWN")
_SIZES = _words(
    "BATCH SIZE DIM WIDTH EMBD EMBED HIDDEN CONTEXT SEQ LEN LENGTH BLOCK ASPECT CHANNELS D"
)
# Widths are worth a value halfway between two powers of two; a head's or a batch's size is not.
_WIDTHS = _words("DIM WIDTH EMBD EMBED HIDDEN ASPECT CHANNELS")
_CAPS = _words("CAP SOFTCAP CLIP CLIPPING")
_OFF = re.compile(r"\b0(?:\.0)?\b[^,;]*\b(?:off|disable[sd]?|none|no|without)\b", re.IGNORECASE)
_BETAS = ("(0.8, 0.95)", "(0.9, 0.95)", "(0.9, 0.98)", "(0.9, 0.99)", "(0.8, 0.99)", "(0.9, 0.999)")
_WINDOWS = ("L", "SL", "SSL", "SSSL")


@dataclass(frozen=True, slots=True)
class Levels:
    """Values worth trying, lowest first where they have an order, and the scale they lie on."""

    scale: Scale
    values: tuple[Scalar, ...]

    def united(self, other: "Levels") -> "Levels":
        """Both sets of values, on the scale of the first."""
        values = dict.fromkeys((*self.values, *other.values))
        if self.scale == "choice":
            return Levels(self.scale, tuple(values))
        return Levels(self.scale, tuple(sorted(_numbers(Levels(self.scale, tuple(values))))))


def is_searched(name: str) -> bool:
    """Whether a constant of this name can be a hyperparameter: no seed, path, version or budget."""
    return _NEVER.isdisjoint(name.split("_"))


def derive_levels(constant: Constant, value: Scalar) -> Levels | None:
    """The levels of a constant whose value is `value`; None where none can be guessed."""
    if isinstance(value, bool):
        return Levels("linear", (False, True))
    if isinstance(value, str):
        return _choices(constant, value)
    if not math.isfinite(value) or 0 < abs(value) < _LEAST:
        return None
    levels = _number(_words(constant.name.replace("_", " ")), value)
    if levels is None or value < 0:
        return levels
    if min(_numbers(levels)) > 0 and levels.scale != "mirrored" and _OFF.search(constant.comment):
        zero: Scalar = 0 if isinstance(value, int) else 0.0
        return Levels(levels.scale, (zero, *levels.values))
    return levels


def is_cap(name: str) -> bool:
    """Whether zero, where it switches the constant off, acts as if it were endlessly large."""
    return not _CAPS.isdisjoint(name.split("_"))


def range_levels(low: float, high: float, *, log: bool, like: Scalar) -> Levels:
    """Levels from `low` to `high`, both included; whole numbers where `like` is one."""
    if isinstance(like, int):
        whole = _int_log(low, high) if log else _int_steps(low, high)
        return Levels("log" if log else "linear", tuple(whole))
    if log:
        return Levels("log", tuple(_nice(low, high)))
    return Levels("linear", tuple(_steps(low, high)))


def power_levels(low: float, high: float) -> Levels:
    """Powers of two from `low` to `high`, with both ends."""
    powers = [2**k for k in range(64) if low <= 2**k <= high]
    return Levels("log", tuple(sorted({*powers, int(low), int(high)})))


def is_power_of_two(value: Scalar) -> bool:
    """Whether a value is a whole power of two."""
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return value > 0 and value & (value - 1) == 0


def _numbers(levels: Levels) -> list[Number]:
    return [value for value in levels.values if not isinstance(value, str)]


def _choices(constant: Constant, value: str) -> Levels | None:
    words = _words(constant.name.replace("_", " "))
    if constant.kind == "tuple" and words & {"BETA", "BETAS"} and _is_pair_of_betas(value):
        known = [pair for pair in _BETAS if ast.literal_eval(pair) != ast.literal_eval(value)]
        return Levels("choice", (value, *known))
    if "PATTERN" in words and value and set(value) <= {"S", "L"}:
        return Levels("choice", tuple(dict.fromkeys((value, *_WINDOWS))))
    return None


def _is_pair_of_betas(source: str) -> bool:
    try:
        pair = ast.literal_eval(source)
    except (ValueError, SyntaxError):
        return False
    return len(pair) == 2 and all(isinstance(beta, float) and 0 < beta < 1 for beta in pair)


def _number(words: frozenset[str], value: Number) -> Levels | None:
    if words & _SHARES and 0 <= value <= 1 and isinstance(value, float):
        return _share(words, value)
    if isinstance(value, int):
        return _whole(words, value)
    if words & {"BETA", "BETA1", "BETA2", "MOMENTUM", "EMA"} and 0.5 <= value < 1:
        rest = 1 - value
        mirrored = [_round(1 - x) for x in _nice(rest / 5, min(0.5, rest * 5))]
        return Levels("mirrored", tuple(sorted({*mirrored, value})))
    if not value:
        decay = words & {"DECAY", "WD"}
        return Levels("linear", tuple(_steps(0.0, 0.2))) if decay else None
    if value < 0:
        return Levels("linear", tuple(sorted({*_steps(2 * value, 0.0), value})))
    factor = 5.0 if words & {"LR", "RATE", "DECAY", "WD"} else 4.0
    if words & {"EPS", "EPSILON"}:
        factor = 100.0
    return Levels("log", tuple(sorted({*_nice(value / factor, value * factor), value})))


def _share(words: frozenset[str], value: float) -> Levels:
    high = 0.5 if words & {"DROPOUT", "WARMUP", "FINAL"} and value <= 0.5 else 1.0
    steps = [_round(0.05 * index) for index in range(round(high / 0.05) + 1)]
    return Levels("linear", tuple(sorted({*steps, value})))


def _whole(words: frozenset[str], value: int) -> Levels | None:
    if value <= 0:
        return None
    if (words & _SIZES and value >= 8) or (value >= 16 and is_power_of_two(value)):
        factors = [0.25, 0.5, 1, 2, 4]
        if "BATCH" in words:
            factors.insert(0, 0.125)
        elif words & _WIDTHS and "HEAD" not in words:
            factors += [0.375, 0.75, 1.5, 3]
        # What the value divides by, its neighbours had better divide by as well.
        unit = min(value & -value, 8)
        sizes = {int(value * factor) for factor in factors if value * factor % unit == 0}
        return Levels("log", tuple(sorted(size for size in sizes if size >= 1)))
    if value <= 32:
        return Levels("linear", tuple(range(max(1, value // 3), max(2 * value, value + 2) + 1)))
    return Levels("log", tuple(sorted({*_int_log(value / 4, value * 4), value})))


def _nice(low: float, high: float) -> list[float]:
    """Nice numbers in a range, on a log scale."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    many = last - first > 3
    digits = (1.0, 3.0) if many else _NICE
    numbers = (_round(digit * 10.0**power) for power in range(first, last + 1) for digit in digits)
    inside = [number for number in numbers if low * 0.999 <= number <= high * 1.001]
    return inside or sorted({_round(low), _round(high)})


def _steps(low: float, high: float) -> list[float]:
    """Evenly spaced nice numbers with both ends."""
    rough = (high - low) / (_MOST_LEVELS - 4)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * digit for digit in (1, 2, 2.5, 5, 10) if size * digit >= rough * 0.999)
    count = math.floor((high - low) / step + 1e-9)
    return sorted({*(_round(low + step * index, 6) for index in range(count + 1)), high})


def _int_steps(low: float, high: float) -> Iterable[int]:
    first, last = math.ceil(low), math.floor(high)
    if last - first < _MOST_LEVELS:
        return range(first, last + 1)
    return sorted({round(step) for step in _steps(first, last)})


def _int_log(low: float, high: float) -> list[int]:
    first, last = max(1, math.ceil(low)), max(1, math.floor(high))
    return sorted({first, last, *(round(number) for number in _nice(first, last))})


def _round(number: float, digits: int = 3) -> float:
    return float(f"{number:.{digits}g}")
