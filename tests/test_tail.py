from pathlib import Path

from autoresearch_tui.tail import Tail, last_line, last_lines


def test_gives_whole_lines_as_they_come(tmp_path: Path):
    path = tmp_path / "log"
    tail = Tail(path)
    assert tail.read() == (False, [])
    text = "one\ntwö\nthr".encode()
    with path.open("ab", buffering=0) as file:
        file.write(text[:7])
        assert tail.read() == (False, ["one"])
        file.write(text[7:])
        assert tail.read() == (False, ["twö"])
        assert tail.rest == "thr"
        file.write(b"ee\n")
        assert tail.read() == (False, ["three"])
    assert tail.read() == (False, [])


def test_a_file_that_begins_anew_is_told(tmp_path: Path):
    path = tmp_path / "log"
    path.write_text("a long first line\nand a sec")
    tail = Tail(path)
    tail.read()
    path.write_text("new\n")
    assert tail.read() == (True, ["new"])


def test_begins_at_an_offset_and_skips_what_is_too_much(tmp_path: Path):
    path = tmp_path / "log"
    path.write_text("told\nnew\n")
    assert Tail(path, offset=5).read() == (False, ["new"])
    path.write_text("".join(f"line {number}\n" for number in range(1000)))
    tail = Tail(path, most=100)
    _, lines = tail.read()
    assert lines[-1] == "line 999"
    assert lines == [f"line {number}" for number in range(1000 - len(lines), 1000)]
    assert len(lines) < 12


def test_the_last_lines_are_clean(tmp_path: Path):
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100 + b"\nfirst\r\x1b[31mred\x1b[0m  and\n\n")
    assert last_lines(path, 26) == ["first", "red and"]
    assert last_line(path) == "red and"
    assert last_line(tmp_path / "none") == ""
