"""What the heart makes of single things that went wrong once."""

from dataclasses import replace

import pytest

from autoresearch_tui.config import Settings
from autoresearch_tui.domain import (
    ApprovalMode,
    Blame,
    ClusterStatus,
    ExperimentStatus,
    RunStatus,
    StudyStatus,
    Turn,
    Verdict,
)
from autoresearch_tui.errors import ControlError
from autoresearch_tui.judge.noise import pooled_noise
from autoresearch_tui.lifecycle import Draft, events, handle, heart
from autoresearch_tui.lifecycle.events import Answer
from autoresearch_tui.lifecycle.waking import next_due
from autoresearch_tui.outbox import Do, Instruction
from tests.lifecycle.world import World


@pytest.fixture
def world() -> World:
    """Three clusters, a judged baseline on each accelerator type."""
    made = World(ApprovalMode.AUTO)
    made.settle()
    return made


def submitted(world: World, name: str = "e0002") -> Instruction:
    return world.state.outbox[f"submit {name}-r1"]


def run_of(world: World, name: str = "e0002"):
    return world.state.runs[name][-1]


def orders(world: World, do: Do) -> list[str]:
    return [order.subject for order in world.state.outbox.values() if order.do is do]


def fill(world: World, value: int = 1) -> Instruction:
    """Propose one more and give its submission, not carried out yet."""
    world.propose(value)
    return submitted(world, f"e{world.number:04}")


def queued_behind(world: World) -> str:
    """An experiment whose run waits in a queue behind a running one."""
    for _ in range(7):
        world.propose(1)
    for order in list(world.state.outbox.values()):
        world.carry_out(order, "well")
    for name in world.places:
        world.start(name)
        world.look(name)
    waiting = [
        run.experiment
        for runs in world.state.runs.values()
        for run in runs
        if run.status is RunStatus.QUEUED
    ]
    return waiting[0]


def test_what_drains_gives_back_what_waits_and_finishes_what_runs(world: World):
    name = queued_behind(world)
    place = run_of(world, name).cluster
    running = world.places[place].running
    world.drain(place)
    assert orders(world, Do.WITHDRAW) == [f"{name}-r1"]
    assert orders(world, Do.CANCEL) == []
    world.carry_out(world.state.outbox[f"withdraw {name}-r1"], "well")
    assert run_of(world, name).cluster != place
    assert world.places[place].running == running
    world.settle()


def test_what_sleeps_is_woken_for_as_many_runs_as_find_no_room(world: World):
    for name in ("a", "b", "c"):
        world.sleep(name)
    assert orders(world, Do.WAKE) == []
    world.propose(1)
    assert orders(world, Do.WAKE) == ["a"]
    for _ in range(3):
        world.propose(1)
    assert sorted(orders(world, Do.WAKE)) == ["a", "b", "c"]
    world.carry_out(world.state.outbox["wake a"], "refused")
    assert world.state.outbox["wake a"].not_before > world.now
    world.carry_out(world.state.outbox["wake a"], "well")
    assert run_of(world, "e0002").cluster == "a"
    # The two that `a` has room for need no other.
    assert len(orders(world, Do.WAKE)) == 2
    world.settle()


def test_a_study_that_is_paused_wakes_nobody(world: World):
    world.sleep("a")
    world.sleep("b")
    world.sleep("c")
    world.tell(events.Paused("me"))
    world.propose(1)
    assert orders(world, Do.WAKE) == []


def test_a_submission_that_arrived_and_was_answered_with_an_error_runs_once(world: World):
    order = fill(world)
    world.carry_out(order, "lost after")
    assert orders(world, Do.FIND) == ["e0002-r1"]
    world.start(order.target)
    world.look(order.target)
    assert run_of(world).status is RunStatus.RUNNING
    world.tell(events.Submitted("e0002-r1", order.target, Answer.UNKNOWN, "late"))
    world.settle()
    assert world.finished["e0002-r1"] == 1
    assert [run.id for run in world.state.runs.get("e0002", ())] in ([], ["e0002-r1"])


