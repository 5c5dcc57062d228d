"""Gauges in Prometheus's text format 0.0.4, as node_exporter's textfile collector reads them.

https://prometheus.io/docs/instrumenting/exposition_formats/: HELP, TYPE, then the samples of a
metric together, each label set once. No sample carries a time of its own, which the collector
refuses.
"""

import datetime as dt
import math
from collections.abc import Iterable, Iterator

from gpubench.render.machine import one_line

Sample = tuple[dict[str, str], float]

EXACT = 2**53
"""Whole numbers below this are written as such."""


def gauge(name: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    """A metric with its samples, each label set once; nothing at all where there is none."""
    told = {_labels(labels): value for labels, value in samples if math.isfinite(value)}
    if told:
        yield f"# HELP {name} {about}\n# TYPE {name} gauge\n"
    for labels, value in told.items():
        yield f"{name}{labels} {_number(value)}\n"


def timestamp(when: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 time with a zone; None for anything else."""
    try:
        taken = dt.datetime.fromisoformat(when)
    except ValueError:
        return None
    return taken.timestamp() if taken.tzinfo is not None else None


def _labels(labels: dict[str, str]) -> str:
    written = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{written}}}" if written else ""


def _escaped(value: str) -> str:
    return one_line(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    is_whole = value == int(value) and abs(value) < EXACT
    return str(int(value)) if is_whole else repr(float(value))
