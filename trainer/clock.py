"""The budget of a run: wall-clock seconds on a GPU, virtual seconds on a CPU.

A run on a shared CPU gets more or less done in a second of wall-clock, depending on its neighbours.
A virtual second is what a step *costs*: the bytes that its operations move and the floating-point
operations that they do, at the rates of a reference core. The same file with the same seed then
does the same number of steps at any load, and gives the same result to the last bit.
"""

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

BYTES_PER_SECOND = 5.4e9
FLOPS_PER_SECOND = 275e9

LONGEST_FACTOR = 8.0
"""Wall-clock seconds a virtual second may take before the run is given up."""


class _ByteCounter(TorchDispatchMode):
    """Adds up the bytes of what operations read and write; a view moves none."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not _is_view(func):
            self.bytes += _size((args, kwargs, result))
        return result


def _is_view(func: Any) -> bool:
    infos = [value.alias_info for value in func._schema.returns]
    return any(info is not None and not info.is_write for info in infos)


def _size(value: Any) -> int:
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return 0


class Budget:
    """How much of a run is left. `seconds` are virtual ones with `virtual`, else wall-clock."""

    def __init__(self, seconds: float, *, virtual: bool, seed: int) -> None:
        self.seconds = seconds
        self.spent = 0.0
        self.flops = 0.0
        self.steps = 0
        self.started_at = time.perf_counter()
        # Seconds of the processor that went into imports and data before the first step.
        self.startup = time.process_time()
        self._virtual = virtual
        self._cost = 0.0
        # The first steps make the optimiser's state; a later one, which nobody knows before,
        # shows whether the work has stayed what it was.
        self._counted = {0, 1, random.Random(f"clock {seed}").randrange(10, 60)}

    @property
    def fraction(self) -> float:
        """The share that is spent, 0 to 1."""
        return min(self.spent / self.seconds, 1.0)

    @property
    def remaining(self) -> float:
        """Seconds left."""
        return max(self.seconds - self.spent, 0.0)

    @property
    def is_spent(self) -> bool:
        """Whether the run is over."""
        return self.spent >= self.seconds

    @contextmanager
    def step(self) -> Iterator[None]:
        """Everything that belongs to one step of training happens inside."""
        begun = time.perf_counter()
        if self._virtual and self.steps in self._counted:
            with _ByteCounter() as moved, FlopCounterMode(display=False) as done:
                yield
            self.flops = done.get_total_flops()
            self._cost = moved.bytes / BYTES_PER_SECOND + self.flops / FLOPS_PER_SECOND
        else:
            yield
        now = time.perf_counter()
        self.spent += self._cost if self._virtual else now - begun
        self.steps += 1
        if self._virtual and now - self.started_at > LONGEST_FACTOR * self.seconds:
            limit = LONGEST_FACTOR * self.seconds
            sys.exit(f"FAIL: a budget of {self.seconds:g} virtual s took more than {limit:g} s")
