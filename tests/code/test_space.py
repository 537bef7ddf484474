import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autoresearch_tui.code.space import build_space, check_search
from autoresearch_tui.config import Axis, Search
from autoresearch_tui.errors import ConfigError

TEXT = """
DEPTH = by_profile(cpu=4, gpu=8)
WIDTH = 64
DEVICE_BATCH_SIZE = 128
TOTAL_BATCH_SIZE = 2**19
MATRIX_LR = 0.04
EPS = 1e-10
MOMENTUM = 0.95
WARMDOWN_RATIO = 0.5
WEIGHT_DECAY = 0.0
SOFTCAP = 15.0  # 0 switches it off
USE_GATES = True
WINDOW_PATTERN = "SSSL"
ACTIVATION = "relu"
ADAM_BETAS = (0.8, 0.95)
UNKNOWN_ZERO = 0
STEPS = 100
SEED = 42
EVAL_TOKENS = 1000
DATA_DIR = "x"
TIME_BUDGET = 300
BOS_TOKEN = 3
H100_BF16_PEAK_FLOPS = 989.5e12
"""
FILES = {"train.py": TEXT}


def space(search=Search(), files=FILES, **kwargs):  # noqa: B008
    return {axis.name: axis for axis in build_space(files, search, **kwargs)}


def test_what_is_searched():
    assert list(space()) == [
        "DEPTH",
        "WIDTH",
        "DEVICE_BATCH_SIZE",
        "TOTAL_BATCH_SIZE",
        "MATRIX_LR",
        "EPS",
        "MOMENTUM",
        "WARMDOWN_RATIO",
        "WEIGHT_DECAY",
        "SOFTCAP",
        "USE_GATES",
        "WINDOW_PATTERN",
        "ADAM_BETAS",
        "STEPS",
    ]


def test_levels_fit_names_and_values():
    axes = space()
    assert axes["DEPTH"].levels == tuple(range(1, 9))
    assert axes["WIDTH"].levels == (16, 24, 32, 48, 64, 96, 128, 192, 256)
    assert axes["DEVICE_BATCH_SIZE"].levels == (16, 32, 64, 128, 256, 512)
    assert all(math.log2(level).is_integer() for level in axes["TOTAL_BATCH_SIZE"].levels)
    assert axes["MATRIX_LR"].levels[0] == 0.008
    assert axes["MATRIX_LR"].levels[-1] == 0.2
    assert axes["MATRIX_LR"].scale == "log"
    assert axes["MOMENTUM"].scale == "mirrored"
    assert axes["MOMENTUM"].levels[-1] == 0.99
    assert axes["WARMDOWN_RATIO"].levels[:3] == (0.0, 0.05, 0.1)
    assert axes["WARMDOWN_RATIO"].levels[-1] == 1.0
    assert axes["WEIGHT_DECAY"].levels[0] == 0.0
    assert axes["SOFTCAP"].levels[-1] == 0.0
    assert axes["USE_GATES"].levels == (False, True)
    assert axes["WINDOW_PATTERN"].levels == ("SSSL", "L", "SL", "SSL")
    assert not axes["WINDOW_PATTERN"].ordered
    assert axes["STEPS"].levels[0] == 25


def test_every_level_is_short_and_has_its_place():
    for axis in space().values():
        assert axis.current in axis.levels
        assert axis.positions[0] == 0
        assert axis.positions[-1] == 1
        assert list(axis.positions) == sorted(axis.positions)
        for level, position in zip(axis.levels, axis.positions, strict=True):
            assert axis.nearest(position) == level
            assert axis.position(level) == position
            if isinstance(level, float):
                assert level == float(f"{level:.3g}")


def test_positions_between_and_beyond_levels():
    axis = space()["MATRIX_LR"]
    assert axis.position(1.0) == 1
    assert axis.position(0.001) == 0
    assert axis.position(0.04) < axis.position(0.045) < axis.position(0.05)
    softcap = space()["SOFTCAP"]
    assert softcap.position(70.0) == softcap.position(60.0) < softcap.position(0.0) == 1


