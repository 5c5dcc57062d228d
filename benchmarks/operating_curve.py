"""Replays the gate's rule on made-up processes: which verdict falls how often, at which noise.

``python -m benchmarks.operating_curve`` prints the table of docs/decisions/0030 and draws
docs/pictures/operating-curve.svg. Every interval comes from the functions that real decisions use.
"""

import argparse
import dataclasses
import functools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gpubench.gate.sequential import (
    EARLY_LOOK,
    EARLY_RISK,
    LOOKS,
    RISK,
    early_half_width,
    half_width,
)

TOLERANCE = 0.03
UNDECIDED, PASS, REGRESSION, IMPROVED = range(4)
SIZE = 100_000
BATCH = 20_000
"""Decisions held in memory at a time."""

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(random, shape):
    return random.standard_normal(shape)


def heavy(random, shape):
    """Student's t with 3 degrees of freedom, scaled to a standard deviation of 1."""
    return random.standard_t(3, shape) / math.sqrt(3)


SHIFT, SPREAD, SHARE = 1.0, 0.7, 0.05
"""Of the logarithm of an outlier, in standard deviations of the rest, and how many there are."""


@functools.cache
def _outlier_moments():
    """Mean and standard deviation of ``outliers`` before they are scaled, from the formulas."""
    first = math.exp(SHIFT + SPREAD**2 / 2)
    second = math.exp(2 * SHIFT + 2 * SPREAD**2)
    return SHARE * first, math.sqrt(1 + SHARE * second - (SHARE * first) ** 2)


def outliers(random, shape):
    """Normal, and one process in twenty slower by a lognormal amount; scaled to 0 and 1."""
    mean, deviation = _outlier_moments()
    slow = (random.random(shape) < SHARE) * random.lognormal(SHIFT, SPREAD, shape)
    return (random.standard_normal(shape) + slow - mean) / deviation


NOISES: dict[str, Draw] = {"normal": normal, "t3": heavy, "outliers": outliers}


@dataclasses.dataclass(frozen=True, kw_only=True)
class World:
    """What a replay takes place in.

    ``effect`` is the share of cost the candidate truly adds, ``deviation`` the standard deviation
    of a process's logarithmic cost. ``drift`` is what the machine's cost changes by over the
    session. ``calibrated`` pairs were measured before, when the noise was smaller by ``grown``.
    ``blocks`` measures AAAA BBBB instead of AB BA.
    """

    effect: float = 0.0
    deviation: float = 0.01
    noise: str = "normal"
    drift: float = 0.0
    calibrated: int = 0
    grown: float = 1.0
    family: int = 1
    blocks: bool = False


def differences(world, size, random):
    """Differences of pairs in order, (size, pairs)."""
    pairs = LOOKS[-1]
    base, candidate = (
        world.deviation * NOISES[world.noise](random, (size, pairs)) for _ in range(2)
    )
    place = np.arange(pairs)
    is_ab = place % 2 == 0
    at_base, at_candidate = 2 * place + ~is_ab, 2 * place + is_ab
    if world.blocks:
        at_base, at_candidate = place, place + pairs
    drift = world.drift * (at_candidate - at_base) / (2 * pairs - 1)
    return math.log1p(world.effect) + candidate - base + drift


def calibration(world, size, random):
    """Variances of differences of A/A pairs measured before, (size,)."""
    draw = NOISES[world.noise]
    one, other = (draw(random, (size, world.calibrated)) for _ in range(2))
    return (world.deviation / world.grown) ** 2 * (one - other).var(axis=1, ddof=1)


def replay(world, size=SIZE, seed=0):
    """The verdict of each decision and the pairs it took, both (size,)."""
    random = np.random.default_rng(seed)
    batches = [_replay(world, min(BATCH, size - at), random) for at in range(0, size, BATCH)]
    verdicts, pairs = zip(*batches, strict=True)
    return np.concatenate(verdicts), np.concatenate(pairs)


def _replay(world, size, random):
    seen = differences(world, size, random)
    known = calibration(world, size, random) if world.calibrated else None
    return decide(seen, known, world.calibrated, world.family)


