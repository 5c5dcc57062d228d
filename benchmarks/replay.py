"""Replays the gate's rule on traces of a real machine: pairs drawn from them, with effects put in.

A decision takes a stretch of neighbouring processes, so that drift, heat and the neighbours of that
hour stay as they were: pairs are adjacent processes in the order AB BA AB …. A trace shorter than
a decision is put together from blocks. The candidate's processes cost ``effect`` more.
"""

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.operating_curve import (
    BATCH,
    HALF,
    IMPROVED,
    PASS,
    REGRESSION,
    TWICE,
    UNDECIDED,
    decide,
    markdown,
    percent,
)
from benchmarks.trace import Trace
from gpubench.errors import BadUsage
from gpubench.gate.sequential import LOOKS

PAIRS = LOOKS[-1]
BLOCK = 10
"""Processes of a block: five pairs, the first look (own choice)."""
KNOWN = 20
"""Pairs of a calibration, as in decision 30."""
EFFECTS = (0.0, HALF, TWICE)


def costs(trace: Trace) -> np.ndarray:
    """Logarithms of what a sample cost each process, (n,)."""
    found = -np.log(np.asarray(trace.throughputs, dtype=float))
    if len(found) < BLOCK:
        raise BadUsage(f"{trace.cell.title}: {len(found)} processes are no trace, give {BLOCK}")
    return found


def stretches(seen: np.ndarray, length: int, size: int, random: np.random.Generator) -> np.ndarray:
    """Neighbouring processes, (size, length): one stretch, or blocks of them where it is short."""
    block = length if len(seen) >= 2 * length else BLOCK
    starts = random.integers(0, len(seen) - block + 1, (size, -(-length // block)))
    places = starts[:, :, None] + np.arange(block)
    return seen[places.reshape(size, -1)[:, :length]]


def differences(
    seen: np.ndarray, effect: float, pairs: int, size: int, random: np.random.Generator
) -> np.ndarray:
    """Differences of pairs in order, candidate less baseline, (size, pairs)."""
    drawn = stretches(seen, 2 * pairs, size, random).reshape(size, pairs, 2)
    later = drawn[:, :, 1] - drawn[:, :, 0]
    # half of the decisions begin with BA: no trace's own rhythm falls on one side
    is_ba = (np.arange(pairs)[None, :] + random.integers(0, 2, (size, 1))) % 2 == 1
    return math.log1p(effect) + np.where(is_ba, -later, later)


def replay(
    trace: Trace, effect: float, size: int, *, calibrated: bool = False, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The verdict of each decision and the pairs it took, both (size,)."""
    random, seen = np.random.default_rng(seed), costs(trace)
    batches = []
    for at in range(0, size, BATCH):
        many = min(BATCH, size - at)
        known = None
        if calibrated:
            known = differences(seen, 0.0, KNOWN, many, random).var(axis=1, ddof=1)
        batches.append(
            decide(
                differences(seen, effect, PAIRS, many, random), known, KNOWN if calibrated else 0
            )
        )
    verdicts, pairs = zip(*batches, strict=True)
    return np.concatenate(verdicts), np.concatenate(pairs)


def rates(verdicts: np.ndarray) -> dict[str, float]:
    """The share of each kind of verdict."""
    return {
        "regression": float((verdicts == REGRESSION).mean()),
        "pass": float(np.isin(verdicts, (PASS, IMPROVED)).mean()),
        "undecided": float((verdicts == UNDECIDED).mean()),
    }


def deviation(seen: np.ndarray) -> float:
    """The standard deviation of a process among its neighbours: of what pairs do not cancel."""
    return float(np.diff(seen).std(ddof=1) / math.sqrt(2))


def table(traces: Sequence[Trace], size: int) -> str:
    """What each trace gives at each effect, as Markdown."""
    rows = []
    for trace in traces:
        seen = costs(trace)
        for calibrated in (False, True):
            found = [
                rates(replay(trace, effect, size, calibrated=calibrated)[0]) for effect in EFFECTS
            ]
            none, half, twice = found
            rows.append(
                (
                    trace.cell.title,
                    len(seen),
                    percent(float(seen.std(ddof=1))),
                    percent(deviation(seen)),
                    "yes" if calibrated else "no",
                    percent(none["pass"]),
                    percent(half["regression"]),
                    percent(twice["pass"]),
                    percent(twice["regression"]),
                )
            )
    heads = (
        "trace",
        "processes",
        "SD of all",
        "SD of neighbours",
        "calibrated",
        "PASS at 0",
        "REGRESSION at δ/2",
        "PASS at 2δ",
        "REGRESSION at 2δ",
    )
    return markdown(heads, rows)