def test_the_settings_override():
    search = Search(
        ignore=("EPS",),
        space={
            "ACTIVATION": Axis(choices=("relu", "gelu")),
            "WARMDOWN_RATIO": Axis(low=0.2, high=0.8),
            "MATRIX_LR": Axis(low=0.01, high=0.1, log=False),
            "DEVICE_BATCH_SIZE": Axis(low=32, high=256),
            "DEPTH": Axis(choices=(2, 4, 12)),
            "WEIGHT_DECAY": Axis(low=0.001, high=0.1, log=True),
            "STEPS": Axis(high=500),
            "UNKNOWN_ZERO": Axis(low=0, high=3),
            "SEED": Axis(choices=(1, 2)),
        },
    )
    axes = space(search)
    assert "EPS" not in axes
    assert axes["ACTIVATION"].levels == ("relu", "gelu")
    assert axes["WARMDOWN_RATIO"].levels[0] == 0.2
    assert axes["WARMDOWN_RATIO"].levels[-1] == 0.8
    assert axes["MATRIX_LR"].scale == "linear"
    assert axes["DEVICE_BATCH_SIZE"].levels == (32, 64, 128, 256)
    assert axes["DEPTH"].levels == (2, 4, 12)
    # The current value stands in its axis even where the settings leave it out.
    assert axes["WEIGHT_DECAY"].levels[:2] == (0.0, 0.001)
    assert axes["STEPS"].levels[-1] == 500
    assert axes["UNKNOWN_ZERO"].levels == (0, 1, 2, 3)
    assert axes["SEED"].levels == (1, 2, 42)
    assert list(space(Search(only=("DEPTH", "SEED")))) == ["DEPTH", "SEED"]


def test_a_moved_incumbent_widens_its_axis():
    moved = {"train.py": TEXT.replace("cpu=4", "cpu=8")}
    assert space(files=moved, baseline={"DEPTH": 4})["DEPTH"].levels == tuple(range(1, 17))


def test_names_of_two_files():
    files = {"a.py": "DEPTH = 4\n", "b.py": "DEPTH = 6\n"}
    axes = build_space(files, Search())
    assert [(axis.key, axis.file) for axis in axes] == [
        ("a.py:DEPTH", "a.py"),
        ("b.py:DEPTH", "b.py"),
    ]


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (Search(ignore=("NO",)), "^search.ignore: no constant 'NO'; the constants are: DEPTH"),
        (Search(only=("NO",)), "^search.only: no constant 'NO'"),
        (Search(space={"NO": Axis()}), "^search.space.NO: no constant"),
        (Search(space={"DEPTH": Axis(choices=(1, 2.5))}), "^search.space.DEPTH: choices: 2.5"),
        (Search(space={"USE_GATES": Axis(choices=(0, 1))}), "choices: 0 does not fit USE_GATES"),
        (Search(space={"ACTIVATION": Axis(low=1)}), "has no low and high; give choices"),
        (Search(space={"DEPTH": Axis(low=5, high=2)}), "low 5 must be below high 2"),
        (Search(space={"EPS": Axis(low=0, log=True)}), "low 0 must be above 0 on a log scale"),
    ],
)
def test_settings_that_do_not_fit(search, message):
    with pytest.raises(ConfigError, match=message):
        check_search(search, FILES)


def test_settings_that_fit():
    check_search(Search(space={"ADAM_BETAS": Axis(choices=("(0.9, 0.9)", "(0.8, 0.9)"))}), FILES)


VALUES = st.one_of(
    st.integers(-1000, 10**6),
    st.floats(-1e6, 1e6, allow_nan=False),
    st.booleans(),
    st.sampled_from(["plain", "SSSL"]),
)


@settings(max_examples=400, deadline=None)
@example(name="BETA", now=0, before=5e-324)
@example(name="BETA", now=0, before=-5e-324)
@example(name="LR", now=5e-324, before=0.1)
@given(
    name=st.sampled_from(
        ["BETA", "ADAM_BETA1", "LR", "WIDTH", "DROPOUT", "SOFTCAP", "WARMDOWN_RATIO", "N", "X"]
    ),
    now=VALUES,
    before=VALUES,
)
def test_any_value_of_a_constant_has_its_place(name: str, now: object, before: object):
    for axis in build_space({"a.py": f"{name} = {now!r}\n"}, Search(), "cpu", {name: before}):  # type: ignore[dict-item]
        assert all(0 <= place <= 1 for place in axis.positions)
        assert 0 <= axis.position(axis.current) <= 1
        assert axis.current in axis.levels
