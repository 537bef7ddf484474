"""What a job on this machine sees of the engine's environment: what is named here, no more."""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

_RUN = re.compile(
    r"HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TERM|PATH|LD_LIBRARY_PATH"
    r"|XDG_CACHE_HOME|HF_HOME|HF_DATASETS_CACHE|HF_HUB_OFFLINE|TORCH\w*|PYTORCH\w*|TRITON\w*"
    r"|CUDA\w*|NVIDIA\w*|NCCL\w*|ROCR?\w*|HIP\w*|OPENBLAS\w*|OMP_\w+|MKL_\w+|AUTORESEARCH_\w+"
)
_INSTALL = re.compile(
    r"PIP_\w+|UV_\w+|CONDA_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|HF_ENDPOINT"
    r"|(HTTP|HTTPS|ALL|NO|FTP)_PROXY",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"(^|_)(API_?KEY|KEY|TOKEN|PASS|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS|ACCESS_KEY_ID|PAT)$|SECRET",
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


def allowed(
    environ: Mapping[str, str], also: Iterable[str] = (), *, install: bool = False
) -> dict[str, str]:
    """The variables that a run may see: those of the system, and those named in `also`.

    With `install` also what package managers and downloads need.
    """
    named = frozenset(also)

    def is_allowed(name: str) -> bool:
        if name in named:
            return True
        if _SECRET.search(name):
            return False
        return bool(_RUN.fullmatch(name) or (install and _INSTALL.fullmatch(name)))

    return {name: value for name, value in environ.items() if is_allowed(name)}


def job_environment(
    environ: Mapping[str, str],
    python: Path,
    also: Iterable[str] = (),
    *,
    install: bool = False,
) -> dict[str, str]:
    """The start of a job's environment.

    `python` is the `bin` of the study's own Python: the first on the path, from which our own is
    taken away. Output is not buffered, so that logs stream.
    """
    env = allowed(environ, also, install=install)
    path = env.get("PATH") or "/usr/local/bin:/usr/bin:/bin"
    ours = {Path(sys.executable).parent, Path(sys.prefix, "bin")} - {Path(sys.base_prefix, "bin")}
    kept = [part for part in path.split(os.pathsep) if part and Path(part) not in ours]
    return env | {
        "PATH": os.pathsep.join([str(python), *kept]),
        "VIRTUAL_ENV": str(python.parent),
        "PYTHONUNBUFFERED": "1",
        # A uv project has one environment for the whole study, made by the set-up.
        "UV_PROJECT_ENVIRONMENT": str(python.parent.with_name("uv")),
    }


def offline_uv() -> dict[str, str]:
    """Variables by which `uv run` uses the environment of the set-up as it is."""
    return {"UV_NO_SYNC": "1", "UV_OFFLINE": "1", "UV_NO_CACHE": "1"}


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
