"""The words in which a display of pairs tells how a cell stands."""

from gpubench import units
from gpubench.gate.pair_standing import Standing
from gpubench.render.compare_words import signed


def line(title: str, standing: Standing) -> str:
    """One line: ``deit fp32: 6 pairs, +0.4 % [−1.2 %, +2.0 %] of 3.0 %, 2 pairs to go``."""
    parts = [f"{title}: {units.count(standing.pairs, 'pair')}"]
    if standing.effect is not None:
        parts.append(f"{signed(standing.effect)} {interval(standing)}".rstrip())
    parts.append(verdict(standing))
    return ", ".join(filter(None, parts))


def interval(standing: Standing) -> str:
    """Both ends and the tolerance they are held against."""
    if standing.low is None or standing.high is None:
        return ""
    tolerated = f" of {units.percent(standing.tolerance)}"
    if standing.high > 10:
        return f"too wide to tell{tolerated}"
    return f"[{signed(standing.low)}, {signed(standing.high)}]{tolerated}"


def verdict(standing: Standing) -> str:
    """The word once there is one, and until then when there may be."""
    if standing.word is not None and standing.reason is not None:
        return f"{standing.word}: {standing.reason}"
    if standing.word is not None:
        waits = f", waits for {', '.join(standing.waits_for)}" if standing.waits_for else ""
        return f"{standing.word}{waits}"
    if standing.to_look:
        return f"{units.count(standing.to_look, 'pair')} to go"
    return ""
