"""Several researchers at one desk."""

import asyncio
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from autoresearch_tui.config import Search
from autoresearch_tui.domain import ConstantEdit, ExperimentStatus, Proposal, Verdict
from autoresearch_tui.errors import ExhaustedError, ResearcherError
from autoresearch_tui.researchers.base import Desk
from autoresearch_tui.researchers.optimizer import OptimizerResearcher
from autoresearch_tui.simulation.study import Landscape, Sampler, Simulation
from tests.simulation.night import Night

HOUR = {"limits": {"max_hours": 1.0}}


class Thinker(Sampler):
    """A sampler that thinks before it proposes, and pays for it."""

    def __init__(self, seed: int, name: str, seconds: float, cost: float = 0.0) -> None:
        super().__init__(seed)
        self._name = name
        self._seconds = seconds
        self._cost = cost

    @property
    def name(self) -> str:
        return self._name

    listens = False

    async def turn(self, desk: Desk) -> None:
        desk.think("text", "hm")
        await asyncio.sleep(self._seconds)
        if self._cost:
            desk.spend(1000, 100, self._cost)
        await super().turn(desk)


class Failing(Sampler):
    """Can never propose."""

    def __init__(self, error: Exception) -> None:
        super().__init__(0)
        self._error = error

    @property
    def name(self) -> str:
        return "failing"

    listens = False

    async def turn(self, desk: Desk) -> None:
        desk.spend(10, 0, 0.5)
        raise self._error


class Few(Sampler):
    """Has three ideas, then no more."""

    def __init__(self, name: str) -> None:
        super().__init__(0)
        self._name = name
        self._left = 3

    @property
    def name(self) -> str:
        return self._name

    listens = False

    async def turn(self, desk: Desk) -> None:
        if not self._left:
            raise ExhaustedError("three are enough")
        self._left -= 1
        value = (0.001 if self._name == "a" else 0.002) * (1 + self._left)
        await desk.propose([Proposal("idea", "h", (ConstantEdit("train.py", "LR", value),))])


def busy_share(night: Night) -> float:
    assert night.world is not None
    seconds = sum(each.ended_at - each.started_at for each in night.world.executions)
    return seconds / (4 * 3600)


def test_each_turn_is_on_record_with_its_researcher_and_its_proposals(tmp_path: Path):
    store = Night(tmp_path, [Sampler(1)], HOUR).run()
    turns = {turn.id: turn for turn in store.turns()}
    proposed = [e for e in store.experiments() if not e.is_baseline and e.origin != "combine"]
    assert len(proposed) > 20
    assert {e.origin for e in proposed} == {"sampler"}
    counts = Counter(e.turn for e in proposed if e.status is not ExperimentStatus.REJECTED)
    assert counts == {turn.id: turn.admitted for turn in turns.values() if turn.admitted}
    assert all(turn.ended_at is not None for turn in turns.values())


class Talking(Sampler):
    """Keeps its desk, as a thread does that cannot be stopped."""

    desk: Desk

    listens = False

    async def turn(self, desk: Desk) -> None:
        self.desk = desk
        desk.think("text", "in time")
        await super().turn(desk)


def test_what_is_thought_after_a_turn_is_not_written_down(tmp_path: Path):
    researcher = Talking(1)

    async def live(study: Simulation) -> None:
        await study.engine()
        researcher.desk.think("text", "too late")
        await asyncio.sleep(0)

    loop_said: list[str] = []
    night = Night(tmp_path, [researcher], {"limits": {"max_experiments": 5}}, live=live)
    night.heard = loop_said.append
    store = night.run()
    assert {thought.text for thought in store.thoughts()} == {"in time"}
    assert not loop_said


def test_two_researchers_share_the_work(tmp_path: Path):
    both = [Thinker(1, "a", 5.0), Thinker(2, "b", 5.0)]
    store = Night(tmp_path, both, HOUR).run()
    origins = Counter(e.origin for e in store.experiments())
    assert origins["a"] > 5
    assert origins["b"] > 5
    waves = {e.wave: e.origin for e in store.experiments()}
    assert all(waves[e.wave] == e.origin for e in store.experiments())