def test_a_submission_that_never_arrived_is_made_again_once_that_is_sure(world: World):
    order = fill(world)
    world.carry_out(order, "lost before")
    assert orders(world, Do.SUBMIT) == []
    world.carry_out(world.state.outbox["find e0002-r1"], "well")
    assert run_of(world).status in (RunStatus.PENDING, RunStatus.SUBMITTING)
    world.settle()
    assert world.finished["e0002-r1"] == 1


@pytest.mark.parametrize("act", ["veto", "cancel"])
def test_what_waits_in_a_queue_leaves_it_when_it_is_refused(world: World, act: str):
    name = queued_behind(world)
    if act == "veto":
        world.tell(events.Vetoed((name,), "no", "me"))
    else:
        world.tell(events.Cancelled(name, "me"))
    assert orders(world, Do.WITHDRAW) == [f"{name}-r1"]
    world.settle()
    assert world.finished[f"{name}-r1"] == 0
    assert world.known[name].status.is_final


def test_what_is_vetoed_on_its_way_never_runs(world: World):
    order = fill(world)
    world.tell(events.Vetoed(("e0002",), "no", "me"))
    world.carry_out(order, "late")
    world.tell(world.late.pop())
    assert orders(world, Do.WITHDRAW) == ["e0002-r1"]
    world.settle()
    assert world.finished["e0002-r1"] == 0


def test_cancelling_ends_all_runs_of_an_experiment(world: World):
    fill(world)
    world.tell(events.RunsWanted("e0002", 3, "more"))
    for order in list(world.state.outbox.values()):
        world.carry_out(order, "well")
    for name in world.places:
        world.start(name)
        world.look(name)
    world.tell(events.Cancelled("e0002", "me"))
    live = [run.id for run in world.state.runs["e0002"] if not run.status.is_final]
    assert sorted(live) == sorted(orders(world, Do.CANCEL) + orders(world, Do.WITHDRAW))
    assert len(live) > 1


def lose(world: World, name: str, times: int) -> None:
    for _ in range(times):
        order = submitted(world, name)
        world.carry_out(order, "well")
        world.start(order.target)
        world.look(order.target)
        world.end(order.target, RunStatus.LOST)
        world.look(order.target)
        world.now += 61.0
        world.tell(events.Ticked())


def test_a_lost_run_is_no_crash_and_is_tried_again_under_another_name(world: World):
    order = fill(world)
    lose(world, "e0002", 1)
    run = run_of(world)
    assert run.job == "e0002-r1.2"
    assert not run.status.is_final
    # What the first attempt says later is about nobody any more.
    world.tell(events.JobEnded("e0002-r1", order.target, RunStatus.SUCCEEDED, 0.1))
    assert not run_of(world).status.is_final
    world.settle()
    assert world.known["e0002"].verdict in (Verdict.KEEP, Verdict.DISCARD)


def test_what_is_lost_again_and_again_is_set_aside(world: World):
    fill(world)
    lose(world, "e0002", 3)
    found = world.known["e0002"]
    assert found.status is ExperimentStatus.SET_ASIDE
    assert found.verdict is None
    assert "lost 3 times" in found.why


def test_a_machine_that_crashes_what_others_run_gets_no_more(world: World):
    for cluster in ("b", "c"):
        for _ in range(12):
            world.tell(ended(world, cluster, RunStatus.SUCCEEDED))
    for _ in range(3):
        world.tell(ended(world, "a", RunStatus.FAILED))
    assert "3 crashes in a row" in world.state.clusters["a"].suspected
    assert not world.state.clusters["b"].suspected
    world.propose(2)
    assert submitted(world, f"e{world.number:04}").target != "a"


