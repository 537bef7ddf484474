"""A local server that speaks the Messages API as far as a researcher hears it: streamed answers."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Says:
    """One answer: thoughts, text, and calls of tools by name and input."""

    calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    text: str = ""
    thinks: str = ""
    stop: str = ""


@dataclass(frozen=True)
class Fails:
    """One answer that is none: an HTTP status, or an end in the middle of a stream."""

    status: int = 0
    kind: str = "api_error"
    words: str = "it failed"
    retry_after: str = ""


Answer = Says | Fails
Script = Callable[[dict[str, Any]], Answer]


@dataclass
class MessagesApi:
    """What was asked, and who answers."""

    script: Script
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    address: str = ""


def answered(request: dict[str, Any]) -> list[dict[str, Any]]:
    """What the tools have answered to the last message, the newest last."""
    content = request["messages"][-1]["content"]
    return [block for block in content if block["type"] == "tool_result"]


def words(request: dict[str, Any]) -> str:
    """All text of the request's messages."""
    texts: list[str] = []
    for message in request["messages"]:
        for block in message["content"]:
            texts.append(str(block.get("text") or block.get("content") or ""))
    return "\n".join(texts)


def in_turn(*answers: Answer) -> Script:
    """One answer after another; then it only waits for news."""
    left: Iterator[Answer] = iter(answers)
    return lambda request: next(left, Says([("wait_for_news", {})]))


@contextmanager
def messages_api(script: Script) -> Iterator[MessagesApi]:
    """A server on a free port of this machine."""
    api = MessagesApi(script)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            api.asked.append(body)
            api.keys.append(self.headers["authorization"])
            answer = api.script(body)
            if isinstance(answer, Fails) and answer.status:
                self._refuse(answer)
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            events = _events(answer if isinstance(answer, Says) else Says(text="cut"), body)
            for event in events[:-3] if isinstance(answer, Fails) else events:
                self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
                self.wfile.flush()

        def _refuse(self, answer: Fails) -> None:
            error = {"type": answer.kind, "message": answer.words}
            data = json.dumps({"type": "error", "error": error}).encode()
            self.send_response(answer.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            if answer.retry_after:
                self.send_header("retry-after", answer.retry_after)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _events(answer: Says, request: dict[str, Any]) -> list[dict[str, Any]]:
    usage = {"input_tokens": 100, "cache_read_input_tokens": 900, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "model": request["model"]}
    message |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if answer.thinks:
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(answer.thinks)]
        signed = {"type": "signature_delta", "signature": "s"}
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]))
    if answer.text:
        deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(answer.text)]
        blocks.append(({"type": "text", "text": ""}, deltas))
    for number, (name, given) in enumerate(answer.calls):
        block = {"type": "tool_use", "id": f"t{number}", "name": name, "input": {}}
        pieces = _pieces(json.dumps(given))
        blocks.append(
            (block, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces])
        )
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": index})
    stop = answer.stop or ("tool_use" if answer.calls else "end_turn")
    delta = {"stop_reason": stop, "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 50}})
    return [*events, {"type": "message_stop"}]


def _pieces(text: str) -> list[str]:
    return [text[at : at + 7] for at in range(0, len(text), 7)] or [""]
