"""Many clusters in few lines: a cell each, by accelerator type, and the worst by name. Pure."""

from collections.abc import Sequence

from textual.content import Content

from autoresearch_tui.domain import ClusterStatus
from autoresearch_tui.spoken import percent
from autoresearch_tui.tui.tile import Tile, padded
from autoresearch_tui.tui.view import View

_BUSY = 0.9
"""Share of the last hour from which on a cluster counts as busy."""

_WORST = 3

_SIGNS = {"▲": "trouble", "○": "idle", "◌": "coming or going", "▄": "often idle"}


def heat_lines(
    view: View, tiles: Sequence[Tile], now: float, width: int, rows: int
) -> list[Content]:
    """A strip for each accelerator type, in at most `rows` lines with one for the worst of all."""
    shares = {tile.cluster.name: view.busy(now, tile.cluster.name) for tile in tiles}
    kinds: dict[str, list[Tile]] = {}
    for tile in tiles:
        kinds.setdefault(tile.cluster.accelerator, []).append(tile)
    groups = sorted(kinds.items(), key=lambda item: -len(item[1]))
    if len(groups) > (most := max(rows - 1, 1)):
        others = [tile for _, found in groups[most - 1 :] for tile in found]
        groups = [*groups[: most - 1], ("others", others)]
    label = max(len(name) for name, _ in groups)
    lines = [_strip(name, found, shares, label, width) for name, found in groups]
    if worst := _worst(tiles, shares):
        lines.append(padded(worst, width))
    return lines


def _strip(
    name: str, tiles: Sequence[Tile], shares: dict[str, float | None], label: int, width: int
) -> Content:
    up = sum(1 for tile in tiles if tile.cluster.status is ClusterStatus.UP)
    known = [share for tile in tiles if (share := shares[tile.cluster.name]) is not None]
    busy = percent(sum(known) / len(known)) if known else "–"
    head = Content.assemble(
        (f"{name:<{label}} ", "bold"), f"{up}/{len(tiles)} up ", (f"busy {busy:<4} ", "$quiet")
    )
    cells = [_cell(tile, shares[tile.cluster.name]) for tile in tiles]
    counts = {sign: sum(1 for each, _ in cells if each == sign) for sign in _SIGNS}
    told = "  ".join(f"{sign} {n} {_SIGNS[sign]}" for sign, n in counts.items() if n)
    line = head.append(Content.assemble(*cells)).append(Content.styled(f"  {told}", "$quiet"))
    return padded(line, width)


def _cell(tile: Tile, share: float | None) -> tuple[str, str]:
    (sign, *_), style = tile.state
    if tile.trouble or sign == "▲":
        return "▲", "$warning" if sign != "▲" else style
    if sign != "●":
        return ("◌" if sign == "■" else sign), style
    return ("█", "$success") if share is None or share >= _BUSY else ("▄", "$warning")


def _worst(tiles: Sequence[Tile], shares: dict[str, float | None]) -> Content:
    """Those in trouble, then those that idle, then the least busy, by name and with the reason."""
    ranks = {"▲": 0, "○": 1, "▄": 2}
    found: list[tuple[int, float, Content]] = []
    for tile in tiles:
        share = shares[tile.cluster.name]
        sign, style = _cell(tile, share)
        if sign in ranks:
            why = tile.trouble or (tile.cluster.note if sign == "▲" else "")
            how = "idle" if share is None else f"busy {percent(share)}"
            said = f"{sign} {tile.cluster.name} {why or how}"
            found.append((ranks[sign], share or 0.0, Content.styled(said, style)))
    found.sort(key=lambda each: each[:2])
    words = [content for _, _, content in found[:_WORST]]
    if more := len(found) - len(words):
        words.append(Content.styled(f"{more} more: i", "$quiet"))
    return Content("  ").join(words)
