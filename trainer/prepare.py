"""What stays fixed while train.py is searched: data, tokenizer, budget, evaluation.

Run `python trainer/prepare.py` once: it fetches and tokenises the text (`--text PATH`: one's own).
Researchers may not edit this file.

Environment: AUTORESEARCH_CACHE (where the data is kept), AUTORESEARCH_SEED, AUTORESEARCH_PROFILE
(`cpu` or `gpu`, chosen by the hardware), AUTORESEARCH_BUDGET_SECONDS, AUTORESEARCH_RESULT (a file
that gets the summary as JSON), AUTORESEARCH_NONCE (copied into it).
"""

import argparse
import fcntl
import json
import math
import os
import pickle
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_IMPORTED_AT = time.perf_counter()

import numpy as np
import torch

from climbmix import climbmix
from clock import Budget
from corpus import (
    WHEEL,
    Corpus,
    CorpusError,
    embedded_text,
    sha256,
    split,
    write_atomically,
)

Value = TypeVar("Value")

SPECIAL = "<|bos|>"
_PATTERN = r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"""
_FORMAT = 1
_AT_ONCE = 512

_TOKENIZER_CHARACTERS = 1_000_000_000
"""Of the training text that the tokenizer is made from, in documents of 10,000 at most."""


@dataclass(frozen=True)
class Profile:
    """What the hardware allows. `budget` is in seconds, virtual ones on a CPU."""

    name: str
    vocabulary: int
    budget: float
    evaluated_tokens: int


_PROFILES = {
    "cpu": Profile("cpu", vocabulary=2048, budget=25.0, evaluated_tokens=65_536),
    "gpu": Profile("gpu", vocabulary=8192, budget=300.0, evaluated_tokens=1 << 20),
}


def _choose_profile() -> Profile:
    name = os.environ.get("AUTORESEARCH_PROFILE") or ("gpu" if torch.cuda.is_available() else "cpu")
    if name not in _PROFILES:
        sys.exit(f"FAIL: AUTORESEARCH_PROFILE is {name!r}; known: {', '.join(_PROFILES)}")
    return _PROFILES[name]


PROFILE = _choose_profile()
SEED = int(os.environ.get("AUTORESEARCH_SEED") or 42)
DEVICE = torch.device("cuda" if torch.cuda.is_available() and PROFILE.name == "gpu" else "cpu")
VOCABULARY = PROFILE.vocabulary


def by_profile(*, cpu: Value, gpu: Value) -> Value:
    """The value for the hardware at hand."""
    return cpu if PROFILE.name == "cpu" else gpu


def cache_dir() -> Path:
    """Where data is kept between runs."""
    given = os.environ.get("AUTORESEARCH_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "autoresearch-tui"


def start() -> Budget:
    """Make everything deterministic, say what runs where, and start the clock."""
    threads = int(os.environ.get("OMP_NUM_THREADS") or 1)
    if DEVICE.type == "cpu":
        torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    seconds = float(os.environ.get("AUTORESEARCH_BUDGET_SECONDS") or PROFILE.budget)
    is_virtual = DEVICE.type == "cpu"
    kind = "virtual s" if is_virtual else "s"
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else f"{threads} thread(s)"
    print(f"profile {PROFILE.name}: {DEVICE.type} ({name}), budget {seconds:g} {kind}, seed {SEED}")
    return Budget(seconds, virtual=is_virtual, seed=SEED)


# --- the data -----------------------------------------------------------------------------------


def _folder() -> Path:
    return cache_dir() / f"tokens-{VOCABULARY}-v{_FORMAT}"


def prepare(text: Path | None = None) -> None:
    """Fetch and tokenise the text unless that is done; several processes may ask at once."""
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if text is None and _is_whole():
            print(f"data: ready in {_folder()}")
            return
        _tokenise(*_corpus(cache, text))


def _corpus(cache: Path, text: Path | None) -> tuple[str, Corpus]:
    """Where the text comes from, and the text: climbmix for GPUs, else the plays."""
    if text is not None:
        return str(text), split(text.read_bytes())
    if PROFILE.name == "gpu":
        try:
            return "climbmix", climbmix(cache)
        except CorpusError as error:
            print(
                f"{error}\nthe plays are used in its place: val_bpb is not comparable", flush=True
            )
    return WHEEL, split(embedded_text(cache))


def _is_whole() -> bool:
    try:
        about = json.loads((_folder() / "about.json").read_text(encoding="utf-8"))
        return all(
            sha256((_folder() / name).read_bytes()) == digest
            for name, digest in about["files"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def _tokenise(source: str, corpus: Corpus) -> None:
    import rustbpe
    import tiktoken

    print(f"tokenizer: {VOCABULARY} tokens", flush=True)
    trainer = rustbpe.Tokenizer()
    trainer.train_from_iterator(_sample(corpus.train), VOCABULARY - 1, pattern=_PATTERN)
    ranks = {bytes(piece): rank for piece, rank in trainer.get_mergeable_ranks()}
    encoding = tiktoken.Encoding(
        name="trainer",
        pat_str=trainer.get_pattern(),
        mergeable_ranks=ranks,
        special_tokens={SPECIAL: len(ranks)},
    )
    files = {"tokenizer.pickle": pickle.dumps((trainer.get_pattern(), ranks))}
    kinds = {"train": corpus.train, "validation": corpus.validation, "holdout": corpus.holdout}
    for kind, documents in kinds.items():
        files[f"{kind}.u16"] = _encode(kind, documents, encoding).tobytes()
    for name, content in files.items():
        write_atomically(_folder() / name, content)
    digests = {name: sha256(content) for name, content in files.items()}
    about = {"source": source, "files": digests}
    write_atomically(_folder() / "about.json", json.dumps(about).encode())
    print(f"data: {source}, ready in {_folder()}", flush=True)


def _sample(documents: list[str]) -> Iterator[str]:
    """What the tokenizer is made from: all of a small text, a part of a large one."""
    is_large = sum(map(len, documents)) > _TOKENIZER_CHARACTERS
    left = _TOKENIZER_CHARACTERS
    for document in documents:
        yield document[:10_000] if is_large else document
        left -= min(len(document), 10_000)
        if is_large and left <= 0:
            return


def _encode(kind: str, documents: list[str], encoding: object) -> np.ndarray:
    pieces: list[np.ndarray] = []
    for first in range(0, len(documents), _AT_ONCE):
        batch = documents[first : first + _AT_ONCE]
        for ids in encoding.encode_ordinary_batch(batch):  # type: ignore[attr-defined]
            pieces.append(np.array([VOCABULARY - 1, *ids], dtype=np.uint16))
        print(f"\rtokenising {kind}: {len(pieces)}/{len(documents)}", end="", flush=True)
    print()
    return np.concatenate(pieces)


def tokens(kind: str) -> torch.Tensor:
    """All tokens of a split (`train` or `validation`), int64, one dimension."""
    path = _folder() / f"{kind}.u16"
    if not path.exists():
        sys.exit("FAIL: no data yet; run `python trainer/prepare.py` once")
    mapped = np.memmap(path, dtype=np.uint16, mode="r")
    return torch.from_numpy(mapped.astype(np.int64))


def token_bytes() -> torch.Tensor:
    """Length of each token in bytes of text; 0 for the special one. Shape (VOCABULARY,)."""
    _, ranks = pickle.loads((_folder() / "tokenizer.pickle").read_bytes())
    sizes = torch.zeros(VOCABULARY, dtype=torch.int64)
    for piece, rank in ranks.items():
        sizes[rank] = len(piece)
    return sizes


def batches(rows: int, context: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Random windows of the training text, for ever: inputs and targets, each (rows, context)."""
    data = tokens("train")
    if rows < 1 or not 1 <= context < len(data):
        sys.exit(f"FAIL: a batch of {rows} rows of {context} tokens cannot be made")
    generator = torch.Generator().manual_seed(SEED)
    offsets = torch.arange(context + 1)
    while True:
        starts = torch.randint(len(data) - context, (rows, 1), generator=generator)
        window = data[starts + offsets].to(DEVICE, non_blocking=True)
        yield window[:, :-1], window[:, 1:]


