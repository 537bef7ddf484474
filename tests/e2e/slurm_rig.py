"""A real Slurm on this machine, with pretended GPUs, on which the real SkyPilot launches."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from autoresearch_tui.backends.skypilot.server import end_orphans

psutil = pytest.importorskip("psutil", reason="comes with the extra `skypilot`")

HOMES = "autoresearch-home-"
"""What the homes of SkyPilot's servers are called that these tests start."""

HERE = Path(__file__).parent / "slurm"


class Slurm:
    """The rig: commands run with its environment, and SkyPilot's state is in a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.sky = Path(sys.executable).with_name("sky")
        # Jobs run as another user, who must be able to write here.
        self.shared = Path(tempfile.mkdtemp(prefix="autoresearch-slurm-"))
        self.shared.chmod(0o777)
        self.env = {
            **os.environ,
            "HOME": str(home),
            "PATH": f"{self.sky.parent}:{os.environ['PATH']}",
            "SKY": str(self.sky),
            "SKYPILOT_DISABLE_USAGE_COLLECTION": "1",
        }

    def run(self, *words: str | Path, timeout: float = 300.0) -> str:
        """The output of a command that must succeed."""
        done = subprocess.run(
            [str(word) for word in words],
            env=self.env,
            timeout=timeout,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def add_program(self, name: str, text: str) -> None:
        """Put a program onto the path of what clusters execute."""
        place = Path("/var/lib/skyslurm/bin") / name
        place.write_text(text)
        place.chmod(0o755)

    def allocations(self) -> dict[str, str]:
        """The numbers of the Slurm jobs that run, by the clusters that they are."""
        lines = self.run("squeue", "-h", "-o", "%i %j").split("\n")
        pairs = [line.split() for line in lines if line]
        return {name.rpartition("-")[0]: number for number, name in pairs}

    def servers(self) -> list[Any]:
        """SkyPilot's API server: its process and all below it."""
        found = [
            process
            for process in psutil.process_iter(["cmdline", "environ"])
            if "sky.server.server" in " ".join(process.info["cmdline"] or ())
            and HOMES in (process.info["environ"] or {}).get("HOME", "")
        ]
        return [each for top in found for each in (*top.children(recursive=True), top)]

    def kill_server(self) -> None:
        """End the API server with all below it, as a machine that fails would."""
        for process in self.servers():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue


@contextmanager
def slurm() -> Generator[Slurm]:
    """Bring the rig up, and take it down again."""
    home = Path(tempfile.mkdtemp(prefix=HOMES))
    rig = Slurm(home)
    try:
        # A run of these tests that was killed leaves one, and it keeps the port.
        rig.kill_server()
        end_orphans()
        rig.run("bash", HERE / "up", timeout=600)
        yield rig
    finally:
        rig.kill_server()
        subprocess.run(["bash", str(HERE / "down")], env=rig.env, timeout=120, check=False)
        for place in (home, rig.shared):
            shutil.rmtree(place, ignore_errors=True)
