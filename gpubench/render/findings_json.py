"""A doctor's report as JSON, schema ``gpubench.doctor/1``."""

from gpubench import codec
from gpubench.checks.report import DoctorReport


def render(
    report: DoctorReport,
    *,
    color: bool = False,  # noqa: ARG001 - the arguments of every renderer
    width: int = 100,  # noqa: ARG001
    seconds: float | None = None,  # noqa: ARG001
) -> str:
    """The report, indented so that it can be read and diffed."""
    return codec.to_json(report, indent=2)
