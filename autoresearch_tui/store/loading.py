"""Reads what the heart has to know of a study: what is alive, and what is compared to."""

from itertools import takewhile

from autoresearch_tui.config import Settings
from autoresearch_tui.domain import Experiment, ExperimentStatus, RunStatus, Verdict
from autoresearch_tui.lifecycle import State
from autoresearch_tui.lifecycle.state import Memory
from autoresearch_tui.store.reader import Reader

_NEWEST = 30


def load_state(store: Reader, settings: Settings) -> State:
    """The state of a study as its database holds it."""
    experiments = {e.id: e for e in _needed(store)}
    incumbents = store.incumbents()
    state = State(
        settings,
        store.study(),
        experiments=experiments,
        runs={name: tuple(runs) for name in experiments if (runs := store.runs_of(name))},
        clusters={cluster.name: cluster for cluster in store.clusters()},
        judgements={
            (each.experiment, each.accelerator): each
            for name in experiments
            for each in store.judgements(name)
        },
        incumbents={each.accelerator: each.experiment for each in incumbents},
        outbox={order.key: order for order in store.outbox()},
        turns={turn.id: turn for turn in store.open_turns()},
        judged=store.judged(),
        memory=_memory(store),
    )
    for accelerator, experiment, values in store.repeated_values():
        state.repeats.setdefault(accelerator, {})[experiment] = tuple(values)
    return state


def _needed(store: Reader) -> list[Experiment]:
    live = [status for status in ExperimentStatus if status.is_live]
    found = {e.id: e for e in store.experiments(live)}
    baselines = [e for e in store.experiments_without_parent() if e.is_baseline]
    unbelieved = store.experiments_of(Verdict.INCONCLUSIVE)
    others = [run.experiment for run in store.runs(_live_runs())]
    others += [each.experiment for each in store.incumbents()]
    named = [e for name in dict.fromkeys(others) if (e := store.experiment(name))]
    found |= {e.id: e for e in (*baselines, *unbelieved, *named)}
    return sorted(found.values(), key=lambda e: e.number)


def _live_runs() -> list[RunStatus]:
    return [status for status in RunStatus if not status.is_final]


def _memory(store: Reader) -> Memory:
    crashes = takewhile(lambda v: v is Verdict.CRASH, store.newest_verdicts(_NEWEST))
    return Memory(crashes=sum(1 for _ in crashes), durations=tuple(store.newest_durations(_NEWEST)))
