import subprocess

import pytest

from autoresearch_tui.code.edits import (
    apply_edits,
    check_editable,
    check_parses,
    check_path,
    check_proposal,
    count_changes,
    digest,
    still_to_make,
    unified_diff,
)
from autoresearch_tui.domain import ConstantEdit, Proposal, ReplaceEdit
from autoresearch_tui.errors import EditError

TRAIN = "DEPTH = 4\nLR = 0.01\n\n\ndef f(x):\n    return x * 2\n\n\ndef g(x):\n    return x * 2\n"
FILES = {"train.py": TRAIN, "src/model.py": "WIDTH = 64\n"}


def replaced(search, replace, files=FILES, file="train.py"):
    return apply_edits(files, [ReplaceEdit(file, search, replace)])


def test_edits_apply_in_turn():
    after = apply_edits(
        FILES,
        [
            ConstantEdit("train.py", "DEPTH", 6),
            ReplaceEdit("train.py", "DEPTH = 6", "DEPTH = 7"),
            ConstantEdit("./src/model.py", "WIDTH", 128),
            ConstantEdit("", "LR", 0.02),
        ],
    )
    assert after["train.py"] == TRAIN.replace("= 4", "= 7").replace("0.01", "0.02")
    assert after["src/model.py"] == "WIDTH = 128\n"
    assert FILES["train.py"] == TRAIN


def test_the_same_edits_apply_to_another_parent():
    edits = [ConstantEdit("train.py", "DEPTH", 6), ReplaceEdit("train.py", "f(x)", "f(y)")]
    moved = {**FILES, "train.py": "# new\n" + TRAIN.replace("LR = 0.01", "LR = 0.03")}
    assert "LR = 0.03" in apply_edits(moved, edits)["train.py"]
    with pytest.raises(EditError, match="DEPTH is 6 already"):
        apply_edits({**FILES, "train.py": TRAIN.replace("4", "6")}, edits)


@pytest.mark.parametrize(
    ("search", "replace", "message"),
    [
        ("return x * 2", "return x", "found 2 times: `return x .*add neighbouring lines"),
        ("DEPTH = 4\n LR=0.01", "", "found at line 1 when whitespace is ignored: copy it exactly"),
        ("return  x*2", "", "found at line 6 when whitespace is ignored"),
        ("def f(y):", "", "not found: `def f.y.:`; the nearest line is 5: `def f.x.:`"),
        ("nothing of the kind", "", "copy it from the file"),
        ("", "a", "search text is empty"),
        ("DEPTH", "DEPTH", "changes nothing"),
        ("DEPTH", "D" * 1_000_001, "longer than 1,000,000 characters"),
    ],
)
def test_says_why_a_search_fails(search, replace, message):
    with pytest.raises(EditError, match=f"^train.py: .*{message}"):
        replaced(search, replace)


def test_says_which_edit_fails_and_refuses_none():
    good, bad = ConstantEdit("train.py", "DEPTH", 6), ConstantEdit("train.py", "NO", 6)
    with pytest.raises(EditError, match=r"^edit 2 of 2: train.py: no constant 'NO'"):
        apply_edits(FILES, [good, bad])
    with pytest.raises(EditError, match="no edits"):
        apply_edits(FILES, [])
    with pytest.raises(EditError, match="undo each other"):
        apply_edits(FILES, [good, ConstantEdit("train.py", "DEPTH", 4)])


def test_a_constant_without_a_file_must_be_in_one():
    with pytest.raises(EditError, match="no constant 'NO'; the constants are: DEPTH, LR, WIDTH"):
        apply_edits(FILES, [ConstantEdit("", "NO", 1)])
    twice = {"a.py": "N = 1\n", "b.py": "N = 2\n"}
    with pytest.raises(EditError, match=r"stands in a.py, b.py; say in which `file`"):
        apply_edits(twice, [ConstantEdit("", "N", 3)])


def test_windows_line_ends_survive():
    files = {"train.py": "A = 1\r\nB = 2\r\n"}
    assert replaced("A = 1\nB = 2", "A = 3\nB = 4", files)["train.py"] == "A = 3\r\nB = 4\r\n"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../x", "leads outside the repository"),
        ("a/../../x", "leads outside"),
        ("/etc/passwd", "relative to the repository"),
        ("C:\\x", "relative to the repository"),
        ("..\\x", "relative to the repository"),
        ("~/x", "relative to the repository"),
        ("", "no path of a file"),
        ("src/", "no path of a file"),
        (".", "no path of a file"),
        ("a\nb", "control characters"),
        (".git/hooks/pre-commit", "own records"),
        (".GIT/config", "own records"),
        (".autoresearch/study.db", "own records"),
        ("prepare.py", "not an editable file; the editable files are: train.py, src/model.py"),
    ],
)
def test_refuses_other_files(path, message):
    with pytest.raises(EditError, match=message):
        replaced("a", "b", file=path)


