"""The engine's pulse: it lets time pass for the heart, and notes when the clock jumped."""

import asyncio

from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.lifecycle.events import Ticked
from autoresearch_tui.lifecycle.waking import next_due

HEARTBEAT_SECONDS = 2.0

JUMP_SECONDS = 30.0
"""How far the clock may run away from a steady one between two heartbeats."""


async def beat(engine: Engine) -> None:
    """Tick every two seconds, and whenever something is due before; never returns."""
    steady = asyncio.get_running_loop().time
    beat_at, steady_at = engine.clock(), steady()
    engine.tell(Ticked())
    while True:
        ticket = engine.changed.ticket
        due = next_due(engine.state, beat_at)
        at = min(due or beat_at + HEARTBEAT_SECONDS, beat_at + HEARTBEAT_SECONDS)
        # Where the clock was set back the next beat would be far away.
        left = min(at - engine.clock(), HEARTBEAT_SECONDS)
        if left > 0 and await engine.changed.wait(ticket, timeout=left):
            continue
        jump = (engine.clock() - beat_at) - (steady() - steady_at)
        if abs(jump) > JUMP_SECONDS:
            # Nobody idled meanwhile: the machine slept, or its clock was set.
            engine.store.record("engine.jumped", f"the clock went {jump:+.0f} s at once")
        beat_at, steady_at = engine.clock(), steady()
        engine.tell(Ticked())
