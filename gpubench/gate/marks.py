"""How figures are written that are not to be taken as they stand: alike in every table and view."""

from collections.abc import Iterable
from typing import TypeVar

from gpubench import units
from gpubench.gate.intervals import Estimate

Reason = TypeVar("Reason")


def marked(text: str, *, shaky: bool) -> str:
    """The figure with the sign that says not to take it as it stands; what is absent has none."""
    return f"~{text}" if shaky and text != units.ABSENT else text


def half_width(estimate: Estimate | None) -> str:
    """Half an interval as a share of its value."""
    if estimate is None or estimate.half_width is None:
        return units.ABSENT
    return "> 100 %" if estimate.half_width > 1 else units.percent(estimate.half_width)


def ratio_text(estimate: Estimate | None, *, shaky: bool) -> str:
    """A ratio with its interval, or that it cannot be told."""
    if estimate is None:
        return units.ABSENT
    if estimate.is_wide:
        return "inconclusive"
    text = marked(f"{estimate.value:.2f}", shaky=shaky)
    if estimate.low is None or estimate.high is None or estimate.low == estimate.high:
        return text
    return f"{text} [{estimate.low:.2f}, {estimate.high:.2f}]"


def by_reason(told: Iterable[tuple[Reason, str]]) -> dict[Reason, list[str]]:
    """Names under the reason they share, in the order in which reasons came up."""
    groups: dict[Reason, list[str]] = {}
    for reason, name in told:
        groups.setdefault(reason, []).append(name)
    return groups
