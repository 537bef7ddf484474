"""What a job on this machine sees of the engine's environment: its secrets never."""

import re
from collections.abc import Mapping
from pathlib import Path

_SECRET = re.compile(
    r"(^|_)(API_?KEY|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS|PRIVATE_KEY|ACCESS_KEY(_ID)?|PAT)$"
    r"|SECRET"
    # An agent's socket lets whoever reaches it log in elsewhere.
    r"|^SSH_(AUTH_SOCK|AGENT_PID)$",
    re.IGNORECASE,
)

_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables whose names do not speak of a key, token, password or secret."""
    return {name: value for name, value in environ.items() if not _SECRET.search(name)}


def base_environment(environ: Mapping[str, str], python: str, prefix: str) -> dict[str, str]:
    """The start of a job's environment.

    `python` becomes the first on the path, and `prefix` the active virtual environment unless it
    is empty. Output is not buffered, so that logs stream.
    """
    env = without_secrets(environ)
    env["PYTHONUNBUFFERED"] = "1"
    if python:
        path = env.get("PATH") or "/usr/local/bin:/usr/bin:/bin"
        env["PATH"] = f"{Path(python).parent}:{path}"
    if prefix:
        env["VIRTUAL_ENV"] = prefix
    return env


def thread_limits(threads: int) -> dict[str, str]:
    """Variables that hold the usual thread pools to `threads`."""
    return dict.fromkeys(_THREADS, str(threads))


def task_variables(accelerators: int) -> dict[str, str]:
    """What SkyPilot tells a task about its node, for one node with `accelerators`."""
    return {
        "SKYPILOT_NUM_NODES": "1",
        "SKYPILOT_NODE_RANK": "0",
        "SKYPILOT_NODE_IPS": "127.0.0.1",
        "SKYPILOT_NUM_GPUS_PER_NODE": str(accelerators),
    }
