"""Fetching shards, from a server that declares hashes as the real one does."""

import hashlib
import importlib
import io
import re
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

TRAINER = Path(__file__).parents[2] / "trainer"


@pytest.fixture(scope="module")
def trainer() -> Generator[Any]:
    """The trainer's module, as the trainer itself imports it."""
    sys.path.insert(0, str(TRAINER))
    try:
        yield importlib.import_module("climbmix")
    finally:
        sys.path.remove(str(TRAINER))


class Server:
    """Serves `files`; breaks off after `cut` bytes as often as `breaks` says."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.cut, self.breaks, self.lies = 0, 0, False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                data = outer.files.get(self.path.rpartition("/")[2])
                self.send_response(404 if data is None else 302)
                content = b"other" if outer.lies else data or b""
                self.send_header("X-Linked-Etag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def do_GET(self) -> None:
                data = outer.files.get(self.path.rpartition("/")[2])
                wanted = self.headers.get("Range", "")
                outer.asked.append((self.path, wanted))
                if data is None:
                    self.send_error(404)
                    return
                begin = int(re.findall(r"\d+", wanted)[0]) if wanted else 0
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(len(data) - begin))
                self.end_headers()
                if outer.breaks > 0:
                    outer.breaks -= 1
                    self.wfile.write(data[begin : begin + outer.cut])
                else:
                    self.wfile.write(data[begin:])

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/main"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Generator[Server]:
    made = Server()
    yield made
    made.close()


def shard(*texts: str) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": list(texts)}), buffer)
    return buffer.getvalue()


def test_an_interrupted_file_goes_on_where_it_stopped(trainer: Any, server: Server, tmp_path: Path):
    server.files["f"] = bytes(range(256)) * 1000
    server.cut, server.breaks = 100_000, 1
    path = trainer.fetch(f"{server.url}/f", tmp_path / "f", pause=0.01)
    assert path.read_bytes() == server.files["f"]
    assert [wanted for _, wanted in server.asked] == ["", "bytes=100000-"]
    trainer.fetch(f"{server.url}/f", tmp_path / "f")
    assert len(server.asked) == 2


def test_a_damaged_file_is_fetched_again(trainer: Any, server: Server, tmp_path: Path):
    server.files["f"] = b"content" * 100
    path = trainer.fetch(f"{server.url}/f", tmp_path / "f")
    path.write_bytes(b"damaged")
    assert trainer.fetch(f"{server.url}/f", path).read_bytes() == server.files["f"]


def test_what_is_not_what_was_declared_is_refused(trainer: Any, server: Server, tmp_path: Path):
    server.files["f"], server.lies = b"content", True
    with pytest.raises(trainer.CorpusError, match="not what the server declares"):
        trainer.fetch(f"{server.url}/f", tmp_path / "f", pause=0.01)
    assert not (tmp_path / "f").exists()


def test_no_server_is_one_clear_line(trainer: Any, tmp_path: Path):
    with pytest.raises(trainer.CorpusError, match="could not be fetched"):
        trainer.fetch("http://127.0.0.1:9/f", tmp_path / "f", pause=0.01)


def test_the_validation_shard_is_pinned(trainer: Any, server: Server, tmp_path: Path):
    server.files = {
        "shard_00000.parquet": shard("a", "b"),
        "shard_00001.parquet": shard("c"),
        "shard_06541.parquet": shard("set aside"),
        "shard_06542.parquet": shard("validation"),
    }
    corpus = trainer.climbmix(tmp_path, server.url, train_shards=2)
    assert corpus.train == ["a", "b", "c"]
    assert corpus.validation == ["validation"]
    assert corpus.holdout == ["set aside"]
