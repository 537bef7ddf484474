"""Experiments as a tree on their parents, the line that leads to the best as its trunk. Pure."""

from collections.abc import Mapping, Sequence

from autoresearch_tui.domain import Experiment

_DEEPEST = 8
"""Branches on branches that are still drawn apart."""


def lineage(
    shown: Sequence[Experiment], everyone: Sequence[Experiment]
) -> list[tuple[Experiment, str]]:
    """Each that is shown with what is drawn before its title; newest first, parents below children.

    Where a parent is not shown, the nearest ancestor that is takes its place.
    """
    parents = {e.id: e.parent for e in everyone}
    children = _children(shown, parents)
    weight = _descendants(children)
    trunk = _ancestors(everyone, parents)

    def importance(e: Experiment) -> tuple[bool, int, int]:
        return e.id in trunk, weight[e.id], e.number

    # Drawn from the roots on, the newest last, and turned over at the end.
    rows: list[tuple[Experiment, str]] = []
    waiting = [(root, 0, True) for root in reversed(children.get("", []))]
    while waiting:
        node, depth, is_first = waiting.pop()
        rows.append((node, _joint(depth) if is_first else "│ " * min(depth, _DEEPEST)))
        found = children.get(node.id, [])
        along = max(found, key=importance, default=None)
        if along is not None and (weight[along.id] or along.id in trunk):
            waiting.append((along, depth, False))
        else:
            along = None
        waiting += [(child, depth + 1, True) for child in reversed(found) if child is not along]
    return rows[::-1]


def _joint(depth: int) -> str:
    """What stands before the first of a branch."""
    return "│ " * (min(depth, _DEEPEST) - 1) + "├╴" if depth else ""


def _children(
    shown: Sequence[Experiment], parents: Mapping[str, str | None]
) -> dict[str, list[Experiment]]:
    """The children of each that is shown, by number; those of nobody under no name."""
    there = {e.id for e in shown}
    found: dict[str, list[Experiment]] = {}
    for each in sorted(shown, key=lambda e: e.number):
        parent = each.parent
        while parent is not None and parent not in there:
            parent = parents.get(parent)
        found.setdefault(parent or "", []).append(each)
    return found


def _descendants(children: dict[str, list[Experiment]]) -> dict[str, int]:
    """How many stand on each."""
    order = list(children.get("", []))
    for each in order:
        order += children.get(each.id, [])
    found: dict[str, int] = {}
    for each in reversed(order):
        found[each.id] = sum(1 + found[child.id] for child in children.get(each.id, []))
    return found


def _ancestors(experiments: Sequence[Experiment], parents: Mapping[str, str | None]) -> set[str]:
    """The newest best and all that it stands on."""
    at = next((e.id for e in reversed(experiments) if e.is_best), None)
    found: set[str] = set()
    while at is not None and at not in found:
        found.add(at)
        at = parents.get(at)
    return found