def decide(seen, known=None, calibrated=0, family=1):
    """The verdict of each row of differences and the pairs it took, both (size,).

    ``known`` are variances of ``calibrated`` pairs each, where there was a calibration.
    """
    size = len(seen)
    verdicts, pairs = np.zeros(size, dtype=int), np.full(size, LOOKS[-1])
    for look in ((EARLY_LOOK,) if calibrated else ()) + LOOKS:
        mean = seen[:, :look].mean(axis=1)
        variance = seen[:, :look].var(axis=1, ddof=1)
        if look == EARLY_LOOK:
            half = early_half_width(variance, known, calibrated - 1.0, EARLY_RISK / family)
        else:
            half = half_width(variance, look, RISK / family)
        said = judge(mean - half, mean + half)
        fresh = (verdicts == UNDECIDED) & (said != UNDECIDED)
        verdicts[fresh], pairs[fresh] = said[fresh], look
    return verdicts, pairs


def judge(low, high, tolerance=TOLERANCE):
    """``sequential.verdict`` over arrays."""
    most = math.log1p(tolerance)
    return np.select(
        [high < -most, high < most, low > most], [IMPROVED, PASS, REGRESSION], UNDECIDED
    )


def rates(world, size=SIZE, seed=0):
    """The share of each verdict, the share of passes within 8 pairs, and the mean of pairs."""
    verdicts, pairs = replay(world, size, seed)
    return {
        "regression": float((verdicts == REGRESSION).mean()),
        "pass": float(np.isin(verdicts, (PASS, IMPROVED)).mean()),
        "undecided": float((verdicts == UNDECIDED).mean()),
        "soon": float((np.isin(verdicts, (PASS, IMPROVED)) & (pairs <= 8)).mean()),
        "pairs": float(pairs.mean()),
    }


# -- the promises ---------------------------------------------------------------------------------

HALF, TWICE = TOLERANCE / 2, 2 * TOLERANCE
DEVIATIONS = (0.002, 0.005, 0.01, 0.016, 0.03, 0.05, 0.09)
DRIFTS = (0.0, 0.1)


def promises(world, size=SIZE):
    """The four figures that DESIGN §7 promises, in the kind of world that is given."""

    def at(effect, deviation):
        return rates(dataclasses.replace(world, effect=effect, deviation=deviation), size)

    return {
        "false alarms": max(at(HALF, deviation)["regression"] for deviation in DEVIATIONS),
        "slips": max(at(TWICE, deviation)["pass"] for deviation in DEVIATIONS),
        "found": at(TWICE, 0.016)["regression"],
        "soon": at(0.0, 0.005)["soon"],
        "pairs": at(0.0, 0.005)["pairs"],
    }


PROMISED = {"false alarms": 0.005, "slips": 0.005, "found": 0.99, "soon": 0.99}


def table(size=SIZE):
    """What is promised and what was seen, by kind of noise, as Markdown."""
    worlds = [
        World(noise=noise, drift=drift, calibrated=pairs, grown=grown)
        for pairs, grown in ((0, 1.0), (20, 1.0), (20, 1.5), (20, 2.0), (20, 3.0), (20, 5.0))
        for noise in NOISES
        for drift in (DRIFTS if grown == 1 else DRIFTS[:1])
    ]
    rows = []
    for world in worlds:
        found = promises(world, size)
        known = "yes" if world.calibrated else "no"
        known = known if world.grown == 1 else f"noise has grown {world.grown:g} ×"
        shares = [percent(found[name]) for name in PROMISED]
        rows.append(
            (world.noise, f"{100 * world.drift:g} %", known, *shares, f"{found['pairs']:.1f}")
        )
    heads = (
        "noise",
        "drift",
        "calibrated",
        "REGRESSION at δ/2",
        "PASS at 2δ",
        "REGRESSION at 2δ, SD 1.6 %",
        "PASS at 0 within 8, SD 0.5 %",
        "pairs at 0",
    )
    return markdown(heads, rows)


def percent(share):
    return f"{100 * share:.2f} %"


def markdown(heads, rows):
    rule = ["---"] * len(heads)
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (heads, rule, *rows))


FAMILIES = (1, 6, 12, 24)


def family_table(size=SIZE):
    """What sharing the risk among cells costs, and that the family keeps its promise."""
    rows = []
    for family in FAMILIES:
        world = World(family=family)
        alarm = rates(dataclasses.replace(world, effect=HALF, deviation=0.09), size)["regression"]
        found = [
            rates(dataclasses.replace(world, effect=TWICE, deviation=deviation), size)["regression"]
            for deviation in (0.016, 0.013, 0.01)
        ]
        soon = rates(dataclasses.replace(world, deviation=0.005), size)["soon"]
        rows.append((family, *map(percent, (1 - (1 - alarm) ** family, *found, soon))))
    heads = (
        "cells",
        "REGRESSION in the family at δ/2, SD 9 %",
        "at 2δ, SD 1.6 %",
        "at 2δ, SD 1.3 %",
        "at 2δ, SD 1 %",
        "PASS at 0 within 8, SD 0.5 %",
    )
    return markdown(heads, rows)


