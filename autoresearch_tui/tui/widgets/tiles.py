"""The clusters under the header: cards, rows or a strip, as there is room for."""

from textual.content import Content

from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.tui.heat import heat_lines
from autoresearch_tui.tui.tile import Tile
from autoresearch_tui.tui.view import View
from autoresearch_tui.tui.widgets.drawn import Drawn

_NARROWEST = 38
"""Cells of the narrowest tile of three lines."""

_MOST_LINES = 9

_MOST_TILES = 24
"""Clusters up to which each has a tile of its own."""


def tile_lines(view: View, now: float, width: int, rows: int) -> list[Content]:
    """All clusters within `width` cells: cards in `rows` lines, else one line each, else strips.

    Single lines may take up to twice as many.
    """
    there = [cluster for cluster in view.clusters if cluster.status is not ClusterStatus.GONE]
    tiles = [Tile(cluster, view, now) for cluster in there]
    columns = min(max((width + 2) // (_NARROWEST + 2), 1), max(len(tiles), 1))
    if -(-len(tiles) // columns) * 3 <= rows:
        each = _width(width, columns)
        return _grid([tile.card(each) for tile in tiles], columns)
    columns = min(columns, -(-len(tiles) // max(rows, 1))) or 1
    if len(tiles) > _MOST_TILES or -(-len(tiles) // columns) > 2 * rows:
        return heat_lines(view, tiles, now, width, rows)
    each, name = _width(width, columns), min(max(len(c.name) for c in there), 14)
    return _grid([tile.row(each, name) for tile in tiles], columns)


def _width(width: int, columns: int) -> int:
    return (width - 2 * (columns - 1)) // columns


def _grid(tiles: list[list[Content]], columns: int) -> list[Content]:
    lines: list[Content] = []
    for at in range(0, len(tiles), columns):
        for parts in zip(*tiles[at : at + columns], strict=True):
            lines.append(Content("  ").join(parts))
    return lines


class Tiles(Drawn):
    """The clusters, in as many lines as the terminal can spare."""

    def __init__(self) -> None:
        super().__init__(id="tiles")

    def lines(self, view: View, now: float, width: int) -> list[Content]:
        """All of them."""
        rows = min(_MOST_LINES, max((self.screen.size.height - 15) // 3, 2))
        found = tile_lines(view, now, width, rows)
        return found or [Content.styled("no cluster yet", "$quiet")]
