import pytest

from autoresearch_tui.plain import plain


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[?25l\x1b[2Kgone", "gone"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]never ended", "never ended"),
        ("\x1bMup\x00\x08\x7f", "up"),
        ("\x1b", ""),
    ],
)
def test_what_is_not_to_be_seen_is_left_out(raw: str, read: str):
    assert plain(raw) == read
