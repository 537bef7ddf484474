"""What is claimed of the best result, on studies whose truth is known."""

import random
from dataclasses import replace

import pytest

from autoresearch_tui.domain import Experiment, ExperimentStatus, Noise, Run, RunStatus, Verdict
from autoresearch_tui.judge import verdict as judge
from autoresearch_tui.judge.claim import (
    Claim,
    dunnett_quantile,
    leaders,
    luck,
    measured,
    verdict_rows,
)
from autoresearch_tui.judge.noise import pooled_noise

RULE = judge.Rule("val_bpb", minimize=True, margin=0.5)
SD = 0.002


def greedy_study(seed: int, tried: int, effect: float = 0.0) -> Claim | None:
    """A study as the engine runs it: four baselines, then one run each, greedily kept.

    One of the experiments is better than all others by `effect`.
    """
    chance = random.Random(seed)
    runs: list[Run] = []

    def measure(experiment: str, truth: float, times: int) -> list[float]:
        values = [chance.gauss(truth, SD) for _ in range(times)]
        for ordinal, value in enumerate(values, 1):
            name = f"{experiment}-r{ordinal}"
            run = Run(name, experiment, ordinal, RunStatus.SUCCEEDED, 1, 0.0, value=value)
            runs.append(replace(run, accelerator="CPU"))
        return values

    first = measure("e0001", 1.0, 4)
    noise, decision = pooled_noise([first]), judge.baseline(first, RULE)
    best = 0
    experiments = [judged(1, decision)]
    for number in range(2, tried + 2):
        truth = 1.0 - (effect if number == tried else 0.0)
        values = measure(f"e{number:04}", truth, 1)
        decision = judge.decide(
            values,
            judge.Incumbent(experiments[best].id, experiments[best].value),
            noise,
            RULE,
            (1, 1),
        )
        experiments.append(judged(number, decision))
        if decision.verdict is Verdict.KEEP:
            best = number - 1
    experiments[best] = replace(experiments[best], is_best=True)
    return claim_of(experiments, runs)


def claim_of(experiments: list[Experiment], runs: list[Run]) -> Claim | None:
    found = leaders(verdict_rows(experiments, []), {"e0001"}, measured(runs), minimize=True)
    return found[0].claim if found else None


def judged(number: int, decision: judge.Decision) -> Experiment:
    return Experiment(
        f"e{number:04}",
        number,
        1,
        ExperimentStatus.JUDGED,
        "a change",
        "",
        "optimizer",
        0.0,
        parent=None if number == 1 else "e0001",
        verdict=decision.verdict,
        value=decision.value,
        gain=decision.gain,
        accelerator="CPU",
    )


def is_claimed(found: Claim | None) -> bool:
    return found is not None and found.beyond_luck is not None


def test_of_twenty_studies_in_which_nothing_matters_one_at_most_claims_a_gain():
    found = [greedy_study(seed, tried=30) for seed in range(20)]
    assert sum(1 for f in found if f is not None and f.gain > 0) >= 19
    assert sum(map(is_claimed, found)) <= 1


@pytest.mark.parametrize("tried", [10, 60, 300])
def test_false_claims_are_as_rare_as_said(tried: int):
    false = sum(is_claimed(greedy_study(seed, tried)) for seed in range(1000, 1600))
    assert 0.02 < false / 600 < 0.08


def test_a_large_gain_is_claimed_and_not_overstated():
    found = [greedy_study(seed, tried=30, effect=0.03) for seed in range(40)]
    claimed = [f for f in found if f is not None and f.beyond_luck is not None]
    assert len(claimed) > 30
    assert sum((f.beyond_luck or 0.0) <= 0.03 for f in claimed) >= len(claimed) - 3


def test_for_one_try_and_a_known_baseline_luck_is_students_quantile():
    # 2.353 is the one-sided 5 % point of t with 3 degrees of freedom.
    assert dunnett_quantile(1, 3, 4) == pytest.approx(2.353 * 1.25**0.5, rel=2e-3)
    assert dunnett_quantile(1, 5000, 10**9) == pytest.approx(1.645, rel=2e-3)


def test_more_repeats_leave_less_to_luck_and_more_tries_leave_more():
    assert (
        luck(Noise(SD, 8, 7), 30, 4) < luck(Noise(SD, 4, 3), 30, 4) < luck(Noise(SD, 4, 3), 60, 4)
    )  # type: ignore[operator]


def test_without_repeats_nothing_is_claimed():
    assert luck(Noise(None, 0), 30, 1) is None
    known = Claim(0.1, 30, None)
    assert known.beyond_luck is None
    assert "may be luck" in known.words


def test_the_baseline_claims_nothing():
    base = judged(1, judge.baseline([1.0, 1.1], RULE))
    assert claim_of([replace(base, is_best=True)], []) is None
