"""The page: one file that needs no other, runs nothing and asks for nothing.

Its content security policy allows its own style sheet, by its hash, and nothing else.
"""

import base64
import functools
import hashlib
import importlib.resources
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gpubench import __version__
from gpubench.bench.learning.record import TrainingRecord
from gpubench.bench.record import RunRecord
from gpubench.errors import MissingPackage
from gpubench.gate.dossier import Dossier, dossier, with_claims
from gpubench.gate.prices import Price
from gpubench.gate.training_dossier import training_dossier

if TYPE_CHECKING:
    from jinja2 import Template

SHOWN_IN_TITLE = 3
"""Records that the title of a page names."""

ONE_LINE, ON_ONE_LINE, ANYWHERE = 10, 19, 40
"""Characters of a heading and of a figure that are not broken, and of what is broken anywhere."""


def render(
    records: Sequence[RunRecord], prices: Sequence[Price] = (), *, of_claims: bool = False
) -> str:
    """The page of at least one record; ``prices`` are none, or one for each.

    ``of_claims`` sets what the source documents claim before all else.
    """
    template = _template()
    shown = dossier(records, prices)
    return page(template, with_claims(shown, records) if of_claims else shown)


def render_trainings(records: Sequence[TrainingRecord]) -> str:
    """The page of at least one training."""
    return page(_template(), training_dossier(records))


def page(template: "Template", shown: Dossier) -> str:
    """The page of what is shown."""
    from gpubench.render.html.figure import figure
    from gpubench.render.html.ran_on import ran_on

    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    numbers = itertools.count(1)
    return template.render(
        title=_title(shown),
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        style=_trusted(style),
        shown=shown,
        figure=figure,
        ran_on=ran_on,
        version=__version__,
        next_id=lambda: f"s{next(numbers)}",
        heading=_heading,
        classes=_classes,
        is_smoke=lambda record: record.header.plan.preset == "smoke",
    ).lstrip()


def _title(shown: Dossier) -> str:
    names = shown.names
    more = f" and {len(names) - SHOWN_IN_TITLE} more" if len(names) > SHOWN_IN_TITLE else ""
    return f"gpubench: {', '.join(names[:SHOWN_IN_TITLE])}{more}"


def _heading(text: str) -> str:
    """A short heading stays on one line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}") if len(text) <= ONE_LINE else text


def _classes(text: str, numeric: bool, is_figure: bool = False) -> Any:
    """How a cell is set: to the right, on one line, broken anywhere, marked, or a word."""
    names = ["n"] if numeric else []
    names += ["w"] if len(text) > ANYWHERE else []
    if numeric and is_figure:
        names += ["k"] if len(text) <= ON_ONE_LINE else []
        names += ["shaky"] if text.startswith("~") else ["word"] if _is_word(text) else []
    return _trusted(f' class="{" ".join(names)}"') if names else ""


def _is_word(text: str) -> bool:
    """Whether a cell of numbers holds words instead: a state, or that it cannot be told."""
    return text[:1].isalpha() and not any(character.isdigit() for character in text)


def _trusted(text: str) -> Any:
    """Our own style sheet, which must not be escaped."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - a file of ours, nothing of a record is in it


@functools.cache
def _style() -> str:
    return _resource("style.css")


def _resource(name: str) -> str:
    return (importlib.resources.files(__package__) / name).read_text(encoding="utf-8")


@functools.cache
def _template() -> "Template":
    """The page's template; MissingPackage names the extra where jinja2 is not installed."""
    try:
        import jinja2
    except ModuleNotFoundError as problem:
        raise MissingPackage(problem.name or "jinja2", extra="gate") from None
    from gpubench.render.html.markup import escaped

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(_resource("page.html"))
