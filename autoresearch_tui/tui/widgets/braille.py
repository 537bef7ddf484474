"""A canvas of braille dots, two by four a cell, with signs on top. No widgets."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

DOTS_A_ROW = 4
"""Dots that stand over each other in one cell."""

_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BIT_TABLE = np.array(_BITS, np.uint8)


@dataclass
class Canvas:
    """`width` by `height` cells; dots count from the top left."""

    width: int
    height: int
    _dots: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    _styles: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])
    _signs: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])

    @property
    def dots_wide(self) -> int:
        """Columns of dots."""
        return 2 * self.width

    @property
    def dots_high(self) -> int:
        """Rows of dots."""
        return 4 * self.height

    def dot(self, x: int, y: int, style: str) -> None:
        """Set one dot; its cell takes the style. Outside of the canvas nothing happens."""
        cell = x // 2, y // 4
        if 0 <= x < self.dots_wide and 0 <= y < self.dots_high:
            self._dots[cell] = self._dots.get(cell, 0) | _BITS[y % 4][x % 2]
            self._styles[cell] = style

    def dots(self, x: NDArray[np.int_], y: NDArray[np.int_], style: str) -> None:
        """Set many dots at once."""
        there = (x >= 0) & (x < self.dots_wide) & (y >= 0) & (y < self.dots_high)
        x, y = x[there], y[there]
        bits = np.zeros(self.width * self.height, np.uint8)
        np.bitwise_or.at(bits, y // 4 * self.width + x // 2, _BIT_TABLE[y % 4, x % 2])
        for at in np.flatnonzero(bits).tolist():
            cell = at % self.width, at // self.width
            self._dots[cell] = self._dots.get(cell, 0) | int(bits[at])
            self._styles[cell] = style

    def sign(self, x: int, y: int, sign: str, style: str) -> None:
        """Put a sign of one cell where the dot at `x`, `y` would be."""
        if 0 <= x < self.dots_wide and 0 <= y < self.dots_high:
            self._signs[x // 2, y // 4] = sign
            self._styles[x // 2, y // 4] = style

    def line(self, x: int, y: int, to_x: int, to_y: int, style: str) -> None:
        """Draw a line that is level or upright."""
        for at in range(min(x, to_x), max(x, to_x) + 1):
            self.dot(at, y, style)
        for at in range(min(y, to_y), max(y, to_y) + 1):
            self.dot(to_x, at, style)

    def row(self, y: int) -> list[tuple[str, str]]:
        """The cells of a row as pieces of text with a style each."""
        pieces: list[tuple[str, str]] = []
        for x in range(self.width):
            cell = x, y
            text = self._signs.get(cell) or (
                chr(0x2800 + self._dots[cell]) if cell in self._dots else " "
            )
            style = self._styles.get(cell, "")
            if pieces and pieces[-1][1] == style:
                pieces[-1] = pieces[-1][0] + text, style
            else:
                pieces.append((text, style))
        return pieces