def test_protected_wins_over_editable():
    assert check_editable("./src/a.py", ["src/*.py"]) == "src/a.py"
    assert check_path("a//b.py") == "a/b.py"
    with pytest.raises(EditError, match=r"^src/a.py: protected"):
        check_editable("src/a.py", ["src/*.py"], ["src/"])
    proposal = Proposal("t", "h", (ConstantEdit("train.py", "DEPTH", 5),))
    with pytest.raises(EditError, match="protected"):
        check_proposal(proposal, FILES, protected=["*.py"])


def test_a_proposal_must_leave_what_parses_parsing():
    def proposal(search, replace):
        return Proposal("t", "h", (ReplaceEdit("train.py", search, replace),))

    assert "y" in check_proposal(proposal("def f(x)", "def f(y, x)"), FILES)["train.py"]
    with pytest.raises(EditError, match=r"^train.py:5: does not parse: .* in `def f\(x`"):
        check_proposal(proposal("def f(x):", "def f(x"), FILES)
    newer = {"train.py": "match = lambda *: 1\nA = 1\n"}
    assert check_proposal(proposal("A = 1", "A = 2"), newer)["train.py"].endswith("A = 2\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = (\n", "^t.py:1: does not parse: '\\(' was never closed in `a = \\(`$"),
        ("return 1\n", "^t.py:1: does not parse: 'return' outside function"),
        ("a = 1\x00\n", "null bytes$"),
        ("a = " + "(" * 500 + ")" * 500, "^t.py:?1?: "),
        ("a = " + "-" * 20000 + "1", "^t.py"),
    ],
)
def test_source_that_does_not_parse(text, message):
    with pytest.raises(EditError, match=message):
        check_parses("t.py", text)


def test_only_python_is_parsed_and_odd_escapes_pass():
    check_parses("notes.md", "a = (")
    check_parses("t.py", "a = '\\d'\n")


def test_digest_sees_what_the_program_does():
    base = digest({"t.py": 'LR = 0.01\nN = 2**19\nX = -1\n\ndef f():\n    "doc"\n    return 1\n'})
    same = "# c\nLR = 1e-2\nN=524288\nX = - 1\ndef f():\n\n  '''other'''\n  return (1)  # c\n"
    assert digest({"t.py": same}) == base
    assert digest({"t.py": same.replace("1e-2", "1e-3")}) != base
    assert digest({"t.py": same.replace("return (1)", "return (1.0)")}) != base
    assert digest({"t.py": same.replace("return (1)", "return 'doc'")}) != base
    assert digest({"u.py": same}) != base
    assert digest({"t.txt": "a"}) != digest({"t.txt": "a "})
    assert digest({"t.py": "("}) == digest({"t.py": "("})


def test_diff_is_one_that_git_applies(tmp_path):
    before = {"a.py": "A = 1\nB = 2\nC = 3", "b.py": "X = 1\n"}
    after = {"a.py": "A = 1\nB = 5\nC = 4", "b.py": "X = 1\n", "c.py": "N = 1\n"}
    for path, text in before.items():
        (tmp_path / path).write_text(text)
    patch = unified_diff(before, after)
    subprocess.run(["git", "apply"], input=patch, text=True, cwd=tmp_path, check=True)
    assert {path: (tmp_path / path).read_text() for path in after} == after
    assert "b.py" not in patch
    assert count_changes(before, after) == (3, 2)
    assert unified_diff(before, before) == ""
    assert "+B = 5" in unified_diff(before, after, 0)


def test_what_another_parent_has_already_need_not_be_made():
    both = (ConstantEdit("train.py", "DEPTH", 8), ConstantEdit("train.py", "WIDTH", 80))
    files = {"train.py": "DEPTH = 8\nWIDTH = 64\n"}
    assert still_to_make(files, both) == both[1:]
    assert still_to_make({"train.py": "DEPTH = 4\nWIDTH = 64\n"}, both) == both
    # Nothing would remain: what is wrong is told of all of it.
    same = {"train.py": "DEPTH = 8\nWIDTH = 80\n"}
    assert still_to_make(same, both) == both
    with pytest.raises(EditError, match="DEPTH is 8 already"):
        apply_edits(same, both)
