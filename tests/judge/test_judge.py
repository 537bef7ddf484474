"""Noise and verdicts."""

import math
import statistics

import pytest

from autoresearch_tui.domain import Noise, Verdict
from autoresearch_tui.judge import verdict as judge
from autoresearch_tui.judge.noise import pooled_noise

RULE = judge.Rule("val_bpb", minimize=True, margin=0.5)


def incumbent(value: float) -> judge.Incumbent:
    return judge.Incumbent("e0001", value)


def test_noise_of_one_configuration_is_its_standard_deviation():
    values = [1.0, 1.1, 0.9, 1.05]
    noise = pooled_noise([values])
    assert noise.sd == pytest.approx(statistics.stdev(values))
    assert noise.count == 4


def test_noise_pools_by_degrees_of_freedom_and_ignores_differences_of_means():
    noise = pooled_noise([[1.0, 1.2], [5.0, 5.1, 5.2], [9.0]])
    assert noise.sd == pytest.approx(math.sqrt((0.02 + 0.02) / 3))
    assert noise.count == 5


def test_no_repeats_no_noise():
    assert pooled_noise([[1.0], [2.0]]).sd is None


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (0.99, Verdict.KEEP),
        (0.996, Verdict.DISCARD),
        (1.0, Verdict.DISCARD),
        (1.2, Verdict.DISCARD),
    ],
)
def test_keep_needs_a_gain_beyond_the_margin(value: float, verdict: Verdict):
    found = judge.decide([value], incumbent(1.0), Noise(0.01, 4), RULE, (1, 1))
    assert found.verdict is verdict
    assert found.gain == pytest.approx(1.0 - value)
    assert "e0001" in found.why


def test_a_metric_to_be_maximised_is_judged_the_other_way():
    rule = judge.Rule("accuracy", minimize=False, margin=0.5)
    assert judge.decide([1.1], incumbent(1.0), Noise(0.01, 4), rule, (0, 0)).gain == pytest.approx(
        0.1
    )
    assert (
        judge.decide([0.9], incumbent(1.0), Noise(0.01, 4), rule, (0, 0)).verdict is Verdict.DISCARD
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.0], "is not positive"),
        ([-1.0], "is not positive"),
        ([0.3], "less than half"),
        ([0.79], "21 sd better than e0001"),
        ([0.99, 0.0], "is not positive"),
    ],
)
def test_what_is_too_good_is_left_to_the_operator(values: list[float], words: str):
    found = judge.decide(values, incumbent(1.0), Noise(0.01, 4), RULE, (1, 1))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert words in found.why


def test_a_metric_to_maximise_may_be_negative_or_small():
    rule = judge.Rule("loglik", minimize=False, margin=0.5)
    found = judge.decide([-0.2], incumbent(-0.3), Noise(0.01, 4), rule, (1, 1))
    assert found.verdict is Verdict.KEEP


def test_without_noise_any_gain_is_kept():
    found = judge.decide([0.999999], incumbent(1.0), Noise(None, 1), RULE, (1, 0))
    assert found.verdict is Verdict.KEEP


def test_repeats_are_averaged():
    found = judge.decide([0.9, 1.0], incumbent(1.0), Noise(0.01, 4), RULE, (1, 0))
    assert found.value == pytest.approx(0.95)


def test_a_crash_has_no_value():
    found = judge.crash("out of memory")
    assert (found.verdict, found.value, found.gain) == (Verdict.CRASH, None, None)
    assert found.why == "out of memory"
