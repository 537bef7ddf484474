"""What a researcher is: asked for proposals, told what it needs, heard while it thinks."""

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
    new or have changed since the last call, oldest change first; the first call after a start
    gets all.
    """

    wanted: int
    accelerator: str
    metric: str
    minimize: bool
    incumbent: Experiment
    files: Mapping[str, str]
    changed: Sequence[Experiment]
    noise: Noise


class Researcher(Protocol):
    """Proposes experiments. No call blocks the event loop; cancelling a call is safe."""

    @property
    def name(self) -> str:
        """Short name, recorded as the origin of its proposals."""
        ...

    async def propose(self, brief: Brief, think: Think) -> Sequence[Proposal]:
        """Give up to `brief.wanted` proposals; fewer when it has no more.

        Raises:
            ExhaustedError: there is nothing more to try.
            ResearcherError: it cannot propose now; the engine asks again later.
        """
        ...

    async def close(self) -> None:
        """Give up what it holds."""
        ...
