"""Researchers as lines: what came of their proposals, and their turns as they were thought."""

import time
from collections.abc import Sequence

from autoresearch_tui.domain import Thought, Turn
from autoresearch_tui.judge.yields import Yield
from autoresearch_tui.spoken import clock_of

_FLOWS = ("thinking", "says")
"""Kinds that come in pieces: the next one goes on where the last one ended."""

_MARKS = {
    "thinking": "~ ",
    "says": "» ",
    "call": "> ",
    "answer": "< ",
    "usage": "$ ",
    "trouble": "! ",
}


def yield_table(found: Sequence[Yield]) -> list[str]:
    """One line an origin under a head."""
    head = (
        f"{'origin':<18} {'proposed':>8} {'refused':>7} {'judged':>6} {'kept':>10} {'crashed':>10} "
        f"{'hours':>7} {'gain/h':>9} {'$ runs':>8} {'$ talk':>8} {'$/keep':>8}"
    )
    return [head, *(_yield_line(each) for each in found)]


def _yield_line(each: Yield) -> str:
    kept, crashed = _share(each.kept, each.keep_rate), _share(each.crashed, each.crash_rate)
    gain = "-" if each.gain_an_hour is None else f"{each.gain_an_hour:.6f}"
    dear = "-" if each.cost_a_keep is None else f"{each.cost_a_keep:.2f}"
    return (
        f"{each.origin:<18} {each.proposed:>8} {each.rejected:>7} {each.judged:>6} {kept:>10} "
        f"{crashed:>10} {each.hours:>7.2f} {gain:>9} {each.runs_cost:>8.2f} {each.talk_cost:>8.2f} "
        f"{dear:>8}"
    )


def _share(count: int, rate: float | None) -> str:
    return "-" if rate is None else f"{count} ({rate:.0%})"


def turn_table(turns: Sequence[Turn]) -> list[str]:
    """One line a turn under a head."""
    head = (
        f"{'turn':>5} {'began':<8} {'took':>7} {'researcher':<18} {'wanted':>6} {'given':>5} "
        f"{'tokens':>15} {'$':>8} outcome"
    )
    return [head, *map(_turn_line, turns)]


def _turn_line(turn: Turn) -> str:
    took = "-" if turn.ended_at is None else f"{turn.ended_at - turn.started_at:.1f} s"
    tokens = f"{turn.tokens_in:,}/{turn.tokens_out:,}" if turn.tokens_in else "-"
    outcome = turn.outcome or ("thinking" if turn.ended_at is None else "")
    return (
        f"{turn.id:>5} {clock_of(turn.started_at)} {took:>7} {turn.researcher:<18} "
        f"{turn.wanted:>6} {turn.admitted:>5} {tokens:>15} {turn.cost:>8.4f} {outcome}"
    ).rstrip()


def turn_page(turn: Turn, thoughts: Sequence[Thought]) -> list[str]:
    """A turn as it was thought: pieces joined, each kind with its mark."""
    day = time.strftime("%Y-%m-%d", time.localtime(turn.started_at))
    lines = [f"turn {turn.id} of {turn.researcher}, {day} {clock_of(turn.started_at)}"]
    if turn.instructions:
        lines.append(f"by the brief {turn.instructions}")
    for kind, text in _joined(thoughts):
        mark = _MARKS.get(kind, "  ")
        first, *rest = text.rstrip("\n").split("\n")
        lines += [f"{mark}{first}", *(f"  {line}" for line in rest)]
    took = "has not ended" if turn.ended_at is None else f"{turn.ended_at - turn.started_at:.1f} s"
    end = f"{took}, {turn.admitted} of {turn.wanted} wanted, ${turn.cost:.4f}"
    return [*lines, f"{end}: {turn.outcome}" if turn.outcome else end]


def _joined(thoughts: Sequence[Thought]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for thought in thoughts:
        if thought.kind in _FLOWS and found and found[-1][0] == thought.kind:
            found[-1] = (thought.kind, found[-1][1] + thought.text)
        else:
            found.append((thought.kind, thought.text))
    return found
