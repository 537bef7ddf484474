"""The text of karpathy's autoresearch: shards of climbmix, for machines with a GPU and a network.

A shard is fetched once, goes on after an interruption where it stopped, and is accepted only with
the SHA-256 that its server declares for it.
"""

import time
import urllib.error
import urllib.request
from pathlib import Path

from corpus import Corpus, CorpusError, file_sha256

URL = "https://huggingface.co/datasets/karpathy/climbmix-400b-shuffle/resolve/main"
VALIDATION_SHARD, HOLDOUT_SHARD = 6542, 6541
TRAIN_SHARDS = 10

_CHUNK = 1 << 20
_TRIES = 5
_TIMEOUT = 30.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The hash stands in the answer that redirects."""

    def redirect_request(self, *_: object) -> None:
        return None


def climbmix(cache: Path, url: str = URL, train_shards: int = TRAIN_SHARDS) -> Corpus:
    """Documents of the first shards, of the pinned validation shard and of one set aside.

    Raises:
        CorpusError: a shard cannot be had.
    """
    train = [doc for n in range(train_shards) for doc in _documents(_shard(cache, url, n))]
    validation = _documents(_shard(cache, url, VALIDATION_SHARD))
    holdout = _documents(_shard(cache, url, HOLDOUT_SHARD))
    return Corpus(train, validation, holdout)


def _documents(path: Path) -> list[str]:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path, columns=["text"]).column("text").to_pylist()


def _shard(cache: Path, url: str, number: int) -> Path:
    name = f"shard_{number:05d}.parquet"
    return fetch(f"{url}/{name}", cache / "climbmix" / name)


def fetch(url: str, path: Path, pause: float = 2.0) -> Path:
    """Bring a file here unless it is here, whole and undamaged; `pause` s before the next try.

    Raises:
        CorpusError: the server does not give it, or gives another one than it declares.
    """
    mark = path.with_name(f"{path.name}.sha256")
    if path.exists() and mark.exists():
        if file_sha256(path) == mark.read_text(encoding="ascii"):
            return path
        print(f"{path}: damaged, fetched again", flush=True)
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    problem = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            declared = _declared(url)
            _download(url, part)
        except (OSError, ValueError) as error:
            problem = str(error)
            continue
        if (digest := file_sha256(part)) == declared:
            part.replace(path)
            mark.write_text(digest, encoding="ascii")
            return path
        problem = "what came is not what the server declares"
        part.unlink()
    raise CorpusError(f"{url}: could not be fetched: {problem}")


def _declared(url: str) -> str:
    """The SHA-256 that the server declares, in the header of files kept outside of git."""
    opener = urllib.request.build_opener(_NoRedirect)
    request = urllib.request.Request(url, method="HEAD")
    try:
        with opener.open(request, timeout=_TIMEOUT) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:
        if error.code not in (301, 302, 303, 307, 308):
            raise
        headers = error.headers
    digest = (headers.get("X-Linked-Etag") or "").strip('"')
    if len(digest) != 64:
        raise ValueError("the server declares no SHA-256 for it")
    return digest


def _download(url: str, part: Path) -> None:
    begun = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={begun}-"} if begun else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            # Nothing is left to fetch: the hash tells whether it is right.
            return
        raise
    with answer, part.open("ab" if answer.status == 206 else "wb") as file:
        done = begun if answer.status == 206 else 0
        whole = done + int(answer.headers.get("Content-Length") or 0)
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            print(f"\r{part.stem}: {done / 1e6:.0f} of {whole / 1e6:.0f} MB", end="", flush=True)
    print()
    if done < whole:
        raise OSError(f"broke off after {done:,} of {whole:,} bytes")
