"""What the engine's loops share."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from autoresearch_tui.backends.base import Backend
from autoresearch_tui.backends.task import Task
from autoresearch_tui.config import Settings
from autoresearch_tui.domain import Experiment, ExperimentStatus, Noise, Run, StudyStatus
from autoresearch_tui.engine.signal import Signal
from autoresearch_tui.judge.noise import pooled_noise
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.researchers.base import Researcher
from autoresearch_tui.store import Writer
from autoresearch_tui.workspace import Workspace


@dataclass(slots=True)
class Context:
    """The rooms of one study, and the signals between the loops.

    `changed` is set after each change that another loop may act on; `ended` when the engine is to
    go, with `end_reason` and `exit_code` filled in. While queued experiments are put onto a new
    incumbent, `moving_to` is its id.
    """

    paths: StudyPaths
    settings: Settings
    store: Writer
    workspace: Workspace
    task: Task
    backend: Backend
    researcher: Researcher | None
    accelerator: str
    clock: Callable[[], float] = time.time
    changed: Signal = field(default_factory=Signal)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    end_reason: str = ""
    exit_code: int = 0
    moving_to: str | None = None

    @property
    def profile(self) -> str:
        """Which of a file's `by_profile` literals is live on these clusters."""
        return "cpu" if self.accelerator == "CPU" else "gpu"

    def finish(self, reason: str, exit_code: int = 0) -> None:
        """End the engine; the first reason counts."""
        if not self.ended.is_set():
            self.end_reason, self.exit_code = reason, exit_code
            self.ended.set()

    def is_working(self) -> bool:
        """Whether new runs may start."""
        return self.store.study().status is StudyStatus.RUNNING

    def incumbent(self) -> Experiment | None:
        """The best experiment so far."""
        return self.store.best(self.accelerator)

    def baseline(self) -> Experiment:
        """The newest unchanged starting point."""
        baselines = [e for e in self.store.experiments_without_parent() if e.is_baseline]
        return baselines[-1]

    def parent(self, experiment: str | None) -> Experiment:
        """The experiment of this id, or the incumbent, or before there is one the baseline."""
        if experiment is not None and (found := self.store.experiment(experiment)):
            return found
        return self.incumbent() or self.baseline()

    def noise(self) -> Noise:
        """The spread of repeated experiments on the accelerator type of this study."""
        return pooled_noise(self.store.repeated_values(self.accelerator))

    def waiting(self) -> list[Experiment]:
        """Approved experiments that may want runs, the most urgent first."""
        statuses = (ExperimentStatus.QUEUED, ExperimentStatus.RUNNING)
        found = [e for e in self.store.experiments(statuses) if not self.is_moving(e)]
        return sorted(found, key=lambda e: (not e.is_baseline, -e.priority, e.number))

    def is_moving(self, experiment: Experiment) -> bool:
        """Whether its commit is about to be replaced by one on the new incumbent."""
        if self.moving_to is None or experiment.status is not ExperimentStatus.QUEUED:
            return False
        return not experiment.is_baseline and experiment.parent != self.moving_to


def counts(run: Run) -> bool:
    """Whether a run counts among those that its experiment wanted."""
    return run.status not in UNCOUNTED


UNCOUNTED = frozenset({"cancelled", "lost"})
