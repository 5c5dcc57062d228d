"""A comparison as JSON (schema ``gpubench.compare/1``); shares and base units, absent is null."""

from gpubench import codec
from gpubench.gate.compare import Comparison


def render(comparison: Comparison) -> str:
    """The whole comparison."""
    return codec.to_json(comparison, indent=2) + "\n"
