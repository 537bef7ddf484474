"""What accelerators say of themselves, in a few words."""

from collections.abc import Sequence

_FIELDS = 5
"""As nvidia-smi has them: load (%), memory used and there (MiB), temperature (°C), power (W)."""


def gpu_words(lines: Sequence[str]) -> str:
    """`97 % 44/80 GB 63 °C 650 W` of a line of numbers for each GPU.

    Of several it is the mean utilisation, all memory, the hottest, and all power.
    """
    rows = [row for line in lines if (row := _numbers(line)) is not None]
    if not rows:
        return ""
    busy, used, there, heat, power = zip(*rows, strict=True)
    memory = f"{sum(used) / 1024:.0f}/{sum(there) / 1024:.0f} GB"
    count = f"{len(rows)} GPUs " if len(rows) > 1 else ""
    return f"{count}{sum(busy) / len(busy):.0f} % {memory} {max(heat):.0f} °C {sum(power):.0f} W"


def _numbers(line: str) -> list[float] | None:
    parts = line.split(",")
    if len(parts) != _FIELDS:
        return None
    try:
        # What a card does not tell is written in brackets.
        return [0.0 if "[" in part else float(part) for part in parts]
    except ValueError:
        return None
