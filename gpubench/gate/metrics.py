"""What is gated of a cell, which way is worse, and how much worse is tolerated.

Every metric is compared as a cost: more is worse. The cost of a throughput is the time that a
sample takes. An effect of +0.06 means that the candidate costs 6 % more; costs are positive and
their noise is relative, so all arithmetic is done on natural logarithms.
"""

import dataclasses
import math
from collections.abc import Mapping

from gpubench import units
from gpubench.errors import BadUsage, UnknownName


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure of a process; ``unit`` is that of its values.

    ``tolerance`` is the share of cost that may be added, ``waiting_tolerance`` where the GPU
    waits for data or the host (DESIGN §7). ``sign`` is −1 where more is better. A metric that
    ``is_optional`` may have too few values to be judged without holding up the report.
    """

    name: str
    title: str
    unit: str
    tolerance: float
    waiting_tolerance: float | None = None
    sign: int = 1
    is_optional: bool = False

    def cost(self, value: float) -> float:
        """The logarithm of what a positive value costs."""
        return self.sign * math.log(value)

    def value(self, cost: float) -> float:
        """The value of which that is the cost."""
        return math.exp(self.sign * cost)


METRICS = (
    Metric(
        name="throughput",
        title="throughput",
        unit="samples/s",
        tolerance=0.03,
        waiting_tolerance=0.05,
        sign=-1,
    ),
    Metric(
        name="compile-seconds",
        title="compile seconds, cold cache",
        unit="s",
        tolerance=0.20,
        is_optional=True,
    ),
    Metric(
        name="compile-seconds-warm",
        title="compile seconds, warm cache",
        unit="s",
        tolerance=0.20,
        is_optional=True,
    ),
    Metric(name="peak-memory", title="peak memory", unit="B", tolerance=0.02),
    Metric(name="energy", title="energy per sample", unit="J", tolerance=0.05, is_optional=True),
)
"""The metrics that are compared as figures; parity is judged by its own bands."""

PARITY = "parity"


def metric_named(name: str) -> Metric:
    """The metric of that name; UnknownName with the nearest names otherwise."""
    for metric in METRICS:
        if metric.name == name:
            return metric
    raise UnknownName("metric", name, (metric.name for metric in METRICS))


def tolerance_of(metric: Metric, asked: Mapping[str, float], *, waits: bool) -> float:
    """The share of added cost that is tolerated: what was asked for, else the metric's own."""
    if metric.name in asked:
        return asked[metric.name]
    if waits and metric.waiting_tolerance is not None:
        return metric.waiting_tolerance
    return metric.tolerance


def parse_tolerances(text: str | None) -> dict[str, float]:
    """``3%`` is of throughput; ``throughput=3%,peak-memory=1%`` names each metric."""
    asked = {}
    for part in filter(None, (part.strip() for part in (text or "").split(","))):
        name, is_named, share = part.rpartition("=")
        asked[metric_named(name.strip() if is_named else "throughput").name] = _share(share)
    return asked


def _share(text: str) -> float:
    share = units.parse_share(text)
    if share is None:
        raise BadUsage(
            f"--tolerance {text.strip()}: give a share such as 3% or 0.03, above 0 and below 100 %"
        )
    return share
