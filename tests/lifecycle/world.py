"""Clusters as they really are, and the heart's state as a database would keep it."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from zlib import crc32

from autoresearch_tui.config import Settings
from autoresearch_tui.domain import (
    AGAIN,
    ApprovalMode,
    ClusterStatus,
    Experiment,
    ExperimentStatus,
    Run,
    RunStatus,
    Study,
    StudyStatus,
)
from autoresearch_tui.errors import ControlError
from autoresearch_tui.lifecycle import State, events, handle
from autoresearch_tui.lifecycle.events import Answer, Event
from autoresearch_tui.lifecycle.state import Memory
from autoresearch_tui.outbox import Do, Instruction

KINDS = {"a": "H100", "b": "H100", "c": "H200"}
BASELINE_RUNS = 2


@dataclass
class Place:
    """A cluster as it really is."""

    queue: list[str] = field(default_factory=list)
    running: str | None = None
    ended: dict[str, RunStatus] = field(default_factory=dict)
    is_up: bool = True
    sleeps: bool = False
    drains: bool = False

    @property
    def status(self) -> ClusterStatus:
        if self.is_up:
            return ClusterStatus.DRAINING if self.drains else ClusterStatus.UP
        return ClusterStatus.STOPPED if self.sleeps else ClusterStatus.GONE

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
        status = self.places[name].status
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
        elif order.do is Do.WAKE:
            self._wake(order, answer)
        elif answer == "lost before":
            self.tell(self._no_answer(order))
        else:
            self._reach(order, answer)

    def _no_answer(self, order: Instruction) -> Event:
        if order.do is Do.SUBMIT:
            run = self.state_run(order)
            return events.Submitted(run.job, order.target, Answer.UNKNOWN, "no answer")
        return events.Failed(order.key, "no answer")

    def _wake(self, order: Instruction, answer: str) -> None:
        if answer in ("lost before", "refused"):
            self.tell(events.Failed(order.key, "no answer"))
            return
        self.tell(events.Done(order.key))
        assert self.places[order.target].sleeps, "only what sleeps is woken"
        self.revive(order.target)

    def _rebase(self, order: Instruction, answer: str) -> None:
        if answer == "lost before":
            self.tell(events.Failed(order.key, "git"))
        elif answer == "refused":
            self.tell(events.Unfit(order.subject, "does not apply"))
        else:
            commit = f"{order.subject} on {order.target}"
            facts = {"parent": order.target, "commit": commit}
            self.tell(events.Rebased(order.subject, order.target, facts))

    def state_run(self, order: Instruction) -> Run:
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
            if answer == "refused" or place.status is not ClusterStatus.UP:
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
        return 10.0 - int(experiment.expected or 0) / 100 + (crc32(job.encode()) % 10) / 1000

    def lose(self, name: str) -> None:
        self.places[name] = Place(is_up=False)
        self.show(name)

    def revive(self, name: str) -> None:
        place = self.places[name]
        place.is_up, place.sleeps, place.drains = True, False, False
        self.show(name)

    def drain(self, name: str) -> None:
        self.places[name].drains = True
        self.show(name)

    def sleep(self, name: str) -> None:
        """It goes down by itself, having nothing to do."""
        place = self.places[name]
        if place.is_up and not place.queue and place.running is None:
            place.is_up, place.sleeps = False, True
            self.show(name)

    def restart(self) -> None:
        """The engine dies and another one begins: only what is on record is left."""
        self.late.clear()
        self.state.memory, self.state.ending = Memory(), None
        self.tell(events.Started())

    def change_task(self) -> None:
        """The engine begins again, and its runs execute something else."""
        self.late.clear()
        self.state.memory, self.state.ending = Memory(), None
        baseline = self._fresh("base", None)
        best = {kind: self.known[name] for kind, name in self.state.incumbents.items()}
        again = [
            replace(
                self._fresh("again", baseline.id),
                expected=each.expected,
                pinned=kind,
                priority=100,
            )
            for kind, each in best.items()
            if not each.is_baseline
        ]
        self.tell(events.TaskChanged(f"task {self.number}", "changed", baseline, tuple(again)))
        self.tell(events.Started())

    def _fresh(self, commit: str, parent: str | None) -> Experiment:
        self.number += 1
        name, status = f"e{self.number:04}", ExperimentStatus.PROPOSED
        made = Experiment(name, self.number, 1, status, commit, "", AGAIN, self.now)
        wanted = BASELINE_RUNS if parent is None else 1
        commit = commit if parent is None else f"{name} {commit}"
        return replace(made, parent=parent, commit=commit, runs_wanted=wanted)

    def settle(self) -> None:
        """Let everything go well until nothing changes any more."""
        for _ in range(600):
            self.now += 61.0
            for name in KINDS:
                place = self.places[name]
                # What sleeps is woken where it is needed, by the heart's own order.
                if place.drains or (not place.is_up and not place.sleeps):
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
