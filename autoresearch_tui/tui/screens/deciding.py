"""The acts of the cockpit that change the study: capitals, on what is chosen, asked or undone."""

import os
from collections.abc import Sequence
from typing import cast

from textual import work
from textual.app import App, SuspendNotSupported
from textual.screen import Screen

from autoresearch_tui.code.proposals import proposal_to_object
from autoresearch_tui.control import ACTOR
from autoresearch_tui.domain import (
    ApprovalMode,
    Experiment,
    ExperimentStatus,
    Run,
    StudyStatus,
)
from autoresearch_tui.errors import EditError
from autoresearch_tui.tui.commands import ACTS, DECIDE, bindings
from autoresearch_tui.tui.editing import as_proposal, edited
from autoresearch_tui.tui.operator import Operator, Undo
from autoresearch_tui.tui.screens.clusters import FleetAct
from autoresearch_tui.tui.screens.confirm import ConfirmScreen
from autoresearch_tui.tui.screens.line import LineScreen
from autoresearch_tui.tui.screens.stop import StopScreen
from autoresearch_tui.tui.view import View

_NEXT_MODE = {
    ApprovalMode.AUTO: ApprovalMode.VETO,
    ApprovalMode.VETO: ApprovalMode.MANUAL,
    ApprovalMode.MANUAL: ApprovalMode.AUTO,
}


