"""Who proposes, by the settings: kinds, several at once, and roles."""

import pytest

from autoresearch_tui.config import Llm, Role, parse_settings
from autoresearch_tui.errors import ConfigError
from autoresearch_tui.researchers.llm.roles import in_role


def kinds(text: str) -> tuple[str, ...]:
    return parse_settings(f"[researcher]\nkind = {text}\n").researcher.kind


def test_one_or_several_may_propose():
    assert kinds('"hybrid"') == ("hybrid",)
    assert kinds('["llm", "llm:sceptic", "optimizer"]') == ("llm", "llm:sceptic", "optimizer")
    assert kinds('"llm:a, llm:b"') == ("llm:a", "llm:b")


@pytest.mark.parametrize("text", ['"hybrid,optimizer"', '"llm:"', '"llm:A b"', '"gpt"', "[]", "3"])
def test_what_cannot_propose_is_told(text: str):
    with pytest.raises(ConfigError, match=r"researcher\.kind"):
        kinds(text)


def test_nobody_is_named_twice():
    with pytest.raises(ConfigError, match="names a researcher twice"):
        kinds('["llm", "llm"]')


def test_a_role_has_words_and_may_have_a_model():
    llm, words = in_role(Llm(roles={"sceptic": Role(model="claude-haiku-5-5")}), "sceptic")
    assert (llm.model, llm.effort) == ("claude-haiku-5-5", "high")
    assert "You doubt" in words
    assert in_role(Llm(roles={"mine": Role(words="Be brief.")}), "mine")[1] == "Be brief."
    with pytest.raises(ConfigError, match=r"give llm\.roles\.other\.words, or one of these: scep"):
        in_role(Llm(), "other")
