"""Experiments as a tree: nobody is lost, parents stand below, the trunk leads to the best."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autoresearch_tui.domain import Experiment, ExperimentStatus
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.store import Writer
from autoresearch_tui.tui.lineage import lineage
from tests.tui.test_cockpit import cockpit, paths, screen_text, store, until

__all__ = ["paths", "store"]


def made(number: int, parent: int | None, *, is_best: bool = False) -> Experiment:
    name = f"e{number}"
    mother = None if parent is None else f"e{parent}"
    status = ExperimentStatus.JUDGED
    plain = Experiment(name, number, 1, status, name, "", "o", 0.0, parent=mother)
    return replace(plain, is_best=is_best)


def drawn(*experiments: Experiment) -> list[str]:
    return [f"{joint}{each.id}" for each, joint in lineage(experiments, experiments)]


def test_the_best_stands_on_its_trunk_and_others_beside_it():
    assert drawn(
        made(1, None),
        made(2, 1),
        made(3, 1),
        made(4, 3),
        made(5, 2),
        made(6, 3, is_best=True),
        made(7, 6),
    ) == ["├╴e7", "e6", "├╴e4", "e3", "│ ├╴e5", "├╴e2", "e1"]


def test_where_a_parent_is_filtered_out_its_own_parent_takes_its_place():
    everyone = [made(1, None), made(2, 1), made(3, 2), made(4, 3), made(5, 1)]
    rows = lineage([each for each in everyone if each.number not in (2, 3)], everyone)
    assert [f"{joint}{each.id}" for each, joint in rows] == ["├╴e5", "├╴e4", "e1"]


@given(st.lists(st.integers(0, 60), max_size=60), st.sets(st.integers(0, 60)), st.integers(0, 60))
def test_each_is_drawn_once_above_its_parent(parents: list[int], hidden: set[int], best: int):
    """A rebase may give an experiment a parent with a higher number."""
    everyone = [made(0, None)]
    order = [(7 * at) % 67 for at in range(len(parents) + 1)]
    for at, parent in enumerate(parents, 1):
        mother = order[parent % at]
        everyone.append(made(order[at], mother, is_best=at == best))
    shown = [each for each in everyone if each.number not in hidden]
    rows = [each.id for each, _ in lineage(shown, everyone)]
    assert sorted(rows) == sorted(each.id for each in shown)
    place = {name: at for at, name in enumerate(rows)}
    mothers = {each.id: each.parent for each in everyone}
    for each in shown:
        mother = each.parent
        while mother is not None and mother not in place:
            mother = mothers[mother]
        assert mother is None or place[each.id] < place[mother]


def test_a_long_chain_is_no_depth():
    chain = [made(0, None), *(made(n, n - 1) for n in range(1, 5000))]
    assert {joint for _, joint in lineage(chain, chain)} == {"", "├╴"}


async def test_the_list_is_sorted_as_a_tree(paths: StudyPaths, store: Writer):
    app = cockpit(paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.main.view.experiments) == 3)
        await pilot.press("s", "s", "s", "s")
        await until(pilot, lambda: "by lineage" in screen_text(app))
        assert "├╴LR 0.2" in screen_text(app)
