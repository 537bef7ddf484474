"""Which line of an output says why it failed."""

import pytest

from autoresearch_tui.backends.reasons import Reasons, telling_line

TEE = """\
Traceback (most recent call last):
  File "train.py", line 3, in <module>
    raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (64x512 and 384x1536)")
RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x512 and 384x1536)
EXPERIMENT_STATUS: crash
EXPERIMENT_DESC: baseline
"""


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (TEE, "RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x512 and 384x1536)"),
        ("x\ntorch.OutOfMemoryError: CUDA out of memory. Tried\nValueError: later\n", "torch.Out"),
        ("ValueError: first\nKeyError: 'second'\n", "KeyError: 'second'"),
        (
            "step 3\nbash: line 1:  77 Killed     python train.py\nDESC: x\n",
            "bash: line 1: 77 Killed",
        ),
        ("step 1\nKilled\nDESC: x\n", "Killed"),
        ("ERROR: no version of foo\nWARNING: pip is old\n", "ERROR: no version of foo"),
        ("uv: error: no project\nbye\n", "uv: error: no project"),
        ("bash: line 2: uv: command not found\nbye\n", "bash: line 2: uv: command not found"),
        ("EXPERIMENT_STATUS: crash\nEXPERIMENT_DESC: x\n", "EXPERIMENT_STATUS: crash"),
        ("step 1\nout of luck\n", "out of luck"),
        ("a loss error of 3 is no Error\nend\n", "end"),
        ("", ""),
    ],
)
def test_the_telling_line_is_found(output: str, line: str):
    assert telling_line(output.splitlines()).startswith(line)


def test_a_task_may_say_itself_that_its_run_crashed():
    reasons = Reasons()
    for text in TEE.splitlines():
        reasons.feed(text)
    assert reasons.says_crash
    assert not Reasons().says_crash