def ended(world: World, cluster: str, status: RunStatus) -> events.JobEnded:
    """The end of a run of a new experiment that a cluster was given alone."""
    for name in world.state.clusters:
        held = (world.now + 1e6, 1) if name != cluster else (0.0, 0)
        holdoffs = {**world.state.memory.holdoffs, name: held}
        world.state.memory = replace(world.state.memory, holdoffs=holdoffs, crashes=0)
    order = fill(world)
    world.carry_out(order, "well")
    world.state.memory = replace(world.state.memory, holdoffs={})
    value = 10.5 if status is RunStatus.SUCCEEDED else None
    world.places[cluster].queue.clear()
    return events.JobEnded(f"{order.subject}", cluster, status, value, started_at=world.now)


def test_files_that_cannot_be_laid_out_cost_no_cluster_anything(world: World):
    order = fill(world)
    world.carry_out(order, "unfit")
    assert set(world.state.memory.holdoffs) == {"e0002"}
    order = fill(world)
    assert order.subject == "e0003-r1"
    for _ in range(2):
        world.now += 61.0
        world.tell(events.Ticked())
        world.carry_out(submitted(world, "e0002"), "unfit")
    assert world.known["e0002"].status is ExperimentStatus.SET_ASIDE
    assert "cannot be laid out" in world.known["e0002"].why


def test_time_costs_money_once_however_often_the_engine_dies():
    world = World(ApprovalMode.AUTO)
    start = world.now
    for _ in range(5):
        world.now += 7.0
        world.restart()
        world.tell(events.Ticked())
        world.show("a")
    hours = (world.now - start) / 3600
    assert world.state.study.spent_usd == pytest.approx(3 * hours)


def test_a_cluster_costs_while_it_comes_up():
    world = World(ApprovalMode.AUTO)
    up = world.state.clusters["a"].status
    spent = world.state.study.spent_usd
    world.tell(events.ClusterSeen("d", "sim", "H100", up.PROVISIONING, price=10.0))
    world.now += 360.0
    world.tell(events.Ticked())
    world.tell(events.ClusterSeen("d", "sim", "H100", up.GONE, price=10.0))
    world.now += 3600.0
    world.tell(events.Ticked())
    assert world.state.clusters["d"].cost == pytest.approx(1.0)
    assert world.state.study.spent_usd > spent


def test_what_has_a_result_keeps_its_files(world: World):
    fill(world)
    world.tell(events.RunsWanted("e0002", 2, "more"))
    first = submitted(world)
    world.carry_out(first, "well")
    world.start(first.target)
    world.look(first.target)
    world.end(first.target, RunStatus.SUCCEEDED)
    world.look(first.target)
    world.propose(90)
    world.settle()
    commits = {run: commit for run, commit in world.commits.items() if run.startswith("e0002")}
    assert len(commits) == 2
    assert len(set(commits.values())) == 1


@pytest.mark.parametrize("how", ["pause", "restart"])
def test_no_countdown_fires_that_nobody_could_veto(how: str):
    world = World(ApprovalMode.VETO)
    world.settle()
    for _ in range(3):
        world.propose(1)
    if how == "pause":
        world.tell(events.Paused("me"))
        world.now += 5000.0
        world.tell(events.Ticked())
        world.tell(events.Resumed("me"))
    else:
        world.now += 5000.0
        world.restart()
    waiting = [e for e in world.state.experiments.values() if e.approve_at is not None]
    assert len(waiting) == 3
    assert all(each.approve_at == world.now + 30.0 for each in waiting)
    assert next_due(world.state, world.now) == world.now + 30.0


