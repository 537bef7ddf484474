"""How many experiments are to be held ready, and who is asked for those that are missing."""

import math
import statistics
from collections import deque
from collections.abc import Sequence

from autoresearch_tui.domain import ApprovalMode, ClusterStatus, Experiment, ExperimentStatus
from autoresearch_tui.engine.engine import Engine

_LONGEST_LEAD = 4
_REMEMBERED = 9

_OUT_OF_USE = (ClusterStatus.STOPPED, ClusterStatus.GONE)


class Stock:
    """The experiments that wait for a cluster, and what is promised by researchers that think.

    `free` are those that could be asked: they neither think, nor rest, nor back off.
    """

    def __init__(self, engine: Engine, researchers: Sequence[str]) -> None:
        self._engine = engine
        share = engine.settings.llm.share
        models = sum(map(_is_model, researchers))
        self._shares = {
            name: share / models if _is_model(name) else 1 - share for name in researchers
        }
        self._promised: dict[str, int] = {}
        self.free = set(researchers)
        self._seconds = {
            name: deque(engine.store.turn_seconds(name, _REMEMBERED)[::-1], _REMEMBERED)
            for name in researchers
        }

    def promise(self, researcher: str, wanted: int) -> None:
        """A researcher has begun to think of so many."""
        self._promised[researcher] = wanted
        self.free.discard(researcher)

    def keep(self, researcher: str, seconds: float | None) -> None:
        """A researcher has ended its turn, after so many seconds if it gave something."""
        self._promised.pop(researcher, None)
        if seconds is not None:
            self._seconds[researcher].append(seconds)

    def wanted(self, researcher: str) -> int:
        """How many a researcher that is free is to be asked for now.

        What slower ones have promised is not asked for again, unless clusters have nothing to wait
        for; what is missing is shared out among the free.
        """
        state = self._engine.state
        live = [each for each in state.experiments.values() if each.status.is_live]
        ready = sum(map(self._is_ready, live))
        promised = sum(self._promised.values()) if ready else 0
        wanted = self._target(researcher) - ready - promised
        if (most := state.study.max_experiments) is not None:
            unjudged = sum(each.verdict is None for each in live)
            promised = sum(self._promised.values())
            wanted = min(wanted, most - state.judged - unjudged - promised)
        shares = sum(self._shares[name] for name in self.free | {researcher})
        return math.ceil(wanted * self._shares[researcher] / shares)

    def _target(self, researcher: str) -> int:
        state = self._engine.state
        places = sum(c.status not in _OUT_OF_USE for c in state.clusters.values())
        return state.settings.scheduler.ahead or max(places, 1) * self._lead(researcher)

    def _lead(self, researcher: str) -> int:
        """Rounds of runs that pass while a proposal is thought of and waits to be let through."""
        state = self._engine.state
        mode, durations = state.study.approval, state.memory.durations
        if not durations:
            return 1 if mode is ApprovalMode.AUTO else 2
        usual = max(statistics.median(durations), 1.0)
        thinking = statistics.median(self._seconds[researcher] or (0.0,))
        rounds = 1 + int(thinking / usual)
        if mode is ApprovalMode.MANUAL:
            rounds += 1
        elif mode is ApprovalMode.VETO:
            rounds += math.ceil(state.settings.approval.countdown_seconds / usual)
        return min(rounds, _LONGEST_LEAD)

    def _is_ready(self, experiment: Experiment) -> bool:
        if experiment.status is ExperimentStatus.PROPOSED:
            return True
        runs = self._engine.state.runs.get(experiment.id, ())
        return experiment.status is ExperimentStatus.QUEUED and not any(
            run.counts and run.cluster for run in runs
        )


def _is_model(researcher: str) -> bool:
    return researcher.partition(":")[0] == "llm"
