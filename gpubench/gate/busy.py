"""How busy the GPU was in a cell, and whether the host held it up."""

import statistics
from collections.abc import Sequence

from gpubench.bench.record import Measurement

HOST_BOUND_BELOW = 0.9
"""Below this share of busy time a cell is called host-bound (own choice): kernels that follow
each other without a wait leave gaps of a few microseconds, well under a tenth of a step."""


def busy_share(measurements: Sequence[Measurement]) -> float | None:
    """The share of a step in which the GPU computes or copies; the median over processes."""
    shares = [share for m in measurements if m.counts and (share := _share(m)) is not None]
    return statistics.median(shares) if shares else None


def is_host_bound(share: float | None) -> bool:
    """Whether the GPU waits so much that the host sets the pace; unknown is no."""
    return share is not None and share < HOST_BOUND_BELOW


def _share(measurement: Measurement) -> float | None:
    """Busy time of a profiled step over the shorter of its own wall time and the window's.

    The profiler slows the host, never the kernels, so the window's step is the truer one where
    it is shorter. A step fed from outside has the window's alone: the profile begins with batches
    that were ready by then.
    """
    profile = measurement.profile
    if not profile.get("busy_seconds") or not profile.get("steps") or not measurement.step_seconds:
        return None
    busy = profile["busy_seconds"] / profile["steps"]
    window = (measurement.window_seconds or 0) / len(measurement.step_seconds)
    fed = "waiting_seconds" in measurement.feeding
    step = window if fed else min(profile["wall_seconds"] / profile["steps"], window)
    return min(1.0, busy / step) if step > 0 else None