class DecidingScreen(Screen[str | None]):
    """Turns keys into requests; a screen that looks is built on it."""

    BINDINGS = bindings(DECIDE)

    def __init__(self, operator: Operator) -> None:
        super().__init__()
        self._operator = operator
        self.view = View()

    @property
    def chosen(self) -> Experiment | None:
        """What the operator has chosen, and all acts are about."""
        raise NotImplementedError

    @property
    def marked(self) -> list[Experiment]:
        """What the operator has marked, for acts on several at once."""
        return []

    @property
    def _app(self) -> App[int]:
        return cast(App[int], self.app)  # pyright: ignore[reportUnknownMemberType]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are shown where they work."""
        if action in ACTS and not self._operator.can_act:
            return False
        if action in ("approve", "veto"):
            return bool(self._targets(vetoing=action == "veto")) or None
        if action in ("edit", "priority"):
            return bool(self._targets(vetoing=action == "priority")) or None
        if action in ("pause", "resume"):
            return self._is_alive() and self._is_paused() == (action == "resume")
        if action == "steer":
            return self._is_alive() and bool(self._listening())
        if action in ("approval", "stop"):
            return self._is_alive() or None
        if action == "start_engine":
            return self.view.study is None or self.view.silence(self.view.clock()) is not None
        if action == "cancel_run":
            return self._cancelled() is not None or None
        return True

    def _is_alive(self) -> bool:
        study = self.view.study
        return study is not None and study.status is not StudyStatus.FINISHED

    def _is_paused(self) -> bool:
        study = self.view.study
        return study is not None and study.status is StudyStatus.PAUSED

    def _listening(self) -> str:
        """Who hears words: the models that the engine asks, and agents from outside.

        The optimiser does not; agents come and go, so they are told where nobody else proposes.
        """
        if (study := self.view.study) is None:
            return ""
        names = [name for name in study.researcher.split(", ") if name.startswith("llm")]
        return ", ".join(names) or ("the agents" if study.researcher == "none" else "")

    def _targets(self, *, vetoing: bool) -> list[Experiment]:
        """What A and V act on: those that are marked, else the chosen experiment, and no other."""
        meant = self.marked or [self.chosen]
        open_statuses = [ExperimentStatus.PROPOSED]
        if vetoing:
            open_statuses.append(ExperimentStatus.QUEUED)
        return [
            e for e in meant if e is not None and e.status in open_statuses and not e.is_baseline
        ]

    def _cancelled(self) -> Run | None:
        """The run that X ends."""
        chosen = self.chosen
        runs = self.view.runs_by_experiment.get(chosen.id, ()) if chosen else ()
        return next((r for r in runs if not r.status.is_final), None)

    def action_approve(self) -> None:
        """Let the chosen proposal run, or those that are marked."""
        if targets := self._targets(vetoing=False):
            names: dict[str, object] = {"experiments": [target.id for target in targets]}
            undo = Undo(f"{_named(targets)} waits again", "unapprove", names)
            title = f": {targets[0].title}" if len(targets) == 1 else ""
            self._ask(f"{_named(targets)} approved{title}", "approve", undo, **names)

    @work
    async def _ask(self, done: str, do: str, undo: Undo | None = None, **args: object) -> None:
        """Ask the engine, which may take its time, and keep how to take it back."""
        await self._operator.act(done, do, undo, **args)

    @work
    async def action_undo(self) -> None:
        """Take the last act back, while that is possible."""
        await self._operator.take_back()

    @work
    async def action_veto(self) -> None:
        """Refuse a proposal, or those that are marked, with a reason."""
        targets = self._targets(vetoing=True)
        if not targets:
            return
        title = targets[0].title if len(targets) == 1 else ""
        why = await self._app.push_screen_wait(LineScreen.veto(_named(targets), title))
        if why is not None:
            names = [target.id for target in targets]
            self._ask(f"{_named(targets)} vetoed", "veto", experiments=names, why=why)

    @work(exclusive=True, group="edit")
    async def action_edit(self) -> None:
        """Propose a changed one in place of the chosen proposal."""
        targets = self._targets(vetoing=False)
        if not targets:
            return
        if os.environ.get(ACTOR):
            self.notify("Not over SSH: an editor can open a shell", severity="error")
            return
        target = targets[0]
        try:
            with self._app.suspend():
                proposal = await edited(as_proposal(target))
        except (EditError, SuspendNotSupported) as error:
            self.notify(str(error), severity="error", markup=False)
            return
        if proposal is None:
            self.notify(f"{target.id} stays as it is", markup=False)
        elif await self._operator.ask("Proposed", "propose", **proposal_to_object(proposal)):
            args = {"experiments": [target.id], "why": "another was proposed in its place"}
            await self._operator.ask(f"{target.id} vetoed", "veto", **args)

    def action_priority(self, by: int) -> None:
        """Have it run sooner or later than others that are queued."""
        for target in self._targets(vetoing=True):
            before: dict[str, object] = {"experiment": target.id, "priority": target.priority}
            priority = min(max(target.priority + by, -100), 100)
            undo = Undo(f"{target.id} as before", "priority", before)
            done = f"{target.id}: priority {priority}"
            self._ask(done, "priority", undo, **{**before, "priority": priority})

    @work
    async def action_steer(self) -> None:
        """Tell the researchers something."""
        if not (listening := self._listening()):
            return
        words = await self._app.push_screen_wait(LineScreen.steer(listening))
        if words:
            self._ask(f"Told {listening}", "say", words=words)

    def action_pause(self) -> None:
        """Start no further run."""
        undo = Undo("The study goes on", "resume", {})
        self._ask("Paused: running runs end, no other starts", "pause", undo)

    def action_resume(self) -> None:
        """Go on after a pause."""
        undo = Undo("Paused again", "pause", {})
        self._ask("The study goes on", "resume", undo)

    @work
    async def action_cancel_run(self) -> None:
        """End the chosen experiment's run, once the operator is sure."""
        if (run := self._cancelled()) is None:
            return
        experiment = self.view.by_id.get(run.experiment)
        title = experiment.title if experiment is not None else ""
        if await self._app.push_screen_wait(ConfirmScreen("Cancel", run.id, title)):
            self._ask(f"{run.id} cancelled", "cancel", run=run.id)

    def action_approval(self) -> None:
        """Change who lets proposals run."""
        if self.view.study is not None:
            before = self.view.study.approval
            undo = Undo(f"Approval: {before}", "approval", {"mode": before.value})
            mode = _NEXT_MODE[before]
            self._ask(f"Approval: {mode}", "approval", undo, mode=mode.value)

    @work
    async def action_stop(self) -> None:
        """End the study."""
        how = await self._app.push_screen_wait(StopScreen())
        if how is not None:
            self._ask("The study ends", "stop", now=how == "now")

    def ask_fleet(self, act: FleetAct) -> None:
        """Ask the engine for something about clusters."""
        self._ask(act.done, act.do, None, **act.args)

    @work(exclusive=True, group="engine")
    async def action_start_engine(self) -> None:
        """Start an engine where none runs."""
        self.notify("Starting the engine …")
        await self._operator.start()


def _named(targets: Sequence[Experiment]) -> str:
    if len(targets) == 1:
        return targets[0].id
    return f"{len(targets)} experiments"
