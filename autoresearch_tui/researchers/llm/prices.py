"""What tokens cost, by model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from autoresearch_tui.config import TokenPrice

_MILLION = 1_000_000

_DATED = re.compile(r"-20\d{6}$")

_OPUS, _SONNET = TokenPrice(input=5.0, output=25.0), TokenPrice(input=3.0, output=15.0)

KNOWN: Mapping[str, TokenPrice] = {
    "claude-fable-5-1": TokenPrice(input=10.0, output=50.0, cache_read=0.25),
    "claude-fable-5": TokenPrice(input=10.0, output=50.0),
    "claude-opus-5-5": TokenPrice(input=4.0, output=20.0, cache_read=0.2),
    **dict.fromkeys(("claude-opus-5", "claude-opus-4-8", "claude-opus-4-7"), _OPUS),
    **dict.fromkeys(("claude-opus-4-6", "claude-opus-4-5"), _OPUS),
    "claude-sonnet-5-5": TokenPrice(input=2.0, output=10.0, cache_read=0.1),
    "claude-sonnet-5": TokenPrice(input=2.0, output=10.0),
    **dict.fromkeys(("claude-sonnet-4-6", "claude-sonnet-4-5"), _SONNET),
    # Of prompts up to 100,000 tokens, which ours stay below by default.
    "claude-haiku-5-5": TokenPrice(input=0.1, output=0.5),
    "claude-haiku-4-5": TokenPrice(input=1.0, output=5.0),
}
"""Published prices in dollars a million tokens, as of November 2026; `prices.tokens` overrules."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one answer took: read anew, written to the cache, read from it, and written."""

    fresh: int = 0
    cache_write: int = 0
    cache_read: int = 0
    output: int = 0

    @property
    def input(self) -> int:
        """All that was read."""
        return self.fresh + self.cache_write + self.cache_read

    @property
    def hit_rate(self) -> float:
        """The share of what was read that came from the cache, 0 to 1."""
        return self.cache_read / self.input if self.input else 0.0


def price_of(model: str, given: Mapping[str, TokenPrice]) -> TokenPrice | None:
    """The price of a model, whose name may end with a date; None where none is known."""
    name = _DATED.sub("", model)
    return given.get(model) or given.get(name) or KNOWN.get(name)


def cost(tokens: Tokens, price: TokenPrice) -> float:
    """Dollars."""
    write = price.cache_write if price.cache_write is not None else 1.25 * price.input
    read = price.cache_read if price.cache_read is not None else 0.1 * price.input
    return (
        tokens.fresh * price.input
        + tokens.cache_write * write
        + tokens.cache_read * read
        + tokens.output * price.output
    ) / _MILLION
