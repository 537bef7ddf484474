import pytest

from autoresearch_tui.code.constants import (
    all_constants,
    find_constants,
    format_literal,
    set_constant,
)
from autoresearch_tui.errors import EditError

KARPATHY = '''"""Trains."""
import os

DEPTH = 8               # layers
DEVICE_BATCH_SIZE = 128 # per step, reduce if OOM
TOTAL_BATCH_SIZE = 2**19 # ~524K tokens
WINDOW_PATTERN = "SSSL"
ADAM_BETAS = (0.8, 0.95)
MATRIX_LR = 4e-2  # été
X, Y = 1, 2
lower = 3
COUNTER = 0
LAYERS = by_profile(cpu=4, gpu=8)  # by hardware
NEGATIVE: float = -0.5
FLAG = True
COMPUTED = os.getpid()
AGAIN = 1
AGAIN = 2
if FLAG:
    BRANCH = 1
TOO_LARGE = 9**9**9
SHIFTED = (1 << 10)
GROUPED = 524_288


def main():
    global COUNTER
    INNER = 5
'''


def values(profile="cpu"):
    return {c.name: c.value for c in find_constants(KARPATHY, profile)}


def test_finds_literals_at_the_top_level():
    assert values() == {
        "DEPTH": 8,
        "DEVICE_BATCH_SIZE": 128,
        "TOTAL_BATCH_SIZE": 524288,
        "WINDOW_PATTERN": "SSSL",
        "ADAM_BETAS": "(0.8, 0.95)",
        "MATRIX_LR": 0.04,
        "LAYERS": 4,
        "NEGATIVE": -0.5,
        "FLAG": True,
        "SHIFTED": 1024,
        "GROUPED": 524288,
    }
    assert values("gpu")["LAYERS"] == 8


def test_knows_kind_line_span_and_comment():
    found = {c.name: c for c in find_constants(KARPATHY)}
    depth = found["DEPTH"]
    assert (depth.kind, depth.line, depth.comment) == ("int", 4, "layers")
    assert all(KARPATHY[c.start : c.end] == c.source for c in found.values())
    assert found["LAYERS"].profile == "cpu"
    assert found["LAYERS"].comment.endswith("by hardware")


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("DEPTH", 10, "DEPTH = 10               # layers"),
        ("DEPTH", 6.0, "DEPTH = 6               # layers"),
        ("TOTAL_BATCH_SIZE", 2**18, "TOTAL_BATCH_SIZE = 2**18 # ~524K tokens"),
        ("TOTAL_BATCH_SIZE", 3 * 2**17, "TOTAL_BATCH_SIZE = 393216 # ~524K tokens"),
        ("WINDOW_PATTERN", "SL", 'WINDOW_PATTERN = "SL"'),
        ("ADAM_BETAS", "(0.9, 0.95)", "ADAM_BETAS = (0.9, 0.95)"),
        ("MATRIX_LR", 0.06, "MATRIX_LR = 6e-2  # été"),
        ("LAYERS", 6, "LAYERS = by_profile(cpu=6, gpu=8)  # by hardware"),
        ("NEGATIVE", -1, "NEGATIVE: float = -1.0"),
        ("FLAG", False, "FLAG = False"),
        ("SHIFTED", 2048, "SHIFTED = (1 << 11)"),
        ("GROUPED", 1_048_576, "GROUPED = 1_048_576"),
    ],
)
def test_only_the_literal_changes(name, value, line):
    after = set_constant(KARPATHY, name, value)
    changed = set(after.splitlines()) - set(KARPATHY.splitlines())
    assert changed == {line}
    assert {c.name: c.value for c in find_constants(after)}[name] == value


def test_the_gpu_profile_edits_its_own_literal():
    assert "by_profile(cpu=4, gpu=12)" in set_constant(KARPATHY, "LAYERS", 12, "gpu")


def test_characters_before_the_literal_on_its_line_do_not_shift_it():
    text = 'A = "é"; WIDTH = 64\r\nDEPTH = 4\r\n'
    assert set_constant(text, "WIDTH", 96) == 'A = "é"; WIDTH = 96\r\nDEPTH = 4\r\n'
    assert set_constant(text, "DEPTH", 5).endswith("DEPTH = 5\r\n")
    assert set_constant("T = 'a\x0cb'\x0c\nDEPTH = 4\n", "DEPTH", 5).endswith("DEPTH = 5\n")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WIDTH", 5, r"train.py: no constant 'WIDTH'; the constants are: DEPTH, DEVICE"),
        ("DEPTH", 8, "train.py: DEPTH is 8 already"),
        ("TOTAL_BATCH_SIZE", 524288, r"is 2\*\*19 already"),
        ("DEPTH", 8.5, "DEPTH = 8 takes values of kind int, and 8.5 is of kind float"),
        ("DEPTH", True, "True is of kind bool"),
        ("DEPTH", "8", "'8' is of kind str"),
        ("FLAG", 1, "FLAG = True takes values of kind bool"),
        ("WINDOW_PATTERN", 3, "takes values of kind str"),
        ("MATRIX_LR", float("nan"), "not a finite number"),
        ("ADAM_BETAS", "0.9", "ADAM_BETAS is a tuple"),
        ("ADAM_BETAS", "(exit(), 1)", "ADAM_BETAS is a tuple"),
    ],
)
def test_says_what_is_wrong(name, value, message):
    with pytest.raises(EditError, match=message):
        set_constant(KARPATHY, name, value, path="train.py")


def test_a_profile_without_its_keyword_or_with_a_computed_one_is_no_constant():
    assert find_constants("A = by_profile(gpu=8)\nB = by_profile(cpu=f(), gpu=8)\n") == []


def test_unreadable_source_has_its_line():
    with pytest.raises(EditError, match=r"^train.py:2: does not parse: .* in `B = \(`$"):
        find_constants("A = 1\nB = (\n", path="train.py")


def test_constants_of_several_files():
    files = {"b.py": "DEPTH = 1\nLR = 0.1\n", "a.py": "DEPTH = 2\n", "c.txt": "X = 1", "d.py": "("}
    assert all_constants(files) == {"a.py:DEPTH": 2, "b.py:DEPTH": 1, "LR": 0.1}


def test_numbers_are_spelt_like_their_predecessors():
    assert format_literal(3e-4, "1e-3") == "3e-4"
    assert format_literal(0.0003, "0.001") == "0.0003"
    assert format_literal(0.00002, "0.001") == "2e-5"
    assert format_literal(1.25e-3, "1e-3") == "1.25e-3"
    assert format_literal(0.0, "1e-3") == "0.0"
    assert format_literal("it's", '"a"') == '"it\'s"'
    assert format_literal("b", "'a'") == "'b'"
