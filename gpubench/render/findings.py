"""The formats of ``gpubench doctor``: a name, and the module that renders it."""

import importlib
from typing import Protocol

from gpubench.checks.report import DoctorReport
from gpubench.errors import UnknownName

FORMATS = {
    "text": "gpubench.render.findings_text",
    "json": "gpubench.render.findings_json",
    "markdown": "gpubench.render.findings_markdown",
    "junit": "gpubench.render.findings_junit",
    "sarif": "gpubench.render.findings_sarif",
    "prometheus": "gpubench.render.findings_prometheus",
    "github": "gpubench.render.findings_github",
}


class Renderer(Protocol):
    """Writes a report as text; ``color`` and ``width`` are the terminal's."""

    def __call__(
        self, report: DoctorReport, *, color: bool, width: int, seconds: float | None
    ) -> str:
        """The whole answer."""


def renderer(name: str) -> Renderer:
    """The renderer of a format; UnknownName where there is none."""
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    render: Renderer = importlib.import_module(FORMATS[name]).render
    return render
