"""The formats of ``gpubench plan``: a name, and the module that renders it."""

import importlib
from typing import Protocol

from gpubench.errors import UnknownName
from gpubench.plan.report import PlanReport

FORMATS = {
    "text": "gpubench.render.plan_text",
    "json": "gpubench.render.plan_json",
    "markdown": "gpubench.render.plan_markdown",
}


class Renderer(Protocol):
    """Writes a report as text; ``color`` and ``width`` are the terminal's."""

    def __call__(self, report: PlanReport, *, color: bool, width: int) -> str:
        """The whole answer."""


def renderer(name: str) -> Renderer:
    """The renderer of a format; UnknownName where there is none."""
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    render: Renderer = importlib.import_module(FORMATS[name]).render
    return render
