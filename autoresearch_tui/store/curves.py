"""Training curves as bytes: 16 a point, little-endian, and 8 for the time of the first one.

A point is its step (32 bits), its share of the budget, its loss, and its seconds since the first
point (all three single precision, which is more than progress lines print).
"""

import struct
from collections.abc import Sequence

from autoresearch_tui.domain import CurvePoint

_HEAD = struct.Struct("<d")
_POINT = struct.Struct("<Ifff")
_MOST_STEPS = 2**32 - 1
_LARGEST = 3.4e38


def pack(points: Sequence[CurvePoint]) -> bytes:
    """Encode the points of one curve; `unpack` is the inverse."""
    began = points[0].time if points else 0.0
    packed = (
        _POINT.pack(min(p.step, _MOST_STEPS), p.fraction, _bounded(p.loss), p.time - began)
        for p in points
    )
    return _HEAD.pack(began) + b"".join(packed)


def unpack(data: bytes) -> list[CurvePoint]:
    """Decode the points of one curve."""
    (began,) = _HEAD.unpack_from(data)
    return [
        CurvePoint(step, fraction, loss, began + seconds)
        for step, fraction, loss, seconds in _POINT.iter_unpack(data[_HEAD.size :])
    ]


def _bounded(loss: float) -> float:
    """A loss that has run away, as the largest that single precision holds."""
    return max(min(loss, _LARGEST), -_LARGEST)


class PackCurve:
    """An aggregate of SQL: rows of step, fraction and loss of one run, in order, as one curve."""

    def __init__(self) -> None:
        self._points: list[CurvePoint] = []

    def step(self, step: int, fraction: float, loss: float) -> None:
        """Take in a row."""
        self._points.append(CurvePoint(step, fraction, loss))

    def finalize(self) -> bytes:
        """The curve."""
        return pack(self._points)