def test_clusters_never_wait_for_a_slow_one(tmp_path: Path):
    slow = Thinker(1, "slow", 1200.0)
    night = Night(tmp_path, [slow, Sampler(2)], HOUR)
    store = night.run()
    assert busy_share(night) > 0.9
    assert {"slow", "sampler"} <= {e.origin for e in store.experiments()}


def idle_seconds(night: Night) -> list[float]:
    """Between two runs on one cluster, from when the baseline was measured."""
    assert night.world is not None
    by_cluster: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for each in night.world.executions:
        by_cluster[each.cluster].append((each.started_at, each.ended_at))
    return [
        start - end
        for spans in by_cluster.values()
        for (_, end), (start, _) in pairwise(sorted(spans)[4:])
    ]


@pytest.mark.parametrize(("seconds", "hours"), [(320.0, 1.0), (60.0, 0.2)])
def test_no_slot_is_idle_while_two_models_think(tmp_path: Path, seconds: float, hours: float):
    models = [Thinker(1, "llm", 90.0), Thinker(2, "llm:sceptic", 90.0)]
    both = [*models, OptimizerResearcher(Search(seed=1))]
    fleet = ((6, "H100", 3.0), (2, "H200", 5.0))
    landscape = Landscape(seconds=seconds)
    limits = {"limits": {"max_hours": hours}}
    night = Night(tmp_path, both, limits, clusters=fleet, landscape=landscape)
    store = night.run()
    origins = Counter(e.origin for e in store.experiments())
    assert min(origins[each.name] for each in both) > 5, origins
    thought = [turn for turn in store.turns() if turn.researcher.startswith("llm")]
    assert all((turn.ended_at or 0) - turn.started_at >= 90 for turn in thought if turn.admitted)
    gaps = idle_seconds(night)
    assert len(gaps) > 50
    # What a cluster takes to begin its next run, and no more.
    assert max(gaps) < 5, sorted(gaps)[-5:]


class Listening(Sampler):
    """Hears, and has nothing to say; notes what it was asked, and who was the best."""

    listens = True

    def __init__(self) -> None:
        super().__init__(0)
        self.asked: list[tuple[int, str]] = []

    @property
    def name(self) -> str:
        return "llm"

    async def turn(self, desk: Desk) -> None:
        brief = await desk.brief()
        self.asked.append((brief.wanted, brief.incumbent.id))
        if brief.wanted:
            raise ResearcherError("nothing to say")


def test_a_new_best_is_looked_at_though_enough_is_ready(tmp_path: Path):
    listening = Listening()
    settings = HOUR | {"scheduler": {"ahead": 24}}
    fleet = ((4, "H100", 3.0),)
    both = [Thinker(1, "quick", 0.0), listening]
    store = Night(tmp_path, both, settings, clusters=fleet).run()
    looked = [best for wanted, best in listening.asked if not wanted]
    kept = {e.id for e in store.experiments() if e.verdict is Verdict.KEEP and not e.is_baseline}
    assert kept
    assert set(looked) & kept
    # Each is looked at once, however long it stays the best.
    assert len(looked) == len(set(looked)), looked


class Confirming(Few):
    """Has one idea, tried where there is room, and again on each type once it is known."""

    async def turn(self, desk: Desk) -> None:
        found = [e for e in await desk.library.experiments() if e.title == "idea"]
        if len(found) > 1:
            raise ExhaustedError("it is confirmed")
        edits = (ConstantEdit("train.py", "LR", 0.001),)
        if found and not found[0].verdict:
            raise ResearcherError("not yet")
        for kind in ("H100", "H200", "H200", "TPU") if found else (None,):
            await desk.propose([Proposal("idea", "h", edits, "e0001", accelerator=kind)])


def test_what_one_type_has_shown_is_confirmed_on_the_other(tmp_path: Path):
    landscape = Landscape(crashed=0.0)
    fleet = ((3, "H100", 3.0), (1, "H200", 5.0))
    store = Night(tmp_path, [Confirming("a")], HOUR, clusters=fleet, landscape=landscape).run()
    first, *others = [e for e in store.experiments() if e.title == "idea"]
    again = [e for e in others if e.status is ExperimentStatus.JUDGED]
    refused = [e.why for e in others if e.status is ExperimentStatus.REJECTED]
    assert {first.accelerator, again[0].accelerator} == {"H100", "H200"}
    assert len(again) == 1
    assert len(refused) == 3
    assert sum("the same files as" in why for why in refused) == 2
    assert "accelerator TPU: there is none; there are: H100, H200" in refused


