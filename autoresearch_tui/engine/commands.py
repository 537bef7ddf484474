"""Answers requests on the engine's socket: each act is on record before its answer."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

from autoresearch_tui.code.proposals import proposal_from_json
from autoresearch_tui.control import LINE_LIMIT, Request, decode_request, encode
from autoresearch_tui.domain import ApprovalMode, ExperimentStatus
from autoresearch_tui.engine.admission import Admission
from autoresearch_tui.engine.engine import Engine
from autoresearch_tui.engine.fleet_commands import FleetCommands
from autoresearch_tui.engine.outside import Outside
from autoresearch_tui.engine.peers import actor_of
from autoresearch_tui.engine.requests import Handler, argument
from autoresearch_tui.engine.talk_commands import TalkCommands
from autoresearch_tui.errors import AutoresearchError, ControlError, StudyError
from autoresearch_tui.lifecycle.events import (
    Accepted,
    Approved,
    Cancelled,
    ModeSet,
    Paused,
    PrioritySet,
    Resumed,
    Stopped,
    Unapproved,
    Vetoed,
)

log = logging.getLogger(__name__)

_BACKLOG = 1024
"""Connections that may wait to be served."""


class Commands:
    """The acts that a client can ask for."""

    def __init__(self, engine: Engine, admission: Admission) -> None:
        self._engine = engine
        self._admission = admission
        self._outside = Outside(engine, admission)
        self._handlers: Mapping[str, Handler] = {
            "ping": self._ping,
            "approve": self._approve,
            "unapprove": self._unapprove,
            "accept": self._accept,
            "veto": self._veto,
            "pause": self._pause,
            "resume": self._resume,
            "cancel": self._cancel,
            "approval": self._approval,
            "stop": self._stop,
            "priority": self._priority,
            "propose": self._propose,
            **FleetCommands(engine).handlers,
            **TalkCommands(engine).handlers,
            **self._outside.handlers,
        }

    def close(self) -> None:
        """Nobody is answered any more."""
        self._outside.close()

    async def answer(self, line: bytes, actor: str) -> dict[str, object]:
        """Do what a line asks for; the answer says why not where it is refused."""
        number = 0
        try:
            request = decode_request(line)
            # Of this user's own processes, one that the SSH server has opened says for whom.
            is_named = actor == "operator" and request.actor
            request = replace(request, actor=request.actor[:40] if is_named else actor)
            number = request.id
            handler = self._handlers.get(request.do)
            if handler is None:
                known = ", ".join(sorted(self._handlers))
                raise ControlError(f"unknown request {request.do!r}; known: {known}")
            return {"id": number, "ok": True, "result": await handler(request)}
        except AutoresearchError as error:
            return _refusal(number, str(error))
        except Exception as error:
            # A defect in one answer must not end the engine, nor leave the client without one.
            log.exception("request failed: %r", line[:500])
            return _refusal(
                number, f"a defect of the engine: {type(error).__name__}; see engine.log"
            )

    async def _ping(self, request: Request) -> object:
        return {"status": self._engine.state.study.status}

    async def _approve(self, request: Request) -> object:
        self._engine.tell(Approved(self._known(request), request.actor))
        return None

    async def _unapprove(self, request: Request) -> object:
        self._engine.tell(Unapproved(self._known(request), request.actor))
        return None

    async def _accept(self, request: Request) -> object:
        name = self._check(argument(request, "experiment"))
        self._engine.tell(Accepted(name, request.actor))
        return None

    async def _veto(self, request: Request) -> object:
        why = str(request.args.get("why") or "")
        self._engine.tell(Vetoed(self._known(request), why, request.actor))
        return None

    async def _pause(self, request: Request) -> object:
        self._engine.tell(Paused(request.actor))
        return None

    async def _resume(self, request: Request) -> object:
        self._engine.tell(Resumed(request.actor))
        return None

    async def _cancel(self, request: Request) -> object:
        name = argument(request, "run")
        run = self._engine.store.run(name)
        if run is None:
            raise ControlError(f"{name}: there is no such run; `autoresearch-tui list` shows them")
        if run.status.is_final:
            raise ControlError(f"{name}: has ended already ({run.status})")
        experiment = self._engine.state.experiments.get(run.experiment)
        if experiment is not None and experiment.is_baseline:
            raise ControlError(f"{name}: belongs to the baseline, which everything is compared to")
        self._engine.tell(Cancelled(run.experiment, request.actor))
        return None

    async def _approval(self, request: Request) -> object:
        try:
            mode = ApprovalMode(argument(request, "mode"))
        except ValueError as error:
            raise ControlError(f"{error}; known: {', '.join(ApprovalMode)}") from None
        self._engine.tell(ModeSet(mode, request.actor))
        return None

    async def _stop(self, request: Request) -> object:
        at_once = bool(request.args.get("now"))
        self._engine.tell(Stopped("stopped by the operator", request.actor, at_once))
        return None

    async def _priority(self, request: Request) -> object:
        priority = request.args.get("priority")
        if not isinstance(priority, int) or isinstance(priority, bool) or abs(priority) > 100:
            raise ControlError("priority: must be a whole number from -100 to 100")
        name = self._check(argument(request, "experiment"))
        self._engine.tell(PrioritySet(name, priority, request.actor))
        return None

    async def _propose(self, request: Request) -> object:
        proposal = proposal_from_json(request.args)
        (experiment,) = await self._admission.admit([proposal], request.actor)
        if experiment.status is ExperimentStatus.REJECTED:
            raise ControlError(f"{experiment.id} rejected: {experiment.why}")
        return {"experiment": experiment.id, "status": experiment.status}

    def _known(self, request: Request) -> tuple[str, ...]:
        return tuple(self._check(name) for name in _names(request, "experiments"))

    def _check(self, name: str) -> str:
        if self._engine.store.experiment(name) is None:
            raise ControlError(f"{name}: there is no such experiment; see `autoresearch-tui list`")
        return name


def _refusal(number: int, why: str) -> dict[str, object]:
    return {"id": number, "ok": False, "error": why}


def _names(request: Request, key: str) -> list[str]:
    value = request.args.get(key)
    names = cast(list[object], value) if isinstance(value, list) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise ControlError(f"{request.do}: `{key}` must be a list of ids")
    return list(dict.fromkeys(str(name) for name in names))


async def _talk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, commands: Commands
) -> None:
    actor, refused = "", ""
    try:
        actor = actor_of(cast(socket.socket, writer.get_extra_info("socket")))
    except ControlError as error:
        refused = str(error)
    try:
        async for line in reader:
            if refused:
                # Only now, or the one who asks would find the line closed instead of an answer.
                writer.write(encode(_refusal(0, refused)))
                await writer.drain()
                return
            writer.write(encode(await commands.answer(line, actor)))
            await writer.drain()
    except ValueError:
        writer.write(encode(_refusal(0, f"a request is at most {LINE_LIMIT} bytes long")))
        await writer.drain()


@asynccontextmanager
async def serve(engine: Engine, commands: Commands) -> AsyncGenerator[None]:
    """Listen on the socket, which only its owner may use."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client that goes in the middle of a line is no trouble of the engine's.
        with contextlib.suppress(OSError):
            await _talk(reader, writer, commands)
        writer.close()

    path = engine.paths.socket
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The lock is held, so a socket that is there was left by an engine that died.
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(
            talk, path=str(path), limit=LINE_LIMIT, backlog=_BACKLOG
        )
        path.chmod(0o600)
    except OSError as error:
        raise StudyError(f"{path}: cannot listen: {error.strerror}") from None
    try:
        yield
    finally:
        server.close()
        commands.close()
        path.unlink(missing_ok=True)