# -- stored baselines -----------------------------------------------------------------------------


def stored_rates(effect, within, between, *, processes=5, sessions=3, known=6, size=2_000, seed=0):
    """Shares of verdicts of ``compare`` with one session a side and a calibration on ``known``.

    With ``known`` 0 every side has ``sessions`` of its own.
    """
    from gpubench.gate import welch
    from gpubench.gate.sequential import Noise, mean_and_variance
    from gpubench.gate.sequential import verdict as say

    random = np.random.default_rng(seed)
    counts = {"REGRESSION": 0, "PASS": 0, "IMPROVED": 0, "INCONCLUSIVE": 0}

    def session(shift=0.0):
        center = shift + between * random.standard_normal()
        return list(center + within * random.standard_normal(processes))

    for _ in range(size):
        each = 1 if known else sessions
        sides = [
            [session() for _ in range(each)],
            [session(math.log1p(effect)) for _ in range(each)],
        ]
        if known:
            means = [welch.mean_of([session()]) for _ in range(known)]
            error = welch.by_calibration(
                sides, Noise(variance=mean_and_variance(means)[1], freedom=known - 1)
            )
        else:
            error = welch.by_sessions(sides)
        found = welch.interval(sides, error, welch.RISK)
        counts[say(found.low, found.high, TOLERANCE)] += 1
    return {word: count / size for word, count in counts.items()}


SESSIONS = ((0.001, 0.003), (0.003, 0.005), (0.01, 0.005), (0.03, 0.01), (0.09, 0.01))
"""Deviations between and within sessions."""


def stored_table(size=20_000):
    """What stored baselines promise, by sessions known and their deviation."""
    rows = []
    for known in (3, 6, 12, 0):
        for between, within in (
            (0.001, 0.003),
            (0.003, 0.005),
            (0.01, 0.005),
            (0.03, 0.01),
            (0.09, 0.01),
        ):
            at = functools.partial(
                stored_rates, within=within, between=between, known=known, sessions=4, size=size
            )
            half, twice, none = at(HALF), at(TWICE), at(0.0)
            shares = (
                half["REGRESSION"],
                twice["PASS"] + twice["IMPROVED"],
                twice["REGRESSION"],
                none["PASS"] + none["IMPROVED"],
            )
            name = f"{known} calibrated" if known else "4 a side"
            rows.append(
                (name, f"{100 * between:g} %", f"{100 * within:g} %", *map(percent, shares))
            )
    heads = (
        "sessions known",
        "session SD",
        "process SD",
        "REGRESSION at δ/2",
        "PASS at 2δ",
        "REGRESSION at 2δ",
        "PASS at 0",
    )
    return markdown(heads, rows)


# -- the picture ----------------------------------------------------------------------------------


def draw(path, size=20_000):
    """P(verdict) against the true effect at several noise levels, as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "gpubench"
    from matplotlib import pyplot as plt

    effects = np.linspace(-0.02, 0.1, 41)
    levels = (0.005, 0.016, 0.03, 0.09)
    figure, axes = plt.subplots(1, len(levels), figsize=(12, 3.2), sharey=True)
    for axis, deviation in zip(axes, levels, strict=True):
        found = [
            rates(World(effect=float(effect), deviation=deviation), size) for effect in effects
        ]
        for key, name, color in (
            ("pass", "PASS, IMPROVED", "#2a9d5c"),
            ("undecided", "INCONCLUSIVE", "#8a8f98"),
            ("regression", "REGRESSION", "#c8373a"),
        ):
            axis.plot(100 * effects, [100 * each[key] for each in found], label=name, color=color)
        for mark in (TOLERANCE, TWICE):
            axis.axvline(100 * mark, color="#bbbbbb", linewidth=0.8, linestyle=":")
        axis.set_title(f"process SD {100 * deviation:g} %", fontsize=10)
        axis.set_xlabel("true effect, % slower")
    axes[0].set_ylabel("% of decisions")
    axes[-1].legend(fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=SIZE, help="decisions per cell of the table")
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/operating-curve.svg"))
    asked = parser.parse_args()
    print(table(asked.size), family_table(asked.size), stored_table(asked.size // 5), sep="\n\n")
    draw(asked.picture, max(asked.size // 5, 1_000))


if __name__ == "__main__":
    main()
