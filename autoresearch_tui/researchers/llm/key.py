"""Where the API key comes from; it is never stored, logged or passed to runs."""

import os
import stat
from pathlib import Path

from autoresearch_tui.errors import ResearcherError

VARIABLE = "ANTHROPIC_API_KEY"


def has_key(key_file: str) -> bool:
    """Whether there is somewhere to take a key from."""
    return bool(key_file or os.environ.get(VARIABLE))


def api_key(key_file: str) -> str:
    """The key, from the file if one is named, else from the environment.

    Raises:
        ResearcherError: there is none, or others may read the file.
    """
    if not key_file:
        if key := os.environ.get(VARIABLE, "").strip():
            return key
        raise ResearcherError(
            f"no API key: set {VARIABLE}, or llm.key_file to a file that holds it"
        )
    path = Path(key_file).expanduser()
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ResearcherError(f"{path}: others may read the API key: `chmod 600 {path}`")
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ResearcherError(f"llm.key_file: {path} cannot be read: {error}") from None
    if not key or "\n" in key:
        raise ResearcherError(f"llm.key_file: {path} must hold the key and nothing else")
    return key
