"""What the fits of a sweep say, in words no surer than their intervals."""

from collections.abc import Callable, Sequence

from gpubench import units
from gpubench.bench.sweep import Sweep
from gpubench.gate import growth
from gpubench.gate.growth import Bounded, Gain
from gpubench.gate.spots import Spot, memory_points


def notes(sweep: Sweep, shown: dict[str, list[Spot]], known: Sequence[Spot]) -> list[str]:
    """What the fits say of each mode, and how far they may be trusted."""
    say: Callable[[Sequence[Spot]], list[str]]
    say = _batch_lines if sweep.dimension == "batch-size" else _length_lines
    notes = [
        f"{mode}: {line}"
        for mode, found in shown.items()
        for line in say([spot for spot in found if spot.counts])
    ]
    if sweep.dimension != "batch-size":
        notes += _operations_line(known)
    notes += _shaky_lines(known)
    if known and known[0].facts.device.get("type") == "cpu":
        notes.append(
            "on a CPU peak memory is the largest resident set of the whole process, libraries and "
            "start-up included: its part per sample is coarse"
        )
    return notes


POINTS_ALL_THE_SAME = {
    "unstable": "variants whose steps did not settle (~) are points of the fits all the same",
    "capped": "variants measured with clocks held (~) are points of the fits all the same",
}


def _shaky_lines(known: Sequence[Spot]) -> list[str]:
    """Which marked variants the fits rest on, and which they leave out."""
    states = {spot.cell.state for spot in known}
    notes = [said for state, said in POINTS_ALL_THE_SAME.items() if state in states]
    if any(spot.counts and not spot.tells_time for spot in known):
        notes.append(
            "variants held back by their input (~) are left out of what is said of time: it is the "
            "loader's and not the mode's"
        )
    return notes


def _batch_lines(found: Sequence[Spot]) -> list[str]:
    return [_memory_line(memory_points(found), "sample"), *_gain_lines(found)]


def _memory_line(points: Sequence[growth.Point], unit: str) -> str:
    """Memory per sample or token and the fixed part, if there are points enough."""
    line = growth.memory_growth(points)
    if line is None:
        return f"memory per {unit} needs two variants or more"
    if line.per_sample.value <= 0:
        return f"no growth of memory can be told over {line.points} variants"
    quality = "" if line.r2 is None else f"R² {line.r2:.4f}, "
    parts = f"{_bytes(line.fixed.value)} + {_memory(line.per_sample)} per {unit}"
    return f"memory = {parts} ({quality}{units.count(line.points, 'variant')})"


def _bytes(value: float) -> str:
    sign = "−" if value < 0 else ""
    return sign + units.memory(round(abs(value)))


def _memory(found: Bounded) -> str:
    if found.low is None or found.high is None:
        return _bytes(found.value)
    return f"{_bytes(found.value)} [{_bytes(found.low)}, {_bytes(found.high)}]"


def _gain_lines(found: Sequence[Spot]) -> list[str]:
    """From which batch on a larger one is hardly faster."""
    between = growth.gains([(s.facts.batch_size, s.throughputs) for s in found if s.tells_time])
    if not between:
        return []
    size, last = growth.saturated_from(between), between[-1]
    if size is not None:
        first = next(gain for gain in between if gain.smaller == size)
        span = f"({_gain(first)} from {first.smaller} to {first.larger})"
        return [f"from batch {size} on doubling it gains less than {_least()} {span}"]
    if last.is_wide:
        return ["where throughput stops rising is inconclusive: the processes differ too much"]
    said = f"{_gain(last)} per doubling from batch {last.smaller} to {last.larger}"
    if last.low is not None and last.low >= growth.WORTH:
        return [f"throughput still gains {said}: larger batches are worth a look"]
    return [f"where throughput stops rising is inconclusive: {said}"]


def _gain(gain: Gain) -> str:
    if gain.low is None or gain.high is None:
        return f"{100 * gain.value:+.1f} %"
    return f"{100 * gain.value:+.1f} % [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"


def _least() -> str:
    return units.percent(growth.WORTH, 0)


def _length_lines(found: Sequence[Spot]) -> list[str]:
    timed = [spot for spot in found if spot.tells_time]
    times = [(spot.length, t) for spot in timed for t in spot.step_seconds if spot.length]
    points = [(float(length), seconds) for length, seconds in times if length]
    if len({x for x, _ in points}) < 2:
        return ["growth needs two lengths or more"]
    power = growth.exponent(points)
    ends = f"from {min(points)[0]:.0f} to {max(points)[0]:.0f} tokens"
    lines = [] if power is None else [f"a step's time grows as tokens^{_number(power)} {ends}"]
    lines.append(_memory_line(_token_points(found), "token of a batch"))
    curve = growth.quadratic(points)
    if curve is None:
        return [*lines, "a quadratic part needs three lengths or more"]
    return [*lines, _quadratic_line(curve)]


def _token_points(found: Sequence[Spot]) -> list[growth.Point]:
    """Tokens in a batch and peak bytes."""
    return [
        (spot.facts.batch_size * spot.length, spot.cell.peak_bytes)
        for spot in found
        if spot.length and spot.cell.peak_bytes
    ]


def _number(found: Bounded) -> str:
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _quadratic_line(curve: growth.Quadratic) -> str:
    """The answer to whether attention is quadratic here, no surer than the interval is."""
    share, at = curve.share, f"at {curve.largest:.0f} tokens"
    if share.low is None or share.high is None:
        return "is attention quadratic here? inconclusive: more lengths or processes are needed"
    low, high = max(0.0, share.low), min(1.0, share.high)  # what a share can be
    interval = f"[{100 * low:.0f}, {100 * high:.0f}] %"
    if curve.verdict == "seen":
        return (
            f"is attention quadratic here? a quadratic part is {100 * share.value:.0f} {interval} "
            f"of the step {at}; the rest is linear in the length or fixed"
        )
    if curve.verdict == "not seen":
        return (
            f"is attention quadratic here? not seen: at most {units.percent(share.high)} of the "
            f"step {at} grows with the square; linear matrix products dominate at these lengths"
        )
    return (
        f"is attention quadratic here? inconclusive: a quadratic part may be anything within "
        f"{interval} of the step {at}; longer lengths or more processes narrow it"
    )


def _operations_line(known: Sequence[Spot]) -> list[str]:
    """What the counted operations let one expect of the time."""
    counted = [
        (float(spot.length), float(spot.facts.step_flops))
        for spot in known
        if spot.length and spot.facts.step_flops
    ]
    share = growth.quadratic_operations(counted)
    if share is None:
        return []
    told = f"of the operations counted, {units.percent(share)} at {max(counted)[0]:.0f} tokens"
    return [f"{told} grow with the square of the length (attention); the rest is linear in it"]
