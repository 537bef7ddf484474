"""Looks at proposals: whether they can be run, and the commits that they make."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autoresearch_tui.code.constants import all_constants
from autoresearch_tui.code.edits import check_proposal, count_changes, digest, still_to_make
from autoresearch_tui.domain import Edit, Experiment, ExperimentStatus, Proposal, Scalar
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.lineage import combination, left_behind
from autoresearch_tui.errors import EditError
from autoresearch_tui.lifecycle.events import Admitted, Done, Event, Rebased, Unfit
from autoresearch_tui.outbox import Instruction


@dataclass(frozen=True, slots=True)
class Change:
    """What a proposal makes of its parent's files."""

    files: Mapping[str, str]
    digest: str
    constants: Mapping[str, Scalar]
    added: int
    removed: int


class Admission:
    """The way of a proposal from whoever made it to the heart."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Numbers, commits and the search for duplicates belong together.
        self._lock = asyncio.Lock()
        # One rebase waits for it at a time, so that a new proposal is never behind all of them.
        self._rebasing = asyncio.Lock()

    async def admit(
        self,
        proposals: Sequence[Proposal],
        actor: str,
        *,
        origin: str = "",
        turn: int | None = None,
    ) -> list[Experiment]:
        """Validate proposals, one wave, and record each, those that cannot be run as rejected."""
        found: list[Experiment] = []
        for proposal in proposals:
            wave = found[0].wave if found else None
            found.append(await self._admit(proposal, wave, actor, origin or actor, turn))
        return found

    async def _admit(
        self, proposal: Proposal, wave: int | None, actor: str, origin: str, turn: int | None
    ) -> Experiment:
        engine, store = self._engine, self._engine.store
        # Held for one at a time, so that nobody waits for a thousand others.
        async with self._lock:
            number = store.next_number()
            named = store.experiment(proposal.parent) if proposal.parent is not None else None
            parent = named or engine.parent(proposal.accelerator)
            experiment = Experiment(
                id=f"e{number:04}",
                number=number,
                wave=wave if wave is not None else store.next_wave(),
                status=ExperimentStatus.PROPOSED,
                title=proposal.title,
                hypothesis=proposal.hypothesis,
                origin=origin,
                turn=turn,
                created_at=engine.clock(),
                edits=proposal.edits,
                parent=parent.id if parent is not None else None,
                expected=proposal.expected,
                priority=proposal.priority,
                pinned=proposal.accelerator,
            )
            try:
                if proposal.parent is not None and named is None:
                    raise EditError(f"parent {proposal.parent}: there is no such experiment")
                if parent is None:
                    raise EditError("there is no baseline yet to stand on")
                self._check_accelerator(proposal.accelerator)
                facts = await self._apply(experiment, parent)
                experiment = replace(experiment, **facts)
            except EditError as error:
                status = ExperimentStatus.REJECTED
                experiment = replace(experiment, status=status, why=str(error))
            engine.tell(Admitted(experiment, actor, follows=proposal.parent is None))
        return store.experiment(experiment.id) or experiment

    def _check_accelerator(self, accelerator: str | None) -> None:
        known = {each.accelerator for each in self._engine.state.clusters.values()} - {None}
        if accelerator is not None and accelerator not in known:
            there = ", ".join(sorted(map(str, known))) or "none yet"
            raise EditError(f"accelerator {accelerator}: there is none; there are: {there}")

    async def rebase(self, order: Instruction) -> Event:
        """Put the edits of an experiment onto another parent."""
        store = self._engine.store
        async with self._rebasing, self._lock:
            experiment = store.experiment(order.subject)
            parent = store.experiment(order.target)
            if experiment is None or parent is None:
                return Done(order.key)
            try:
                facts = await self._apply(experiment, parent, is_rebase=True)
            except EditError as error:
                return Unfit(experiment.id, f"superseded by {parent.id}: {error}")
            return Rebased(experiment.id, parent.id, facts)

    async def combine(self, order: Instruction) -> Event:
        """Propose what would have an experiment and all that it was kept without."""
        experiment = self._engine.store.experiment(order.subject)
        if experiment is None:
            return Done(order.key)
        left = await self._engine.offload(self._left_behind, experiment)
        proposal = combination(experiment, left) if left else None
        if proposal is not None:
            await self.admit([proposal], "engine", origin="combine")
        return Done(order.key)

    def _left_behind(self, experiment: Experiment) -> list[Experiment]:
        with self._engine.reader() as reader:
            return left_behind(reader, experiment)

    async def _apply(
        self, experiment: Experiment, parent: Experiment, *, is_rebase: bool = False
    ) -> dict[str, Any]:
        """The fields of an experiment once its edits stand on `parent`; makes its commit."""
        engine = self._engine
        if parent.commit is None:
            raise EditError(
                f"parent {parent.id}: it was {parent.status} and has no files; choose another"
            )
        change = await engine.offload(self._change, parent.commit, experiment.edits, is_rebase)
        self._check_new(experiment, change.digest)
        commit = await engine.offload(
            engine.workspace.commit_experiment,
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

    def _check_new(self, experiment: Experiment, digest: str) -> None:
        """Refuse files that are tried already, unless on another accelerator type, to confirm."""
        for twin in self._engine.store.experiments_by_digest(digest):
            if twin.id != experiment.id and not self._is_elsewhere(twin, experiment.pinned):
                raise EditError(
                    f"the same files as {twin.id} ({_result(twin)}); try something else"
                )

    def _is_elsewhere(self, twin: Experiment, accelerator: str | None) -> bool:
        # The unchanged files run on each type by themselves.
        if accelerator is None or twin.is_baseline:
            return False
        runs = self._engine.state.runs.get(twin.id, ())
        places = (twin.accelerator, twin.pinned, *(run.accelerator for run in runs if run.counts))
        return next((place for place in places if place), accelerator) != accelerator

    def _change(self, commit: str, edits: tuple[Edit, ...], is_rebase: bool) -> Change:
        engine = self._engine
        workspace, profile = engine.workspace, engine.profile
        before = workspace.read_files(commit, workspace.editable)
        if is_rebase:
            edits = still_to_make(before, edits, profile=profile)
        proposal = Proposal("", "", edits)
        protected = engine.settings.study.protected
        after = check_proposal(proposal, before, protected=protected, profile=profile)
        added, removed = count_changes(before, after)
        return Change(after, digest(after), all_constants(after, profile), added, removed)


def _result(experiment: Experiment) -> str:
    if experiment.value is not None:
        return f"{experiment.verdict}, {experiment.value:.6f}"
    return str(experiment.verdict or experiment.status)
