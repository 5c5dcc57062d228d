"""Shares and durations as people write them: 2%, 0.02, 25m, 1h30m, 90s."""

import math
import re

from gpubench.errors import BadUsage
from gpubench.units import Seconds, parse_share

NONE = "none"
_UNITS = {"h": 3600, "m": 60, "min": 60, "s": 1}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(h|min|m|s)")


def share(text: str, option: str) -> float | None:
    """A share between 0 and 1; None for ``none``, BadUsage for what is no share."""
    words = text.strip()
    if words == NONE:
        return None
    value = parse_share(words)
    if value is None:
        raise BadUsage(f"{option} {text}: a share such as 2% or 0.02 is expected, or {NONE}")
    return value


def duration(text: str, option: str) -> Seconds | None:
    """Seconds; None for ``none``, BadUsage for what is no duration."""
    words = text.strip()
    if words == NONE:
        return None
    parts = _DURATION.findall(words)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if _DURATION.sub("", words).strip() or not 0 < seconds < math.inf:
        raise BadUsage(f"{option} {text}: a time such as 25m, 1h30m or 90s is expected, or {NONE}")
    return Seconds(seconds)
