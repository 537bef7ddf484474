"""A mapping with changes that are not made yet."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Overlay(Generic[K, V]):
    """Reads through to `base`, which it never touches; `changed` holds what differs from it.

    A value of None in `changed` stands for a removal.
    """

    def __init__(self, base: Mapping[K, V]) -> None:
        self._base = base
        self.changed: dict[K, V | None] = {}

    def get(self, key: K) -> V | None:
        """The value of `key`, or None."""
        return self.changed[key] if key in self.changed else self._base.get(key)

    def __contains__(self, key: K) -> bool:
        return self.get(key) is not None

    def __setitem__(self, key: K, value: V) -> None:
        self.changed[key] = value

    def remove(self, key: K) -> None:
        """Take `key` away, whether it is there or not."""
        self.changed[key] = None

    def keys(self) -> list[K]:
        """All keys, in the order in which they came."""
        return [key for key, _ in self.items()]

    def values(self) -> Iterator[V]:
        """All values, in the order in which their keys came."""
        return (value for _, value in self.items())

    def items(self) -> Iterator[tuple[K, V]]:
        """All pairs, in the order in which their keys came."""
        for key in list(self._base):
            if (value := self.get(key)) is not None:
                yield key, value
        for key, value in list(self.changed.items()):
            if key not in self._base and value is not None:
                yield key, value

    def commit(self, target: dict[K, V]) -> None:
        """Make the changes in `target`."""
        for key, value in self.changed.items():
            if value is None:
                target.pop(key, None)
            else:
                target[key] = value
