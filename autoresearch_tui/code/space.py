"""The optimiser's search space: one axis for each constant that is searched."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from autoresearch_tui.code.constants import Constant, locate_constants
from autoresearch_tui.code.levels import (
    Levels,
    Scale,
    derive_levels,
    is_cap,
    is_power_of_two,
    is_searched,
    power_levels,
    range_levels,
)
from autoresearch_tui.config import Axis, Search
from autoresearch_tui.domain import Scalar
from autoresearch_tui.errors import ConfigError


@dataclass(frozen=True, slots=True)
class SearchAxis:
    """One searched constant.

    `key` is its name, or `file:NAME` where several files have it. `levels` are the values that are
    tried and `positions` where they lie, 0 to 1; `ordered` says whether nearness means anything.
    `current` is its value in the files that the space was built from.
    """

    key: str
    file: str
    name: str
    current: Scalar
    scale: Scale
    levels: tuple[Scalar, ...]
    positions: tuple[float, ...]

    @property
    def ordered(self) -> bool:
        """Whether neighbouring levels are alike."""
        return self.scale != "choice"

    def nearest(self, position: float) -> Scalar:
        """The level at a position, 0 to 1."""
        at = min(range(len(self.levels)), key=lambda i: abs(self.positions[i] - position))
        return self.levels[at]

    def position(self, value: Scalar) -> float:
        """Where a value lies, 0 to 1; beyond the ends counts as at the end."""
        for level, position in zip(self.levels, self.positions, strict=True):
            if level == value and isinstance(level, bool) == isinstance(value, bool):
                return position
        if isinstance(value, str) or not self.ordered:
            return 0.0
        # Zero may stand beyond the largest level, so go by value.
        known = sorted(
            (level, position)
            for level, position in zip(self.levels, self.positions, strict=True)
            if not isinstance(level, str)
        )
        below = [pair for pair in known if pair[0] <= value]
        above = [pair for pair in known if pair[0] > value]
        if not below or not above:
            return (below[-1] if below else above[0])[1]
        (a, p), (b, q) = below[-1], above[0]
        return p + (q - p) * (value - a) / (b - a)


def build_space(
    files: Mapping[str, str],
    search: Search,
    profile: str = "cpu",
    baseline: Mapping[str, Scalar] | None = None,
) -> tuple[SearchAxis, ...]:
    """The axes of the constants of `files`, in the order in which they stand.

    Each axis spans the values around the constant's value in `baseline` and around its current
    one, so that a search may walk on past its first borders.
    """
    located = locate_constants(files, profile)
    axes = (
        _axis(key, path, constant, search.space.get(key), (baseline or {}).get(key))
        for key, (path, constant) in located.items()
        if _is_wanted(key, constant, search)
    )
    return tuple(axis for axis in axes if axis is not None)


def check_search(search: Search, files: Mapping[str, str], profile: str = "cpu") -> None:
    """Check the settings of the search against the files.

    Raises:
        ConfigError: a key names no constant, or its values do not fit the constant.
    """
    located = locate_constants(files, profile)
    known = ", ".join(located) or "none"
    named = {
        **dict.fromkeys(search.ignore, "search.ignore"),
        **dict.fromkeys(search.only, "search.only"),
        **{name: f"search.space.{name}" for name in search.space},
    }
    for name, key in named.items():
        if name not in located:
            raise ConfigError(f"{key}: no constant {name!r}; the constants are: {known}")
    for name, axis in search.space.items():
        if problem := _problem(axis, located[name][1]):
            raise ConfigError(f"search.space.{name}: {problem}")


def _problem(axis: Axis, constant: Constant) -> str | None:
    if axis.choices is not None:
        wrong = [choice for choice in axis.choices if not _fits(choice, constant)]
        if wrong:
            return f"choices: {wrong[0]!r} does not fit {constant.name} = {constant.source}"
        return None
    if axis.low is None and axis.high is None and axis.log is None:
        return None
    if constant.kind not in ("int", "float"):
        return f"{constant.name} = {constant.source} has no low and high; give choices"
    if axis.low is not None and axis.high is not None and axis.low >= axis.high:
        return f"low {axis.low:g} must be below high {axis.high:g}"
    if axis.log and axis.low is not None and axis.low <= 0:
        return f"low {axis.low:g} must be above 0 on a log scale"
    return None


def _fits(choice: Scalar, constant: Constant) -> bool:
    match constant.kind:
        case "bool":
            return isinstance(choice, bool)
        case "str" | "tuple":
            return isinstance(choice, str)
        case "int":
            return isinstance(choice, int) and not isinstance(choice, bool)
        case _:
            return isinstance(choice, int | float) and not isinstance(choice, bool)


def _is_wanted(key: str, constant: Constant, search: Search) -> bool:
    names = {key, constant.name}
    if names & set(search.ignore):
        return False
    if search.only:
        return bool(names & set(search.only))
    # To describe an axis is to want it.
    return is_searched(constant.name) or bool(names & set(search.space))


def _axis(
    key: str, path: str, constant: Constant, override: Axis | None, baseline: Scalar | None
) -> SearchAxis | None:
    levels = _overridden(constant, override) if override else None
    if levels is None:
        levels = derive_levels(constant, constant.value)
        # A change of code may have made another kind of thing of a constant.
        is_alike = _kind_of(baseline) == _kind_of(constant.value)
        before = derive_levels(constant, baseline) if baseline is not None and is_alike else None
        if levels is None or before is None:
            levels = levels or before
        elif before.scale == levels.scale:
            levels = levels.united(before)
    if levels is None:
        return None
    if constant.value not in levels.values:
        levels = levels.united(Levels(levels.scale, (constant.value,)))
    if len(levels.values) < 2:
        return None
    positions = _positions(levels, constant.name)
    order = sorted(range(len(positions)), key=positions.__getitem__)
    return SearchAxis(
        key,
        path,
        constant.name,
        constant.value,
        levels.scale,
        tuple(levels.values[i] for i in order),
        tuple(positions[i] for i in order),
    )


def _kind_of(value: Scalar | None) -> type:
    return float if type(value) is int else type(value)


def _overridden(constant: Constant, axis: Axis) -> Levels | None:
    """The levels that the settings ask for; None where they leave them to be derived."""
    value = constant.value
    if axis.choices is not None:
        numeric = constant.kind in ("int", "float", "bool")
        values = [_as_kind(choice, value) for choice in axis.choices if _fits(choice, constant)]
        if not values:
            return None
        if not numeric:
            return Levels("choice", tuple(values))
        numbers = sorted(choice for choice in values if not isinstance(choice, str))
        wide = numbers[0] > 0 and numbers[-1] / numbers[0] >= 8
        return Levels("log" if wide else "linear", tuple(numbers))
    if isinstance(value, bool | str) or axis == Axis():
        return None
    derived = derive_levels(constant, value)
    spread = [level for level in derived.values if not isinstance(level, str)] if derived else []
    low = axis.low if axis.low is not None else min(spread, default=value / 4)
    high = axis.high if axis.high is not None else max(spread, default=value * 4)
    log = axis.log if axis.log is not None else bool(derived and derived.scale == "log")
    if low >= high or (log and low <= 0 and axis.log):
        return None
    if log and low > 0 and axis.log is None and is_power_of_two(value):
        return power_levels(low, high)
    return range_levels(low, high, log=log and low > 0, like=value)


def _as_kind(choice: Scalar, value: Scalar) -> Scalar:
    if isinstance(value, float) and isinstance(choice, int):
        return float(choice)
    return choice


def _positions(levels: Levels, name: str) -> list[float]:
    """Where levels lie, 0 to 1."""
    values = levels.values
    if levels.scale == "choice":
        return [index / (len(values) - 1) for index in range(len(values))]
    numbers = [float(value) for value in values if not isinstance(value, str)]
    # Somebody may have given a constant a value that its scale has no place for.
    if levels.scale == "linear" or (levels.scale == "mirrored" and max(numbers) >= 1):
        return _stretched(numbers)
    if levels.scale == "mirrored":
        return _stretched([-math.log(1 - number) for number in numbers])
    above = [number for number in numbers if number > 0]
    places = dict(zip(above, _stretched([math.log(number) for number in above]), strict=True))
    if len(above) == len(numbers):
        return [places[number] for number in numbers]
    # Zero has no logarithm: it stands a step off the end that it acts like.
    step = 1 / max(2, len(above))
    if is_cap(name):
        return [places[n] * (1 - step) if n > 0 else 1.0 for n in numbers]
    return [step + places[n] * (1 - step) if n > 0 else 0.0 for n in numbers]


def _stretched(places: list[float]) -> list[float]:
    low, high = min(places), max(places)
    width = (high - low) or 1.0
    return [(place - low) / width for place in places]
