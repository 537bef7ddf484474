"""What a researcher is: somebody who is asked for proposals and makes them at the desk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from autoresearch_tui.domain import Experiment, Noise, Proposal

Think = Callable[[str, str], None]
"""Called with a kind (`text`, `state`, `table`) and a piece of reasoning, as it arises."""


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
