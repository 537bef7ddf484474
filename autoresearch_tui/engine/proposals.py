"""Takes proposals in, lets them through or not, and moves them when the incumbent moves."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoresearch_tui.code.constants import all_constants
from autoresearch_tui.code.edits import check_proposal, count_changes, digest
from autoresearch_tui.domain import (
    ApprovalMode,
    Edit,
    Experiment,
    ExperimentStatus,
    Proposal,
    Scalar,
    StudyStatus,
)
from autoresearch_tui.engine.context import Context
from autoresearch_tui.errors import ControlError, EditError

OPEN = (ExperimentStatus.PROPOSED, ExperimentStatus.QUEUED)


@dataclass(frozen=True, slots=True)
class Change:
    """What a proposal makes of its parent's files."""

    files: Mapping[str, str]
    digest: str
    constants: Mapping[str, Scalar]
    added: int
    removed: int


class Proposals:
    """The way of a proposal from a researcher to the queue."""

    def __init__(self, context: Context) -> None:
        self._context = context
        # Numbers, commits and the search for duplicates belong together.
        self._lock = asyncio.Lock()

    async def admit(self, proposals: Sequence[Proposal], wave: int, actor: str) -> list[Experiment]:
        """Validate proposals and record each, those that cannot be run as rejected."""
        return [await self._admit(proposal, wave, actor) for proposal in proposals]

    async def _admit(self, proposal: Proposal, wave: int, actor: str) -> Experiment:
        async with self._lock:
            store = self._context.store
            parent = self._context.parent(proposal.parent)
            number = store.next_number()
            experiment = Experiment(
                id=f"e{number:04}",
                number=number,
                wave=wave,
                status=ExperimentStatus.PROPOSED,
                title=proposal.title,
                hypothesis=proposal.hypothesis,
                origin=proposal.origin,
                created_at=self._context.clock(),
                edits=proposal.edits,
                parent=parent.id,
                expected=proposal.expected,
                priority=proposal.priority,
            )
            try:
                if proposal.parent is not None and parent.id != proposal.parent:
                    raise EditError(f"parent {proposal.parent}: there is no such experiment")
                changes = await self._apply(experiment, parent)
            except EditError as error:
                return self._reject(experiment, str(error), actor)
            self._accept(experiment, changes, actor)
        self._context.changed.set()
        return store.experiment(experiment.id) or experiment

    def _reject(self, experiment: Experiment, why: str, actor: str) -> Experiment:
        store = self._context.store
        with store.transaction():
            store.add_experiment(experiment, actor)
            store.change_experiment(
                experiment.id, ExperimentStatus.REJECTED, actor=actor, text=why, why=why
            )
        self._context.changed.set()
        return store.experiment(experiment.id) or experiment

    def _accept(self, experiment: Experiment, changes: Mapping[str, Any], actor: str) -> None:
        store = self._context.store
        mode = store.study().approval
        seconds = self._context.settings.approval.countdown_seconds
        approve_at = self._context.clock() + seconds if mode is ApprovalMode.VETO else None
        with store.transaction():
            store.add_experiment(experiment, actor)
            store.change_experiment(experiment.id, approve_at=approve_at, **changes)
            if mode is ApprovalMode.AUTO:
                store.change_experiment(
                    experiment.id, ExperimentStatus.QUEUED, text=experiment.title
                )

    async def _apply(self, experiment: Experiment, parent: Experiment) -> dict[str, Any]:
        """The columns of an experiment once its edits stand on `parent`; makes its commit."""
        workspace = self._context.workspace
        if parent.commit is None:
            raise EditError(
                f"parent {parent.id}: it was {parent.status} and has no files; choose another"
            )
        change = await asyncio.to_thread(self._change, parent.commit, experiment.edits)
        twin = self._context.store.experiment_by_digest(change.digest)
        if twin is not None and twin.id != experiment.id:
            raise EditError(f"the same files as {twin.id} ({_result(twin)}); try something else")
        commit = await asyncio.to_thread(
            workspace.commit_experiment,
            parent.commit,
            change.files,
            id=experiment.id,
            title=experiment.title,
            hypothesis=experiment.hypothesis,
            origin=experiment.origin,
            parent_id=parent.id,
        )
        return {
            "parent": parent.id,
            "commit": commit,
            "digest": change.digest,
            "constants": change.constants,
            "lines_added": change.added,
            "lines_removed": change.removed,
        }

    def _change(self, commit: str, edits: tuple[Edit, ...]) -> Change:
        context = self._context
        workspace, profile = context.workspace, context.profile
        before = workspace.read_files(commit, workspace.editable)
        proposal = Proposal("", "", edits)
        protected = context.settings.study.protected
        after = check_proposal(proposal, before, protected=protected, profile=profile)
        added, removed = count_changes(before, after)
        return Change(after, digest(after), all_constants(after, profile), added, removed)

    def approve(self, experiments: Sequence[str], actor: str) -> None:
        """Let proposals run.

        Raises:
            ControlError: one is not waiting for approval; nothing is changed then.
        """
        store = self._context.store
        self._check(experiments, (ExperimentStatus.PROPOSED,), "is not waiting for approval")
        with store.transaction():
            for each in experiments:
                store.change_experiment(
                    each, ExperimentStatus.QUEUED, actor=actor, text="approved", approve_at=None
                )
        self._context.changed.set()

    def unapprove(self, experiments: Sequence[str], actor: str) -> None:
        """Let approved proposals wait again, as long as no run of theirs is on its way.

        Raises:
            ControlError: one is not queued, or has been submitted; nothing is changed then.
        """
        store = self._context.store
        self._check(experiments, (ExperimentStatus.QUEUED,), "cannot wait for approval again")
        for each in experiments:
            if any(not run.status.is_final for run in store.runs_of(each)):
                raise ControlError(f"{each}: is on its way to a cluster already; veto or cancel it")
        with store.transaction():
            for each in experiments:
                store.change_experiment(
                    each, ExperimentStatus.PROPOSED, actor=actor, text="approval taken back"
                )
        self._context.changed.set()

    def veto(self, experiments: Sequence[str], why: str, actor: str) -> None:
        """Refuse proposals; the researcher is told `why`.

        Raises:
            ControlError: one is neither waiting nor queued; nothing is changed then.
        """
        store = self._context.store
        self._check(experiments, OPEN, "can no longer be vetoed")
        with store.transaction():
            for each in experiments:
                store.change_experiment(
                    each, ExperimentStatus.VETOED, actor=actor, text=why, why=why, approve_at=None
                )
        self._context.changed.set()

    def _check(
        self, experiments: Sequence[str], statuses: Sequence[ExperimentStatus], problem: str
    ) -> None:
        for each in experiments:
            found = self._context.store.experiment(each)
            if found is None:
                raise ControlError(f"{each}: there is no such experiment")
            if found.status not in statuses or found.is_baseline or found.verdict is not None:
                what = "is the baseline" if found.is_baseline else f"is {found.status}"
                raise ControlError(f"{each}: {problem}; it {what}")

    def set_mode(self, mode: ApprovalMode, actor: str) -> None:
        """Change who lets proposals run; those that wait follow the new rule at once."""
        store = self._context.store
        with store.transaction():
            store.change_study(approval=mode)
            store.record("approval", f"approval mode {mode}", actor=actor)
            deadline = self._context.clock() + self._context.settings.approval.countdown_seconds
            for experiment in store.experiments((ExperimentStatus.PROPOSED,)):
                if mode is ApprovalMode.AUTO:
                    self._let_through(experiment, "approval mode auto")
                else:
                    at = deadline if mode is ApprovalMode.VETO else None
                    store.change_experiment(experiment.id, approve_at=at)
        self._context.changed.set()

    def _let_through(self, experiment: Experiment, text: str) -> None:
        self._context.store.change_experiment(
            experiment.id, ExperimentStatus.QUEUED, text=text, approve_at=None
        )

    async def count_down(self) -> None:
        """Let each proposal through when its countdown ends; never returns."""
        context = self._context
        while True:
            ticket = context.changed.ticket
            now = context.clock()
            waiting = context.store.experiments((ExperimentStatus.PROPOSED,))
            # A paused study decides nothing by itself.
            timed = [e for e in waiting if e.approve_at is not None]
            if context.store.study().status is StudyStatus.RUNNING:
                for experiment in timed:
                    if experiment.approve_at is not None and experiment.approve_at <= now:
                        self._let_through(experiment, "no veto")
                        context.changed.set()
            nearest = min((e.approve_at for e in timed if e.approve_at is not None), default=None)
            delay = 5.0 if nearest is None else min(max(nearest - now, 0.05), 5.0)
            await context.changed.wait(ticket, timeout=delay)

    async def rebase(self, incumbent: Experiment) -> None:
        """Put what has not started yet onto a new incumbent, or give it back as superseded."""
        store = self._context.store
        for found in store.experiments(OPEN):
            # Held for one at a time, so that a new proposal never waits for a thousand old ones.
            async with self._lock:
                experiment = store.experiment(found.id)
                if experiment is None or experiment.status not in OPEN:
                    continue
                if experiment.verdict is not None:
                    # It is measured again, as it is.
                    continue
                if experiment.is_baseline or experiment.parent == incumbent.id:
                    continue
                if any(not run.status.is_final for run in store.runs_of(experiment.id)):
                    continue
                await self._rebase(experiment, incumbent)
        self._context.changed.set()

    async def _rebase(self, experiment: Experiment, incumbent: Experiment) -> None:
        store = self._context.store
        try:
            changes = await self._apply(experiment, incumbent)
        except EditError as error:
            why = f"superseded by {incumbent.id}: {error}"
            changes: dict[str, Any] = {"why": why, "approve_at": None}
            status = ExperimentStatus.SUPERSEDED
        else:
            why, status = f"rebased onto {incumbent.id}", None
        # The operator may have decided on it while its commit was made.
        now = store.experiment(experiment.id)
        if now is not None and now.status in OPEN:
            store.change_experiment(experiment.id, status, text=why, **changes)


def _result(experiment: Experiment) -> str:
    if experiment.value is not None:
        return f"{experiment.verdict}, {experiment.value:.6f}"
    return str(experiment.verdict or experiment.status)
