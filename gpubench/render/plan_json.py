"""A plan as JSON, schema ``gpubench.plan/1``."""

from gpubench import codec
from gpubench.plan.report import PlanReport


def render(report: PlanReport, *, color: bool = False, width: int = 100) -> str:  # noqa: ARG001
    """The report, indented so that it can be read and diffed."""
    return codec.to_json(report, indent=2)
