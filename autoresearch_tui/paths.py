"""Where a study keeps its state; every room asks here."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

STATE_NAME = ".autoresearch"

# The kernel's limit is 108 bytes on Linux and 104 on macOS.
_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True, slots=True)
class StudyPaths:
    """The paths of the study whose git repository is `root`."""

    root: Path

    @property
    def state(self) -> Path:
        """Directory of everything that is not in git."""
        return self.root / STATE_NAME

    @property
    def database(self) -> Path:
        """The SQLite file; only the engine writes it."""
        return self.state / "study.db"

    @property
    def lock(self) -> Path:
        """Held by the engine while it lives."""
        return self.state / "engine.lock"

    @property
    def engine_log(self) -> Path:
        """What the engine says of itself."""
        return self.state / "engine.log"

    @property
    def logs(self) -> Path:
        """One file a run, and one a cluster's set-up."""
        return self.state / "logs"

    def run_log(self, run: str) -> Path:
        """The output of `run`, carriage returns collapsed."""
        return self.logs / f"{run}.log"

    def setup_log(self, cluster: str) -> Path:
        """The output of the set-up of `cluster`."""
        return self.logs / f"setup-{cluster}.log"

    @property
    def snapshots(self) -> Path:
        """Files of runs, on their way to a cluster."""
        return self.state / "snapshots"

    @property
    def local(self) -> Path:
        """State of the local backend."""
        return self.state / "local"

    @property
    def skypilot(self) -> Path:
        """State of the backend of SkyPilot's clusters."""
        return self.state / "skypilot"

    @property
    def results(self) -> Path:
        """karpathy's table of results."""
        return self.root / "results.tsv"

    @property
    def socket(self) -> Path:
        """The engine's socket; under a short private path where the state's own is too long."""
        path = self.state / "engine.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        base = Path(runtime) if runtime else Path(tempfile.gettempdir())
        return base / f"autoresearch-{os.getuid()}" / f"{digest}.sock"
