from hypothesis import given
from hypothesis import strategies as st

from autoresearch_tui.code.likeness import LEAST, likeness, most_alike
from autoresearch_tui.domain import (
    ConstantEdit,
    Edit,
    Experiment,
    ExperimentStatus,
    ReplaceEdit,
)

RELU = ReplaceEdit("train.py", "x = F.relu(x).square()", "x = F.gelu(x)")
GELU_ELSEWHERE = ReplaceEdit(
    "train.py", "    x = F.relu(x).square()\n", "    x = F.gelu(x, 'tanh')\n"
)
NORM = ReplaceEdit("train.py", "x = norm(x)", "x = norm(x) * self.scale")


def lr(value: float) -> ConstantEdit:
    return ConstantEdit("train.py", "LR", value)


def test_what_does_the_same_is_alike_however_it_is_written():
    assert likeness([RELU], [RELU]) == 1
    assert likeness([lr(0.1)], [lr(0.1)]) == 1
    assert likeness([RELU], [GELU_ELSEWHERE]) > 0.6
    assert likeness([RELU], [NORM]) == 0
    assert likeness([lr(0.1)], [lr(0.2)]) >= LEAST
    assert likeness([lr(0.1)], [ConstantEdit("train.py", "WIDTH", 64)]) == 0


EDITS = st.lists(
    st.one_of(
        st.builds(lr, st.floats(0.1, 0.2)),
        st.builds(ReplaceEdit, st.just("train.py"), st.text(), st.text()),
    ),
    max_size=4,
)


@given(EDITS, EDITS)
def test_it_is_a_measure(a: list[Edit], b: list[Edit]):
    assert 0 <= likeness(a, b) == likeness(b, a) <= 1


def test_the_likest_come_first_and_what_is_not_like_it_does_not_come():
    def tried(number: int, *edits: Edit) -> Experiment:
        status = ExperimentStatus.JUDGED
        return Experiment(f"e{number}", number, 1, status, "t", "h", "o", 0.0, edits, "e0")

    there = [tried(1, NORM), tried(2, GELU_ELSEWHERE), tried(3, RELU), tried(4, RELU, lr(0.1))]
    assert [each.id for _, each in most_alike([RELU], there, 5)] == ["e3", "e2", "e4"]
    assert len(most_alike([RELU], there, 1)) == 1
