"""A doctor's report as JSON, schema ``gpubench.doctor/1``."""

import re

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
    return escaped(codec.to_json(report, indent=2))


def escaped(text: str) -> str:
    r"""JSON in which what a terminal would obey, and what turns text around, is a ``\uXXXX``."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_OBEYED = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
