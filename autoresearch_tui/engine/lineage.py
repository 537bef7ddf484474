"""Which kept changes an experiment stands on, and which it leaves behind as it takes their place.

An experiment that was in flight when the incumbent moved may be kept later: its files are those of
its own parent, without what has been kept in between.
"""

from collections.abc import Sequence

from autoresearch_tui.domain import (
    ConstantEdit,
    Edit,
    Experiment,
    Proposal,
    Verdict,
)
from autoresearch_tui.store import Reader

COMBINE_PRIORITY = 100


def left_behind(store: Reader, experiment: Experiment) -> list[Experiment]:
    """Kept experiments, oldest first, that the incumbent before `experiment` had and it has not."""
    before = store.newest_of(Verdict.KEEP, experiment.judged_at or 0.0)
    if before is None:
        return []
    mine = {e.id for e in _line(store, experiment)}
    replaced = _line(store, before)
    return [e for e in reversed(replaced) if e.id not in mine and not e.is_baseline]


def _line(store: Reader, experiment: Experiment) -> list[Experiment]:
    """The experiment, its parent, and so on."""
    found = [experiment]
    while found[-1].parent is not None and (parent := store.experiment(found[-1].parent)):
        found.append(parent)
    return found


def combination(experiment: Experiment, left: Sequence[Experiment]) -> Proposal | None:
    """What would have both: the left-behind changes on top of `experiment`; None where they clash.

    Where both set the same constant, the newer result stands.
    """
    set_here = {_constant(edit) for edit in experiment.edits} - {None}
    edits: dict[object, Edit] = {}
    for each in left:
        for edit in each.edits:
            if _constant(edit) not in set_here:
                edits[_constant(edit) or (each.id, edit)] = edit
    if not edits:
        return None
    names = ", ".join(e.id for e in left)
    return Proposal(
        title=f"{experiment.id} with {names}: {'; '.join(e.title for e in left)}",
        hypothesis=(
            f"{experiment.id} was measured without {names}, which had been kept meanwhile; "
            "what helped alone may help together."
        ),
        edits=tuple(edits.values()),
        parent=experiment.id,
        priority=COMBINE_PRIORITY,
    )


def _constant(edit: Edit) -> tuple[str, str] | None:
    return (edit.file, edit.name) if isinstance(edit, ConstantEdit) else None
