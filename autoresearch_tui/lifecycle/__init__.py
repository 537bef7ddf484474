"""The heart: the only code that decides a status. Values in, values out; no file, no clock.

`handle(state, event, now)` gives a draft: what changes, and which instructions follow from it. The
caller writes both in one transaction, then makes them its state by `State.commit`.
"""

from autoresearch_tui.lifecycle.heart import handle
from autoresearch_tui.lifecycle.state import Draft, State

__all__ = ["Draft", "State", "handle"]
