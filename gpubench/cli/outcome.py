"""The line that an ended job leaves behind."""

from gpubench import units
from gpubench.bench.schedule import Step
from gpubench.cli import terminal
from gpubench.units import Seconds

MARKS = {"ok": "✓", "not-supported": "–", "unstable": "~", "capped": "~"}


def outcome(step: Step, state: str, reason: str | None, seconds: float) -> str:
    """How a job ended, how long it took, and why where it is not plainly ok."""
    took = f" {units.seconds(Seconds(seconds))}" if seconds else ""
    said = f" {state}: {reason}" if reason else ""
    return terminal.plain(f"{MARKS.get(state, '✗')} {step.title}{took}{said}")