def test_a_defect_sets_its_subject_aside_with_its_story(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    fill(world)

    def wrong(draft: Draft, event: events.JobSeen) -> None:
        run = draft.runs_of("e0002")[0]
        draft.put_run(replace(run, status=RunStatus.SUCCEEDED))
        draft.put_run(replace(run, status=RunStatus.RUNNING))

    monkeypatch.setitem(heart._HANDLERS, events.JobSeen, wrong)
    draft = handle(world.state, events.JobSeen("e0002-r1", "a", 1.0), world.now)
    world.state.commit(draft)
    (defect,) = [record for record in draft.records if record.kind == "defect"]
    assert "e0002-r1: succeeded -> running, after JobSeen" in defect.text
    assert "e0002-r1 submitting" in defect.text
    found = draft.experiments.get("e0002")
    assert found is not None
    assert found.status is ExperimentStatus.SET_ASIDE
    assert world.state.study.status is StudyStatus.RUNNING


def test_crashes_in_a_row_pause_and_ask(world: World):
    for number in range(5):
        order = fill(world, number)
        world.carry_out(order, "well")
        world.start(order.target)
        world.look(order.target)
        world.end(order.target, RunStatus.FAILED)
        world.look(order.target)
    assert world.state.study.status is StudyStatus.PAUSED
    assert "5 experiments crashed in a row" in world.state.study.alarm
    assert all(
        run.blame is Blame.EXPERIMENT
        for runs in world.state.runs.values()
        for run in runs
        if run.status is RunStatus.FAILED
    )
    world.tell(events.Resumed("me"))
    assert world.state.study.alarm == ""


def test_silence_where_runs_used_to_end_is_an_alarm(world: World):
    world.state.memory = replace(world.state.memory, durations=(100.0,) * 5)
    order = fill(world)
    world.carry_out(order, "well")
    world.start(order.target)
    world.look(order.target)
    world.now += 299.0
    world.tell(events.Ticked())
    assert world.state.study.alarm == ""
    world.now += 2.0
    world.tell(events.Ticked())
    assert "stalled: no run has ended" in world.state.study.alarm
    world.end(order.target, RunStatus.SUCCEEDED)
    world.look(order.target)
    assert world.state.study.alarm == ""


def test_that_nothing_runs_is_said_with_the_reason(world: World):
    world.tell(events.Ticked())
    world.now += 61.0
    world.tell(events.Ticked())
    assert world.state.study.alarm == "nothing runs: no researcher, and no proposal from outside"
    world.tell(events.ModeSet(ApprovalMode.MANUAL, "me"))
    world.propose(1)
    world.tell(events.Ticked())
    assert world.state.study.alarm.startswith("nothing runs: ")
    world.tell(events.Approved(("e0002",), "me"))
    assert world.state.study.alarm == ""


def test_an_engine_that_leaves_takes_back_what_waits_and_does_not_wait_for_ever(world: World):
    name = queued_behind(world)
    world.tell(events.Leaving("SIGTERM", 143))
    assert f"{name}-r1" in orders(world, Do.WITHDRAW)
    assert world.state.ending is None
    world.now += 10.5
    world.tell(events.Ticked())
    assert world.state.ending is not None
    assert world.state.ending.code == 143
    assert world.state.study.status is StudyStatus.RUNNING


def test_nothing_is_changed_by_what_is_refused(world: World):
    world.propose(1)
    before = dict(world.state.experiments)
    with pytest.raises(ControlError, match="can no longer be vetoed; it is the baseline"):
        handle(world.state, events.Vetoed(("e0002", "e0001"), "no", "me"), world.now)
    with pytest.raises(ControlError, match="e0099"):
        handle(world.state, events.Approved(("e0099",), "me"), world.now)
    assert world.state.experiments == before


def test_settings_of_alarms_may_be_turned_off():
    given = Settings.model_validate({"alarms": {"crashes_in_a_row": 0, "stalled_factor": 0}})
    world = World(ApprovalMode.AUTO)
    world.state.settings = given
    world.state.memory = replace(world.state.memory, crashes=100)
    world.tell(events.Ticked())
    assert world.state.study.status is StudyStatus.RUNNING


def test_an_engine_without_a_cluster_left_says_why_until_one_has_hope(world: World):
    def seen(status: ClusterStatus, note: str = "") -> None:
        for name in world.state.clusters:
            world.tell(events.ClusterSeen(name, "sim", "H100", status, note, price=1.0))

    seen(ClusterStatus.FAILED, "no such package")
    world.now += 6
    seen(ClusterStatus.FAILED, "no such package")
    why = "no cluster is left: a … c: no such package"
    assert world.state.ending is not None
    assert (world.state.ending.code, world.state.ending.reason) == (1, why)
    assert world.state.study.alarm == why
    world.restart()
    seen(ClusterStatus.SETTING_UP)
    assert world.state.study.alarm == ""


def test_a_turn_is_charged_as_it_goes_and_cut_off_with_its_engine(world: World):
    before = world.state.study.spent_usd
    turn = Turn(1, "llm", 4, world.now)
    world.tell(events.TurnSeen(turn))
    world.tell(events.TurnSeen(replace(turn, cost=0.25)))
    world.tell(events.TurnSeen(replace(turn, cost=0.75, admitted=2)))
    assert world.state.study.spent_usd == before + 0.75
    draft = handle(world.state, events.Started(), world.now + 5)
    cut = draft.turns.get(1)
    assert cut is not None
    assert (cut.ended_at, cut.admitted) == (world.now + 5, 2)
    assert cut.outcome == "cut off: the engine ended"
    world.restart()
    assert world.state.turns == {}
    assert world.state.study.spent_usd == before + 0.75


def test_what_cannot_be_published_does_not_hold_a_study_for_ever(world: World):
    world.propose(1)
    world.tell(events.Stopped("enough", "me"))
    for _ in range(40):
        world.now += 61.0
        for order in list(world.state.outbox.values()):
            if order.do is Do.PUBLISH:
                world.tell(events.Failed(order.key, "no space left on device"))
            elif order.not_before <= world.now:
                world.carry_out(order, "well")
        for name in world.places:
            world.start(name)
            world.end(name, RunStatus.SUCCEEDED)
            world.look(name)
        world.tell(events.Ticked())
    assert world.state.study.status is StudyStatus.FINISHED
    assert orders(world, Do.PUBLISH) == ["e0002"]


def test_another_task_begins_anew_and_measures_the_best_again(world: World):
    world.propose(60)
    world.settle()
    assert world.state.incumbents["H100"] == "e0002"
    busy = fill(world)
    world.carry_out(busy, "well")
    world.start(busy.target)
    world.look(busy.target)
    world.ask(events.Paused("me"))
    world.propose(2)
    world.now += 5.0
    world.change_task()
    state = world.state
    assert state.incumbents == {}
    assert state.study.task_since == world.now
    assert not any(j.is_best for j in state.judgements.values())
    assert pooled_noise(state.repeats["H100"].values()).count == 0
    # What was measured in part by the task before ends; what had not begun waits on.
    cut = world.known[busy.subject.partition("-r")[0]]
    assert (cut.status, cut.why) == (
        ExperimentStatus.SET_ASIDE,
        "the task changed while it was under way",
    )
    assert world.known["e0004"].status is ExperimentStatus.QUEUED
    world.ask(events.Resumed("me"))
    world.settle()
    baseline, again = world.known["e0005"], world.known["e0006"]
    assert baseline.is_baseline
    assert baseline.verdict is Verdict.KEEP
    assert again.parent == "e0005"
    assert state.incumbents["H100"] == "e0006"
    # Far better at once than any change is believed to be: it was believed before.
    assert (state.judgements["e0006", "H100"].gain or 0.0) > 0.5
    assert world.known["e0002"].verdict is Verdict.KEEP
    assert not world.known["e0002"].is_best


def test_a_best_that_is_measured_again_when_the_task_changes_is_the_best_no_more(world: World):
    world.propose(60)
    world.settle()
    best = world.state.incumbents["H100"]
    world.tell(events.RunsWanted(best, 3, "again"))
    world.now += 5.0
    world.change_task()
    assert world.known[best].status is ExperimentStatus.SET_ASIDE
    assert not [name for name, each in world.known.items() if each.is_best]
