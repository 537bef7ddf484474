"""What a researcher is: somebody who is asked for proposals and makes them at the desk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from autoresearch_tui.domain import (
    CurvePoint,
    Event,
    Experiment,
    Judgement,
    Noise,
    Note,
    Proposal,
)

Think = Callable[[str, str], None]
"""Called with a kind and a piece of reasoning, as it arises.

Kinds are `text` and `table`, whole lines; `thinking` and `says`, pieces that go on where the last
of their kind ended; `call` and `answer`, of a tool; `usage` and `trouble`."""


LONGEST_NOTEPAD = 20_000
"""Characters that the shared notepad may have."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What a researcher is given each time it is asked.

    `files` holds the incumbent's editable files by path. `changed` holds the experiments that are
    new or have changed since its last turn that came to an end, oldest change first; the first turn
    after a start gets all.
    """

    wanted: int
    accelerator: str
    metric: str
    minimize: bool
    incumbent: Experiment
    files: Mapping[str, str]
    changed: Sequence[Experiment]
    noise: Noise


class Library(Protocol):
    """What can be looked up of a study, by whoever may.

    Each method raises `ResearcherError` where there is no such thing; the line says what there is.
    """

    async def experiments(self) -> Sequence[Experiment]:
        """All experiments, in their order."""
        ...

    async def judgements(self, experiment: str) -> Sequence[Judgement]:
        """What the judge has said of an experiment on each accelerator type."""
        ...

    async def files(self, experiment: str) -> Mapping[str, str]:
        """The texts of an experiment's editable files, by path."""
        ...

    async def file(self, experiment: str, path: str) -> str:
        """The text of any file as an experiment has it."""
        ...

    async def diff(self, experiment: str) -> str:
        """What an experiment changes in its parent's files."""
        ...

    async def log(self, experiment: str) -> tuple[str, str]:
        """The id of an experiment's newest run that has any output, and that output."""
        ...

    async def curve(self, experiment: str) -> Sequence[CurvePoint]:
        """The training curve of an experiment's newest run."""
        ...

    async def noise(self) -> Noise:
        """The spread of repeats on the accelerator type of most clusters."""
        ...

    async def notepad(self) -> Note:
        """The notepad that operator and researchers share."""
        ...

    async def told(self, after: int) -> Sequence[Event]:
        """What the operator has said and done since the entry `after` of the record."""
        ...

    async def optimizer(self) -> str:
        """What the optimiser has last said of its constants; empty where it has not."""
        ...

    async def instructions(self) -> str:
        """The research brief as it is now; empty where there is none."""
        ...


class Desk(Protocol):
    """The door to the study for whoever proposes, who is known there under `identity`."""

    @property
    def identity(self) -> str:
        """Who it is, as the engine knows it: the origin of what is proposed."""
        ...

    async def brief(self) -> Brief:
        """How the study stands.

        Raises:
            ResearcherError: there is nothing yet that a proposal could stand on.
        """
        ...

    async def propose(self, proposals: Sequence[Proposal]) -> Sequence[Experiment]:
        """Have proposals taken in, together one wave; the rejected ones say why they are."""
        ...

    @property
    def library(self) -> Library:
        """What can be looked up."""
        ...

    async def cancel(self, experiment: str) -> None:
        """Take back an experiment of one's own that has no verdict yet.

        Raises:
            ResearcherError: it is not one's own, or it is too late.
        """
        ...

    async def repeat(self, experiment: str, runs: int) -> None:
        """Have an experiment measured until it has so many runs.

        Raises:
            ResearcherError: it cannot be.
        """
        ...

    async def write_notepad(self, text: str, version: int) -> int:
        """Write what is to stand in the notepad in place of its `version`; the new one's number.

        Raises:
            ResearcherError: it is too long, or somebody else has written since.
        """
        ...

    async def until_working(self) -> None:
        """Return once the study is not paused."""
        ...

    def think(self, kind: str, text: str) -> None:
        """Let it be read what is thought, from any thread; see `Think`."""
        ...

    def spend(self, tokens_in: int, tokens_out: int, cost: float) -> None:
        """Put on record what this turn has cost further; `cost` in dollars."""
        ...


class Researcher(Protocol):
    """Proposes experiments. No call blocks the event loop; cancelling a call is safe."""

    @property
    def name(self) -> str:
        """Short name, which the desk knows it by; no two researchers of a study share one."""
        ...

    @property
    def listens(self) -> bool:
        """Whether it is to be asked when the operator speaks or the best changes, though enough is
        ready."""
        ...

    async def turn(self, desk: Desk) -> None:
        """Propose as many as the desk's brief says are wanted; fewer when there are no more.

        Raises:
            ExhaustedError: there is nothing more to try.
            ResearcherError: it cannot propose now; the engine asks again later.
        """
        ...

    async def close(self) -> None:
        """Give up what it holds."""
        ...
