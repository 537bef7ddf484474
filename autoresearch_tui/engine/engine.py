"""The engine: tells the heart what happens, puts what follows on record, and rings a bell."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec, Protocol, TypeVar

from autoresearch_tui.backends.base import Backend
from autoresearch_tui.backends.task import Task
from autoresearch_tui.config import Settings
from autoresearch_tui.domain import Experiment, Noise, Run, StudyStatus
from autoresearch_tui.engine.bell import Bell
from autoresearch_tui.errors import AutoresearchError, ControlError
from autoresearch_tui.judge.noise import pooled_noise
from autoresearch_tui.lifecycle import State, handle
from autoresearch_tui.lifecycle.events import Event
from autoresearch_tui.lifecycle.state import leading_accelerator
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.researchers.base import Researcher
from autoresearch_tui.store import Reader, Writer, open_reader
from autoresearch_tui.workspace import Repository

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Offload(Protocol):
    """Calls a function that blocks, away from the event loop."""

    async def __call__(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of the call."""
        ...


@dataclass(slots=True)
class Engine:
    """One study with all that it is made of. `tell` is the only way to change it.

    `changed` rings after each change, `words` counts what the operator has said; `ended` is set
    when the engine is to go, which `state.ending` explains.
    """

    paths: StudyPaths
    settings: Settings
    store: Writer
    workspace: Repository
    task: Task
    backend: Backend
    researchers: Sequence[Researcher]
    state: State
    clock: Callable[[], float]
    offload: Offload = asyncio.to_thread
    changed: Bell = field(default_factory=Bell)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    words: int = 0

    def reader(self) -> Reader:
        """A connection for a thread, which must not use that of the event loop."""
        return open_reader(self.paths.database)

    def tell(self, event: Event) -> None:
        """Let the heart decide what follows from an event, and put it on record.

        Raises:
            ControlError: an operator asked for what is not possible.
        """
        try:
            draft = handle(self.state, event, self.clock())
        except AutoresearchError:
            raise
        except Exception as error:
            # A defect costs this one event, which most often comes again; never the night.
            log.exception("not understood: %r", event)
            text = f"{type(error).__name__}: {error}, at {event!r}"
            self.store.record("defect", f"{text[:500]}; see engine.log")
            return
        self.store.apply(draft)
        self.state.commit(draft)
        if self.state.ending is not None:
            self.ended.set()
        self.changed.set()

    def write_notepad(self, text: str, actor: str, based_on: int) -> int:
        """Put a new version of the notepad on record; its number.

        Raises:
            ControlError: somebody else has written since the version `based_on`.
        """
        present = self.store.notepad()
        if present.version != based_on:
            raise ControlError(
                f"the notepad is at version {present.version}, of {present.actor}, and what was to "
                f"be changed is version {based_on}; read it again"
            )
        version = self.store.add_note(actor, text)
        self.store.record("notepad.written", f"version {version}", actor=actor)
        self.changed.set()
        return version

    def run(self, name: str) -> Run | None:
        """A run that is alive."""
        runs = self.state.runs.get(name.partition("-r")[0], ())
        return next((run for run in runs if run.id == name), None)

    def run_of(self, job: str) -> Run | None:
        """The run that is alive whose newest attempt a job is."""
        run = self.run(job.partition(".")[0])
        return run if run is not None and run.job == job else None

    @property
    def is_working(self) -> bool:
        """Whether new runs may start."""
        state = self.state
        is_ending = state.ending is not None or state.memory.leaving is not None
        return state.study.status is StudyStatus.RUNNING and not is_ending

    @property
    def leading(self) -> str | None:
        """The accelerator type of most clusters."""
        return leading_accelerator(list(self.state.clusters.values()), list(self.state.incumbents))

    @property
    def profile(self) -> str:
        """Which of a file's `by_profile` literals is live on these clusters."""
        return "cpu" if self.leading in ("CPU", None) else "gpu"

    def incumbent(self, accelerator: str | None = None) -> Experiment | None:
        """The best experiment so far, on an accelerator type or on that of most clusters."""
        kind = accelerator if accelerator is not None else self.leading
        name = self.state.incumbents.get(kind) if kind is not None else None
        return self.state.experiments.get(name) if name is not None else None

    def baseline(self) -> Experiment | None:
        """The newest unchanged starting point."""
        return next((e for e in reversed(self.state.experiments.values()) if e.is_baseline), None)

    def parent(self, pinned: str | None = None) -> Experiment | None:
        """What a proposal stands on that names nothing else."""
        return self.incumbent(pinned) or self.incumbent() or self.baseline()

    def noise(self) -> Noise:
        """The spread of repeated experiments on the accelerator type of most clusters."""
        return pooled_noise(self.state.repeats.get(self.leading or "", {}).values())
