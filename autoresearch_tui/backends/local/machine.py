"""What this machine can run at a time: its GPUs, or its cores, as shares for slots."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoresearch_tui.backends.local.environment import task_variables, thread_limits

# Memory sizes that stand for different speeds of a GPU of one name, as SkyPilot tells them apart.
_SIZES_THAT_MATTER = {("A100", "80GB"), ("V100", "32GB")}
_NO_PART_OF_A_NAME = re.compile(r"^(NVIDIA|Tesla|GeForce|Quadro|Generation|HBM\w*|SXM\d?)$", re.I)


@dataclass(frozen=True, slots=True)
class Share:
    """One slot's share of the machine: CPUs to pin to (none: not pinned) and variables to set."""

    name: str
    accelerator: str
    cpus: tuple[int, ...] = ()
    envs: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Cores:
    """Physical cores as tuples of their logical CPUs; `pinnable` where a slot may own some."""

    groups: tuple[tuple[int, ...], ...]
    pinnable: bool


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU: its index in bus order, its unique id and its short name."""

    index: str
    uuid: str
    name: str


def shares(slots: int | None, environ: Mapping[str, str]) -> list[Share]:
    """Divide the machine into `slots`, by default one a GPU, or one a physical core without GPUs.

    Never more than one slot a GPU. May take seconds: it asks the NVIDIA driver.
    """
    cores = find_cores()
    gpus = visible_gpus(_query_gpus(), environ.get("CUDA_VISIBLE_DEVICES"))
    return gpu_shares(gpus, slots, len(cores.groups)) if gpus else cpu_shares(cores, slots)


def gpu_shares(gpus: list[Gpu], slots: int | None, cores: int) -> list[Share]:
    """One slot a GPU; threads are divided, cores are not."""
    used = gpus[:slots]
    threads = max(1, cores // len(used))
    return [
        Share(
            f"gpu-{number:02d}",
            gpu.name,
            envs={
                **thread_limits(threads),
                **task_variables(1),
                "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
                "CUDA_VISIBLE_DEVICES": gpu.index,
            },
        )
        for number, gpu in enumerate(used, 1)
    ]


def cpu_shares(cores: Cores, slots: int | None) -> list[Share]:
    """Equal numbers of cores for each slot; cores are shared only where slots outnumber them."""
    count = slots or len(cores.groups)
    each = max(1, len(cores.groups) // count)
    result: list[Share] = []
    for number in range(count):
        first = number * each % len(cores.groups)
        mine = cores.groups[first : first + each]
        cpus = tuple(sorted(cpu for group in mine for cpu in group)) if cores.pinnable else ()
        envs = {**thread_limits(each), **task_variables(0)}
        result.append(Share(f"cpu-{number + 1:02d}", "CPU", cpus, envs))
    return result


def find_cores() -> Cores:
    """The physical cores that this process may use."""
    if not hasattr(os, "sched_getaffinity"):
        count = _sysctl_cores() or os.cpu_count() or 1
        return Cores(tuple((number,) for number in range(count)), pinnable=False)
    groups = group_by_core(os.sched_getaffinity(0), Path("/sys/devices/system/cpu"))
    quota = cpu_quota(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))
    if quota is not None and quota < len(groups):
        # Others have the same right to these cores, and would pin themselves to the same.
        return Cores(groups[: max(1, int(quota))], pinnable=False)
    return Cores(groups, pinnable=True)


def group_by_core(cpus: Iterable[int], sysfs: Path) -> tuple[tuple[int, ...], ...]:
    """Put logical CPUs of one physical core together, as `sysfs` describes them."""
    groups: dict[str, list[int]] = {}
    for cpu in sorted(cpus):
        try:
            core = (sysfs / f"cpu{cpu}/topology/thread_siblings_list").read_text()
        except OSError:
            core = f"cpu {cpu}"
        groups.setdefault(core, []).append(cpu)
    return tuple(tuple(group) for group in groups.values())


def cpu_quota(mount: Path, membership: Path) -> float | None:
    """CPUs that the control groups allow, of either version; None where they set no limit."""
    quotas = [_read_quota(mount / "cpu/cpu.cfs_quota_us", mount / "cpu/cpu.cfs_period_us")]
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("0::"):
            own = mount / line[3:].lstrip("/")
            for group in (own, *own.parents):
                if group.is_relative_to(mount):
                    quotas.append(_read_quota(group / "cpu.max"))
    known = [quota for quota in quotas if quota is not None]
    return min(known, default=None)


def visible_gpus(gpus: list[Gpu], allowed: str | None) -> list[Gpu]:
    """The GPUs that `allowed`, a value of CUDA_VISIBLE_DEVICES, leaves, in its order."""
    if allowed is None:
        return gpus
    result: list[Gpu] = []
    for entry in allowed.split(","):
        word = entry.strip()
        found = [
            gpu
            for gpu in gpus
            if gpu.index == word or (word.startswith("GPU-") and gpu.uuid.startswith(word))
        ]
        if not found:
            # As CUDA does: what follows an unknown device is not visible.
            break
        result += [gpu for gpu in found if gpu not in result]
    return result


def short_name(name: str) -> str:
    """A GPU's name as SkyPilot has it: `NVIDIA A100-SXM4-80GB` is `A100-80GB`."""
    kept: list[str] = []
    for word in re.split(r"[\s-]+", name.strip()):
        is_size = re.fullmatch(r"\d+GB", word) is not None
        if is_size and (kept[-1:] and (kept[0], word) not in _SIZES_THAT_MATTER):
            continue
        if not _NO_PART_OF_A_NAME.match(word):
            kept.append(word)
    if len(kept) > 1 and kept[0] == "RTX":
        kept[:2] = [kept[0] + kept[1]]
    return "-".join(kept) or name


def parse_gpus(text: str) -> list[Gpu]:
    """Read what nvidia-smi prints for `index,uuid,name` as CSV without a header."""
    rows = [line.split(",", 2) for line in text.splitlines()]
    return [
        Gpu(row[0].strip(), row[1].strip(), short_name(row[2]))
        for row in rows
        if len(row) == 3 and row[0].strip().isdigit()
    ]


def _query_gpus() -> list[Gpu]:
    command = ["nvidia-smi", "--query-gpu=index,uuid,name", "--format=csv,noheader"]
    return parse_gpus(_output(command, timeout=30))


def _sysctl_cores() -> int | None:
    if sys.platform != "darwin":
        return None
    text = _output(["sysctl", "-n", "hw.physicalcpu"], timeout=5)
    return int(text) if text.strip().isdigit() else None


def _output(command: list[str], timeout: float) -> str:
    """What a command prints; empty where it is missing, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout


def _read_quota(*paths: Path) -> float | None:
    """CPUs of `cpu.max`, or of a file with the quota and one with the period."""
    try:
        quota, period = " ".join(path.read_text().strip() for path in paths).split()
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
