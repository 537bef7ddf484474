"""Numbers and times in the short words in which an operator reads them."""

import time


def duration(seconds: float) -> str:
    """Such as `42s`, `3m20s`, `7h05m`, `2d04h`."""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def percent(share: float | None) -> str:
    """A share of 0 to 1 in whole percent; never 100 % unless it is."""
    if share is None:
        return "–"
    return f"{100 * share:.0f}%" if not 0.995 <= share < 1 else "99%"


def count(number: int, noun: str) -> str:
    """Such as `1 run`, `3 runs`."""
    return f"{number} {noun}{'s' if number != 1 else ''}"


def clock_of(seconds: float) -> str:
    """The time of day of Unix seconds, here."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))
