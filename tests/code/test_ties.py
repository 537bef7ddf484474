"""Which constants a file ties together."""

from pathlib import Path

from autoresearch_tui.code.ties import find_ties

TRAINER = Path(__file__).parents[2] / "trainer" / "train.py"


def ties(text: str) -> dict[str, bool]:
    found = find_ties({"train.py": text})
    assert all(found[b, a] == is_same for (a, b), is_same in found.items())
    return {f"{a} {b}": is_same for (a, b), is_same in found.items() if a < b}


def test_a_division_an_assert_and_a_product_tie():
    assert ties("A = 8\nB = 4\nC = 2\nrows = A // B\n") == {"A B": True}
    assert ties("A = 8\nB = 4\nassert A % B == 0, A\n") == {"A B": True}
    assert ties("A = 8\nB = 4\nassert A >= B\n") == {"A B": True}
    assert ties("A = 8\nB = 4\nwidth = A * B\n") == {"A B": False}
    assert ties("A = 8\nB = 4\nprint(A, B)\nC = A + B\n") == {}


def test_names_that_are_computed_stand_for_their_constants():
    text = """\
TOTAL = 2**19
ROWS = 128
LENGTH = 2048
def main():
    tokens = int(ROWS * LENGTH)
    assert TOTAL % tokens == 0
    return TOTAL // tokens
def other(tokens):
    return tokens / LENGTH
"""
    assert ties(text) == {"LENGTH TOTAL": True, "ROWS TOTAL": True, "LENGTH ROWS": False}


def test_what_is_about_everything_ties_nothing():
    names = [f"C{number}" for number in range(8)]
    text = "".join(f"{name} = 2\n" for name in names)
    assert ties(f"{text}all = {' + '.join(names)}\nshare = C0 / all\n") == {}


def test_the_trainers_own_ties_are_seen():
    found = find_ties({"train.py": TRAINER.read_text()})
    assert found["WIDTH", "HEAD_WIDTH"]
    assert found["CONTEXT", "BATCH_TOKENS"]
    assert ("MATRIX_LR", "WIDTH") not in found
    # A file that cannot be read, or is none of Python's, has none.
    assert find_ties({"a.py": "A = (", "b.txt": "A // B"}) == {}
