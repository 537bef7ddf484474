"""What can be looked up of a study by whoever proposes; all of it away from the event loop."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from autoresearch_tui.domain import CurvePoint, Event, Experiment, Judgement, Noise, Note
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.errors import ResearcherError
from autoresearch_tui.store import Reader

T = TypeVar("T")

_TOLD = ("operator.said", "experiment.vetoed", "notepad.written", "approval")

_MOST_LOG = 1_000_000
"""Bytes of a run's output that are looked at, from its end."""


class StudyLibrary:
    """Reads the database, the commits and the logs of an engine's study."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def experiments(self) -> Sequence[Experiment]:
        """All experiments, in their order."""
        return await self._read(lambda reader: reader.experiments())

    async def judgements(self, experiment: str) -> Sequence[Judgement]:
        """What the judge has said of an experiment on each accelerator type."""
        self._known(experiment)
        return await self._read(lambda reader: reader.judgements(experiment))

    async def files(self, experiment: str) -> Mapping[str, str]:
        """The texts of an experiment's editable files, by path."""
        workspace = self._engine.workspace
        commit = _commit(self._known(experiment))
        return await self._engine.offload(workspace.read_files, commit, workspace.editable)

    async def file(self, experiment: str, path: str) -> str:
        """The text of any file as an experiment has it."""
        found = self._known(experiment)
        texts = await self._engine.offload(
            self._engine.workspace.read_files, _commit(found), [path]
        )
        return texts[path]

    async def diff(self, experiment: str) -> str:
        """What an experiment changes in its parent's files."""
        found = self._known(experiment)
        parent = self._engine.store.experiment(found.parent) if found.parent else None
        before = (parent.commit if parent else None) or self._engine.workspace.base_commit
        return await self._engine.offload(self._engine.workspace.diff, before, _commit(found))

    async def log(self, experiment: str) -> tuple[str, str]:
        """The id of an experiment's newest run that has any output, and that output."""
        self._known(experiment)
        runs = await self._read(lambda reader: reader.runs_of(experiment))
        for run in reversed(runs):
            path = self._engine.paths.run_log(run.id)
            text = await self._engine.offload(_tail_of, path)
            if text:
                return run.id, text
        raise ResearcherError(f"{experiment}: no run of it has any output yet")

    async def curve(self, experiment: str) -> Sequence[CurvePoint]:
        """The training curve of an experiment's newest run."""
        self._known(experiment)

        def curve(reader: Reader) -> Sequence[CurvePoint]:
            curves = (reader.curve(run.id) for run in reversed(reader.runs_of(experiment)))
            return next((points for points in curves if points), ())

        return await self._read(curve)

    async def noise(self) -> Noise:
        """The spread of repeats on the accelerator type of most clusters."""
        return self._engine.noise()

    async def notepad(self) -> Note:
        """The notepad that operator and researchers share."""
        return self._engine.store.notepad()

    async def told(self, after: int) -> Sequence[Event]:
        """What the operator has said and done since the entry `after` of the record."""
        return await self._read(lambda reader: reader.events_of(_TOLD, after, 40))

    async def optimizer(self) -> str:
        """What the optimiser has last said of its constants; empty where it has not."""
        return await self._read(lambda reader: reader.newest_thought("optimizer", "table"))

    async def instructions(self) -> str:
        """The research brief as it is now; empty where there is none."""
        path = self._engine.paths.root / self._engine.settings.study.instructions
        return await self._engine.offload(_text_of, path)

    def _known(self, experiment: str) -> Experiment:
        found = self._engine.store.experiment(experiment)
        if found is None:
            raise ResearcherError(f"{experiment}: there is no such experiment")
        return found

    async def _read(self, ask: Callable[[Reader], T]) -> T:
        def read() -> T:
            with self._engine.reader() as reader:
                return ask(reader)

        return await self._engine.offload(read)


def _commit(experiment: Experiment) -> str:
    if experiment.commit is None:
        raise ResearcherError(f"{experiment.id}: was {experiment.status} and has no files")
    return experiment.commit


def _tail_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _MOST_LOG, 0))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
