"""What has come of the proposals of each origin: an optimiser, a model, an agent, the operator."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autoresearch_tui.domain import Experiment, ExperimentStatus, Run, Turn, Verdict


@dataclass(frozen=True, slots=True)
class Yield:
    """The experiments of one origin, and what they took.

    `gain` is the sum over those that were kept of what each was better than the best of its time;
    `hours` are hours of clusters, `runs_cost` and `talk_cost` dollars for these and for thinking.
    """

    origin: str
    proposed: int = 0
    rejected: int = 0
    judged: int = 0
    kept: int = 0
    crashed: int = 0
    gain: float = 0.0
    hours: float = 0.0
    runs_cost: float = 0.0
    talk_cost: float = 0.0

    @property
    def keep_rate(self) -> float | None:
        """Of those that were judged."""
        return self.kept / self.judged if self.judged else None

    @property
    def crash_rate(self) -> float | None:
        """Of those that were judged."""
        return self.crashed / self.judged if self.judged else None

    @property
    def gain_an_hour(self) -> float | None:
        """Of a cluster."""
        return self.gain / self.hours if self.hours else None

    @property
    def cost_a_keep(self) -> float | None:
        """In dollars, thinking included."""
        return (self.runs_cost + self.talk_cost) / self.kept if self.kept else None


def yields(
    experiments: Sequence[Experiment], runs: Iterable[Run], turns: Iterable[Turn]
) -> list[Yield]:
    """What has come of each origin, that with the most proposals first; the baseline has none.

    A turn's cost belongs to the researcher, which is the origin of what it proposes.
    """
    origins = {each.id: each.origin for each in experiments if not each.is_baseline}
    proposed: dict[str, list[Experiment]] = {}
    for each in experiments:
        if not each.is_baseline:
            proposed.setdefault(each.origin, []).append(each)
    hours, runs_cost, talk_cost = dict[str, float](), dict[str, float](), dict[str, float]()
    for run in runs:
        origin = origins.get(run.experiment)
        if origin is None:
            continue
        if run.started_at is not None and run.ended_at is not None:
            hours[origin] = hours.get(origin, 0.0) + (run.ended_at - run.started_at) / 3600
        runs_cost[origin] = runs_cost.get(origin, 0.0) + run.cost
    for turn in turns:
        talk_cost[turn.researcher] = talk_cost.get(turn.researcher, 0.0) + turn.cost
    found = [
        _yield(
            origin,
            proposed.get(origin, []),
            hours.get(origin, 0.0),
            runs_cost.get(origin, 0.0),
            talk_cost.get(origin, 0.0),
        )
        for origin in dict.fromkeys([*proposed, *talk_cost])
    ]
    return sorted(found, key=lambda each: -each.proposed)


def _yield(
    origin: str, its: Sequence[Experiment], hours: float, runs_cost: float, talk_cost: float
) -> Yield:
    kept = [each for each in its if each.verdict is Verdict.KEEP]
    return Yield(
        origin,
        proposed=len(its),
        rejected=sum(each.status is ExperimentStatus.REJECTED for each in its),
        judged=sum(each.verdict is not None for each in its),
        kept=len(kept),
        crashed=sum(each.verdict is Verdict.CRASH for each in its),
        gain=sum(max(each.gain or 0.0, 0.0) for each in kept),
        hours=hours,
        runs_cost=runs_cost,
        talk_cost=talk_cost,
    )