# --- the exam -----------------------------------------------------------------------------------


@torch.no_grad()
def evaluate_bpb(model: torch.nn.Module, context: int, kind: str = "validation") -> float:
    """Bits per byte on a split: summed loss in bits, by the bytes of text that were predicted.

    `model(inputs, targets)` gives the loss of each token in nats, with the shape of `targets`.
    """
    data = tokens(kind)[: PROFILE.evaluated_tokens + 1]
    sizes = token_bytes()
    rows = max(1, 8192 // context) if DEVICE.type == "cpu" else max(1, 131_072 // context)
    nats, count = 0.0, 0
    whole = (len(data) - 1) // context * context
    inputs = data[:whole].view(-1, context)
    targets = data[1 : whole + 1].view(-1, context)
    for first in range(0, len(inputs), rows):
        x = inputs[first : first + rows].to(DEVICE)
        y = targets[first : first + rows].to(DEVICE)
        size = sizes[y.cpu()]
        losses = model(x, y).float().cpu()
        # The special token is no text: neither its loss nor its bytes count.
        nats += float(losses[size > 0].double().sum())
        count += int(size.sum())
    return nats / (math.log(2) * count)


def report(model: torch.nn.Module, budget: Budget, *, context: int, rows: int, depth: int) -> None:
    """Score the model and print the summary, as the last thing that a run does."""
    trained = time.perf_counter() - budget.started_at
    model.eval()
    val_bpb = evaluate_bpb(model, context)
    if not math.isfinite(val_bpb):
        sys.exit(f"FAIL: val_bpb is {val_bpb}")
    memory = torch.cuda.max_memory_allocated() / 2**20 if DEVICE.type == "cuda" else 0.0
    peak = 989e12 if DEVICE.type == "cuda" else 275e9
    summary = {
        "val_bpb": round(val_bpb, 6),
        "training_seconds": round(trained, 1),
        "total_seconds": round(time.perf_counter() - _IMPORTED_AT, 1),
        "startup_seconds": round(budget.startup, 1),
        "peak_vram_mb": round(memory, 1),
        "mfu_percent": round(100 * budget.flops * budget.steps / max(trained, 1e-9) / peak, 2),
        "total_tokens_M": round(budget.steps * rows * context / 1e6, 3),
        "num_steps": budget.steps,
        "num_params_M": round(sum(p.numel() for p in model.parameters()) / 1e6, 3),
        "depth": depth,
    }
    print("\n---")
    for name, value in summary.items():
        print(f"{name}: {value:.6f}" if name == "val_bpb" else f"{name}: {value}", flush=True)
    if path := os.environ.get("AUTORESEARCH_RESULT"):
        nonce = os.environ.get("AUTORESEARCH_NONCE", "")
        text = json.dumps({**summary, "val_bpb": val_bpb, "nonce": nonce})
        write_atomically(Path(path), text.encode())


def main() -> None:
    """Prepare the data from the command line."""
    parser = argparse.ArgumentParser(description="Fetch and tokenise the text.")
    parser.add_argument("--text", type=Path, help="a text file of your own, in UTF-8")
    arguments = parser.parse_args()
    try:
        prepare(arguments.text)
    except (CorpusError, OSError, UnicodeDecodeError) as error:
        sys.exit(f"FAIL: {error}")


if __name__ == "__main__":
    main()
