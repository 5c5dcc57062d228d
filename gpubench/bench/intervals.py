"""Student's t over the processes of a cell: how wide the interval of its throughput is.

Throughputs are positive and their noise is relative, so all is done in their logarithms.
"""

import functools
import math
import statistics
from collections.abc import Sequence

CONFIDENCE = 0.95


@functools.lru_cache(maxsize=4096)
def quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Student's t for a two-sided interval."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2))


def log_half_width(throughputs: Sequence[float]) -> float | None:
    """Half the interval of the mean logarithm; None for fewer than two processes.

    For small values this is the share of the throughput itself: 0.01 is ± 1 %.
    """
    if len(throughputs) < 2:
        return None
    logs = [math.log(value) for value in throughputs]
    return quantile(len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
