"""The heart against a world that answers late, wrongly, twice or not at all."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from autoresearch_tui.domain import (
    ApprovalMode,
    ClusterStatus,
    ExperimentStatus,
    RunStatus,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.lifecycle import events, handle
from autoresearch_tui.lifecycle.moving import is_moving
from autoresearch_tui.lifecycle.running import ON_CLUSTER
from autoresearch_tui.outbox import Do, Instruction
from tests.lifecycle.world import KINDS, World

ANSWERS = st.sampled_from(
    ("well", "well", "well", "lost before", "lost after", "refused", "late", "unfit")
)
PLACES = st.sampled_from(sorted(KINDS))


class Interleavings(RuleBasedStateMachine):
    """Everything that can happen, in any order."""

    @initialize(mode=st.sampled_from(ApprovalMode))
    def begin(self, mode: ApprovalMode) -> None:
        self.world = World(mode)

    @rule(value=st.integers(0, 100))
    def propose(self, value: int) -> None:
        self.world.propose(value)

    @rule(data=st.data())
    def decide(self, data: st.DataObject) -> None:
        names = sorted(self.world.known)
        name = data.draw(st.sampled_from(names))
        other = data.draw(st.sampled_from(names))
        event = data.draw(
            st.sampled_from(
                (
                    events.Approved((name,), "me"),
                    events.Approved((name, other), "me"),
                    events.Unapproved((name,), "me"),
                    events.Vetoed((name,), "no", "me"),
                    events.Cancelled(name, "me"),
                    events.PrioritySet(name, 5, "me"),
                    events.Accepted(name, "me"),
                    events.RunsWanted(name, 3, "again"),
                    events.Paused("me"),
                    events.Resumed("me"),
                    events.ModeSet(ApprovalMode.AUTO, "me"),
                    events.ModeSet(ApprovalMode.VETO, "me"),
                )
            )
        )
        self.world.ask(event)

    @precondition(lambda self: self.world.state.outbox)
    @rule(data=st.data(), answer=ANSWERS)
    def carry_out(self, data: st.DataObject, answer: str) -> None:
        keys = sorted(self.world.state.outbox)
        order = self.world.state.outbox[data.draw(st.sampled_from(keys))]
        self.world.carry_out(order, answer)

    @precondition(lambda self: self.world.state.outbox)
    @rule()
    def carry_all_out(self) -> None:
        for order in list(self.world.state.outbox.values()):
            if order.key in self.world.state.outbox:
                self.world.carry_out(order, "well")

    @precondition(lambda self: self.world.late)
    @rule(data=st.data())
    def answer_late(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(self.world.late) - 1))
        self.world.tell(self.world.late.pop(at))

    @rule(name=PLACES)
    def start(self, name: str) -> None:
        self.world.start(name)

    @rule(
        name=PLACES,
        status=st.sampled_from(
            (RunStatus.SUCCEEDED, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.LOST)
        ),
    )
    def end(self, name: str, status: RunStatus) -> None:
        self.world.end(name, status)

    @rule(name=PLACES)
    def look(self, name: str) -> None:
        self.world.look(name)

    @rule(name=PLACES)
    def lose(self, name: str) -> None:
        self.world.lose(name)

    @rule(name=PLACES)
    def revive(self, name: str) -> None:
        self.world.revive(name)

    @rule(name=PLACES)
    def drain(self, name: str) -> None:
        self.world.drain(name)

    @rule(name=PLACES)
    def sleep(self, name: str) -> None:
        self.world.sleep(name)

    @rule(seconds=st.sampled_from((0.1, 5.0, 100.0)))
    def pass_time(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.tell(events.Ticked())

    @rule()
    def restart(self) -> None:
        self.world.restart()

    @rule()
    def change_task(self) -> None:
        # Time passes between two engines.
        self.world.now += 1.0
        self.world.change_task()

    @invariant()
    def nothing_is_compared_across_tasks(self) -> None:
        state = self.world.state
        since = state.study.task_since
        for accelerator, name in state.incumbents.items():
            assert state.judgements[name, accelerator].judged_at >= since
        for known in state.repeats.values():
            for name in [name for name, values in known.items() if values]:
                assert (self.world.known[name].judged_at or since) >= since

    @invariant()
    def nothing_runs_twice(self) -> None:
        assert all(count == 1 for count in self.world.finished.values()), self.world.finished

    @invariant()
    def what_is_closed_is_on_its_way_out(self) -> None:
        state = self.world.state
        for name, runs in state.runs.items():
            if not state.experiments[name].status.is_final:
                continue
            for run in runs:
                ways = [Instruction(do, run.id).key in state.outbox for do in Do]
                assert run.status.is_final or any(ways), run

    @invariant()
    def no_cluster_idles_beside_work(self) -> None:
        state = self.world.state
        if state.study.status is not StudyStatus.RUNNING or state.ending:
            return
        waiting = [
            e
            for e in state.experiments.values()
            if e.status is ExperimentStatus.QUEUED
            and not e.is_baseline
            and not any(r.status in ON_CLUSTER for r in state.runs.get(e.id, ()))
            and not is_moving(handle(state, events.Noted({}), self.world.now), e.id)
            and e.id not in state.memory.holdoffs
            and e.pinned is None
        ]
        if not waiting:
            return
        for cluster in state.clusters.values():
            if cluster.status is not ClusterStatus.UP or cluster.suspected:
                continue
            held = state.memory.holdoffs.get(cluster.name, (0.0, 0))[0] > self.world.now
            bound = all(
                any(
                    r.accelerator not in (None, cluster.accelerator)
                    for r in state.runs.get(e.id, ())
                )
                for e in waiting
            )
            load = sum(
                r.cluster == cluster.name and r.status in ON_CLUSTER
                for runs in state.runs.values()
                for r in runs
            )
            assert held or bound or load > 1, (cluster, waiting)

    @invariant()
    def branch_and_table_agree(self) -> None:
        state = self.world.state
        for accelerator, name in state.incumbents.items():
            judgement = state.judgements[name, accelerator]
            assert judgement.is_best
            assert judgement.verdict is Verdict.KEEP
        best = [key for key, j in state.judgements.items() if j.is_best]
        assert len(best) == len(state.incumbents)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        if world.state.ending is not None:
            return
        world.ask(events.Resumed("me"))
        world.tell(events.ModeSet(ApprovalMode.AUTO, "me"))
        for _ in range(20):
            world.settle()
            if world.state.study.status is StudyStatus.RUNNING:
                break
            world.ask(events.Resumed("me"))
        if world.state.ending is not None:
            return
        for name, experiment in world.known.items():
            final = experiment.status.is_final or experiment.status is ExperimentStatus.JUDGED
            assert final, experiment
            for run in world.state.runs.get(name, ()):
                assert run.status.is_final, run
        judged = [e for e in world.known.values() if e.verdict is not None]
        assert world.state.judged == len(judged)
        for run_id in world.finished:
            # What was executed is what its commit says.
            assert (
                run_id.partition("-r")[0] in world.commits[run_id]
                or "base" in world.commits[run_id]
            )


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(
    max_examples=150,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
