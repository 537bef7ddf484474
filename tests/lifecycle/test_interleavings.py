"""The heart against a world that answers late, wrongly, twice or not at all."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from autoresearch_tui.config import Settings
from autoresearch_tui.domain import (
    ApprovalMode,
    ClusterStatus,
    Experiment,
    ExperimentStatus,
    RunStatus,
    Study,
    StudyStatus,
    Verdict,
)
from autoresearch_tui.errors import ControlError
from autoresearch_tui.lifecycle import State, events, handle
from autoresearch_tui.lifecycle.events import Answer, Event
from autoresearch_tui.lifecycle.instructions import Do, Instruction
from autoresearch_tui.lifecycle.moving import is_moving
from autoresearch_tui.lifecycle.running import ON_CLUSTER
from autoresearch_tui.lifecycle.state import Memory

KINDS = {"a": "H100", "b": "H100", "c": "H200"}
BASELINE_RUNS = 2


@dataclass
class Place:
    """A cluster as it really is."""

    queue: list[str] = field(default_factory=list)
    running: str | None = None
    ended: dict[str, RunStatus] = field(default_factory=dict)
    is_up: bool = True

    def has(self, job: str) -> bool:
        return job in self.queue or job == self.running or job in self.ended


class World:
    """Clusters that execute, and the heart's state as a database would keep it."""

    def __init__(self, mode: ApprovalMode) -> None:
        study = Study("t", "/r", "base", "m", True, StudyStatus.RUNNING, mode, 0.0)
        given = Settings.model_validate({"judge": {"baseline_repeats": BASELINE_RUNS}})
        self.state = State(given, study)
        self.now = 0.0
        self.places = {name: Place() for name in KINDS}
        self.late: list[Event] = []
        self.finished: Counter[str] = Counter()
        self.commits: dict[str, str] = {}
        self.known: dict[str, Experiment] = {}
        self.number = 1
        baseline = Experiment(
            "e0001",
            1,
            1,
            ExperimentStatus.QUEUED,
            "b",
            "",
            "baseline",
            0.0,
            commit="base",
            runs_wanted=BASELINE_RUNS,
        )
        self.tell(events.Admitted(baseline, "engine"))
        for name in KINDS:
            self.show(name)

    def tell(self, event: Event) -> None:
        draft = handle(self.state, event, self.now)
        defects = [r.text for r in draft.records if r.kind == "defect"]
        assert not defects, defects
        self.known |= {e.id: e for e in draft.experiments.changed.values() if e}
        self.state.commit(draft)

    def ask(self, event: Event) -> None:
        """What an operator asks, who may be refused."""
        with suppress(ControlError):
            self.tell(event)

    def show(self, name: str) -> None:
        status = ClusterStatus.UP if self.places[name].is_up else ClusterStatus.GONE
        self.tell(events.ClusterSeen(name, "sim", KINDS[name], status, price=1.0))

    def propose(self, value: int) -> None:
        self.number += 1
        name = f"e{self.number:04}"
        parent = self.state.incumbents.get("H100", "e0001")
        status = ExperimentStatus.PROPOSED
        experiment = Experiment(
            name,
            self.number,
            1,
            status,
            "t",
            "",
            "o",
            self.now,
            parent=parent,
            commit=f"{name} on {parent}",
            expected=str(value),
            digest=name,
            pinned="H200" if value % 7 == 0 else None,
        )
        self.tell(events.Admitted(experiment, "me"))

    def carry_out(self, order: Instruction, answer: str) -> None:
        """Do what an order says; `answer` says how well that goes."""
        if order.do is Do.REBASE:
            self._rebase(order, answer)
        elif order.do in (Do.PUBLISH, Do.COMBINE):
            self.tell(events.Done(order.key))
        elif answer == "lost before":
            self.tell(self._no_answer(order))
        else:
            self._reach(order, answer)

    def _no_answer(self, order: Instruction) -> Event:
        if order.do is Do.SUBMIT:
            run = self.state_run(order)
            return events.Submitted(run.job, order.target, Answer.UNKNOWN, "no answer")
        return events.Failed(order.key, "no answer")

    def _rebase(self, order: Instruction, answer: str) -> None:
        if answer == "lost before":
            self.tell(events.Failed(order.key, "git"))
        elif answer == "refused":
            self.tell(events.Unfit(order.subject, "does not apply"))
        else:
            commit = f"{order.subject} on {order.target}"
            facts = {"parent": order.target, "commit": commit}
            self.tell(events.Rebased(order.subject, order.target, facts))

    def state_run(self, order: Instruction):
        runs = self.state.runs[order.subject.partition("-r")[0]]
        return next(r for r in runs if r.id == order.subject)

    def _reach(self, order: Instruction, answer: str) -> None:
        place = self.places[order.target]
        job = order.subject
        if order.do not in (Do.EVICT, Do.FORGET):
            job = self.state_run(order).job
        event = self._effect(order, place, job, answer)
        if answer == "lost after":
            event = self._no_answer(order)
        if answer == "late":
            self.late.append(event)
        else:
            self.tell(event)

    def _effect(self, order: Instruction, place: Place, job: str, answer: str) -> Event:
        if order.do is Do.SUBMIT:
            if answer == "refused" or not place.is_up:
                return events.Submitted(job, order.target, Answer.REFUSED, "full")
            if answer == "unfit":
                return events.Submitted(job, order.target, Answer.UNFIT, "no commit")
            if not place.has(job):
                place.queue.append(job)
                self.commits[job] = self.state_run(order).commit or ""
            return events.Submitted(job, order.target, Answer.ACCEPTED)
        if order.do is Do.FIND:
            return events.LookedUp(job, order.target, place.has(job))
        if order.do is Do.WITHDRAW:
            is_there = job in place.queue
            if is_there:
                place.queue.remove(job)
            return events.Withdrawn(job, order.target, is_there)
        if order.do in (Do.CANCEL, Do.EVICT):
            if job in place.queue:
                place.queue.remove(job)
                place.ended[job] = RunStatus.CANCELLED
            elif job == place.running:
                place.running = None
                place.ended[job] = RunStatus.CANCELLED
            return events.Done(order.key)
        place.ended.pop(job, None)
        return events.Done(order.key)

    def start(self, name: str) -> None:
        place = self.places[name]
        if place.is_up and place.running is None and place.queue:
            place.running = place.queue.pop(0)

    def end(self, name: str, status: RunStatus) -> None:
        place = self.places[name]
        if place.running is not None:
            job, place.running = place.running, None
            place.ended[job] = status
            if status is not RunStatus.LOST:
                self.finished[job] += 1

    def look(self, name: str) -> None:
        """The watcher reports all that a cluster has, as often as it likes."""
        place = self.places[name]
        for job in list(place.queue):
            self.tell(events.JobSeen(job, name))
        if place.running is not None:
            self.tell(events.JobSeen(place.running, name, self.now))
        for job, status in list(place.ended.items()):
            value = self.value(job) if status is RunStatus.SUCCEEDED else None
            self.tell(events.JobEnded(job, name, status, value, why=str(status)))
        for run in [run for runs in self.state.runs.values() for run in runs]:
            is_thought_here = run.status in (RunStatus.QUEUED, RunStatus.RUNNING)
            if is_thought_here and run.cluster == name and not place.has(run.job):
                self.tell(events.JobEnded(run.job, name, RunStatus.LOST, why="vanished"))

    def value(self, job: str) -> float:
        experiment = self.known[job.partition("-r")[0]]
        return 10.0 - int(experiment.expected or 0) / 100 + (hash(job) % 10) / 1000

    def lose(self, name: str) -> None:
        self.places[name] = Place(is_up=False)
        self.show(name)

    def revive(self, name: str) -> None:
        self.places[name].is_up = True
        self.show(name)

    def restart(self) -> None:
        """The engine dies and another one begins: only what is on record is left."""
        self.late.clear()
        self.state.memory = Memory()
        self.tell(events.Started())

    def settle(self) -> None:
        """Let everything go well until nothing changes any more."""
        for _ in range(600):
            self.now += 61.0
            for name in KINDS:
                if not self.places[name].is_up:
                    self.revive(name)
            self.tell(events.Ticked())
            for event in self.late:
                self.tell(event)
            self.late.clear()
            for order in list(self.state.outbox.values()):
                if order.key in self.state.outbox and order.not_before <= self.now:
                    self.carry_out(order, "well")
            for name in KINDS:
                self.start(name)
                self.look(name)
                self.end(name, RunStatus.SUCCEEDED)
                self.look(name)
            if self.is_quiet() or self.state.ending is not None:
                return
        raise AssertionError(f"never comes to rest: {self.state}")

    def is_quiet(self) -> bool:
        live = [r for runs in self.state.runs.values() for r in runs if not r.status.is_final]
        return (
            not live
            and not self.state.outbox
            and not any(
                e.status in (ExperimentStatus.QUEUED, ExperimentStatus.RUNNING)
                for e in self.state.experiments.values()
            )
        )


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

    @rule(seconds=st.sampled_from((0.1, 5.0, 100.0)))
    def pass_time(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.tell(events.Ticked())

    @rule()
    def restart(self) -> None:
        self.world.restart()

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
