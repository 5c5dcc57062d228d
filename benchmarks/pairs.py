"""Two ways of doing the same, timed in turn: A B B A …, and the interval of their ratio."""

import math
from collections.abc import Callable

from gpubench.gate.intervals import Estimate, mean_of


def ratio_of_pairs(
    above: Callable[[], float], below: Callable[[], float], *, pairs: int
) -> Estimate:
    """The ratio of the seconds that two callables answer, with its 95 % interval over pairs."""
    ratios = []
    for pair in range(pairs):
        first, second = (above, below) if pair % 2 == 0 else (below, above)
        seconds = {first: first(), second: second()}
        ratios.append(seconds[above] / seconds[below])
    return mean_of(ratios)


def half_of(estimate: Estimate) -> float:
    """Half the interval, in logarithms."""
    assert estimate.low is not None
    assert estimate.high is not None
    return math.log(estimate.high / estimate.low) / 2


def noted(benchmark, estimate: Estimate, what: str) -> None:
    """Print a ratio and keep it with the benchmark's results."""
    benchmark.extra_info |= {
        "ratio": estimate.value,
        "interval": [estimate.low, estimate.high],
    }
    print(f"\n{what}: {estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]")
