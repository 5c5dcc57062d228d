"""The one place where markup is made by hand: elements whose text and attributes are escaped.

Pages allow no style attribute and no script, so an attribute is a class, a place or a text; what
comes from a record is a text or a finite number.
"""

import math

from markupsafe import Markup, escape

from gpubench.render.text import printable


def element(tag: str, *children: str, **attributes: str | float | None) -> Markup:
    """An element; ``class_`` is class, ``aria_label`` aria-label, None leaves an attribute out."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = "".join(str(escaped(child)) for child in children)
    return Markup(f"<{tag}{written}>{inside}</{tag}>")  # noqa: S704 - both parts are escaped


def escaped(child: object) -> Markup:
    """Text without control characters, as text; markup that was made here stays."""
    return child if isinstance(child, Markup) else escape(printable(str(child)))


def _value(value: str | float) -> str:
    return printable(value) if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """A short finite number: 2 digits behind the point, no exponent."""
    if not math.isfinite(value):
        raise ValueError("a picture has no place for what is not finite")
    return f"{value:.2f}".rstrip("0").rstrip(".")


def share(value: float) -> str:
    """A place in a picture: 0.25 is 25%."""
    return f"{number(100 * value)}%"
