"""Acts on clusters: more, fewer, another, again."""

from collections.abc import Mapping

from autoresearch_tui.control import Request
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.requests import Handler, argument
from autoresearch_tui.errors import ControlError


class FleetCommands:
    """What a client can ask for of a study's clusters."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The acts by their names."""
        return {
            "scale": self._scale,
            "drain": self._drain,
            "replace": self._replace,
            "wake": self._wake,
        }

    async def _scale(self, request: Request) -> object:
        kind, count = argument(request, "accelerators"), request.args.get("count")
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= 256:
            raise ControlError("scale: `count` must be a whole number from 0 to 256")
        await self._engine.backend.scale(kind, count)
        self._record(request, "fleet.scaled", f"{count} of {kind} wanted")
        return None

    async def _drain(self, request: Request) -> object:
        name = self._cluster(request)
        await self._engine.backend.drain(name)
        self._record(request, "fleet.drained", "finishes what it runs, and goes", name)
        return None

    async def _replace(self, request: Request) -> object:
        name = self._cluster(request)
        other = await self._engine.backend.replace(name)
        self._record(request, "fleet.replaced", f"by {other}", name)
        return {"cluster": other}

    async def _wake(self, request: Request) -> object:
        name = self._cluster(request)
        await self._engine.backend.wake(name)
        self._record(request, "fleet.woken", "tried again", name)
        return None

    def _cluster(self, request: Request) -> str:
        name = argument(request, "cluster")
        if name not in self._engine.state.clusters:
            known = ", ".join(self._engine.state.clusters) or "none"
            raise ControlError(f"{name}: there is no such cluster; there are: {known}")
        return name

    def _record(self, request: Request, kind: str, text: str, subject: str = "") -> None:
        self._engine.store.record(kind, text, subject=subject, actor=request.actor)