def test_a_slow_one_alone_is_asked_early_enough(tmp_path: Path):
    night = Night(tmp_path, [Thinker(1, "slow", 400.0)], {"limits": {"max_hours": 4.0}})
    night.run()
    assert busy_share(night) / 4 > 0.85


@pytest.mark.parametrize("error", [ResearcherError("no key"), ZeroDivisionError("defect")])
def test_one_that_fails_is_told_and_the_others_go_on(tmp_path: Path, error: Exception):
    night = Night(tmp_path, [Failing(error), Sampler(2)], HOUR)
    store = night.run()
    assert busy_share(night) > 0.9
    failed = [turn for turn in store.turns() if turn.researcher == "failing"]
    assert 5 < len(failed) < 100
    assert {turn.outcome for turn in failed} == {str(error)}


def test_what_thinking_costs_is_spent_and_ends_the_study_at_its_budget(tmp_path: Path):
    dear = Thinker(1, "dear", 1.0, cost=2.0)
    free = ((4, "H100", 0.0),)
    store = Night(tmp_path, [dear], {"limits": {"budget_usd": 15.0}}, clusters=free).run()
    study = store.study()
    assert study.spent_usd == sum(turn.cost for turn in store.turns()) == 16.0
    assert sum(turn.tokens_in for turn in store.turns()) == 8000
    assert study.end_reason == "$16.00 spent (limits.budget_usd)"


def test_the_study_ends_when_nobody_has_more_to_propose(tmp_path: Path):
    store = Night(tmp_path, [Few("a"), Few("b")], HOUR).run()
    origins = Counter(e.origin for e in store.experiments())
    assert (origins["a"], origins["b"]) == (3, 3)
    assert store.study().end_reason == "nothing more to propose: three are enough"


class Refused(Sampler):
    """Proposes once what cannot be, and has no more."""

    asked = 0
    listens = False

    async def turn(self, desk: Desk) -> None:
        self.asked += 1
        if self.asked > 50:
            pytest.fail("asked without an end, at one instant")
        await desk.propose([Proposal("idea", "h", (ConstantEdit("train.py", "NONE", 1),))])
        raise ExhaustedError("no more")


def test_its_own_refused_proposals_are_no_news(tmp_path: Path):
    refused = Refused(0)
    store = Night(tmp_path, [refused], HOUR).run()
    assert store.study().end_reason == "nothing more to propose: no more"
    # Once, and again for what the baseline's runs had changed since.
    assert refused.asked <= 6


class Grid(Sampler):
    """One grid of two constants, and no more."""

    VALUES = ((0.03, 0.02, 0.01), (0.15, 0.1, 0.05))
    given = False
    listens = False

    async def turn(self, desk: Desk) -> None:
        if self.given:
            raise ExhaustedError("one grid")
        self.given = True
        await desk.propose(
            [
                Proposal(
                    f"{rate} {decay}",
                    "h",
                    (
                        ConstantEdit("train.py", "LR", rate),
                        ConstantEdit("train.py", "WEIGHT_DECAY", decay),
                    ),
                )
                for rate in self.VALUES[0]
                for decay in self.VALUES[1]
            ]
        )


def test_a_grid_keeps_its_points_when_one_of_them_becomes_the_best(tmp_path: Path):
    landscape = Landscape(crashed=0.0)
    fleet = ((1, "H100", 3.0),)
    hours = {"limits": {"max_hours": 2.0}}
    store = Night(tmp_path, [Grid(0)], hours, clusters=fleet, landscape=landscape).run()
    points = [e for e in store.experiments() if e.origin == "sampler"]
    assert len(points) == 9
    moved = [e for e in points if e.parent != "e0001"]
    assert moved, "no point of the grid became the best while others waited"
    assert all(e.status is ExperimentStatus.JUDGED for e in points), "\n".join(
        f"{e.id} {e.title} {e.parent} {e.why}" for e in points
    )
    tried = {(e.constants["LR"], e.constants["WEIGHT_DECAY"]) for e in points}
    assert len(tried) == 9
