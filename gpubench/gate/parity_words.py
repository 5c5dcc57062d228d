"""How parity is written: by how much losses part, and how much they may."""

from gpubench.bench.parity import Parity


def parity_text(parity: Parity) -> str:
    """``0.048 % ≤ 0.38 %``, with ``>`` where it does not hold."""
    sign = "≤" if parity.holds else ">"
    return f"{_share(parity.deviation)} {sign} {_share(parity.allowed)}"


def _share(fraction: float) -> str:
    """A share that may be tiny: 1.2 %, 0.003 %, 2e-07."""
    return f"{100 * fraction:.2g} %" if fraction >= 1e-5 else f"{fraction:.0e}"
