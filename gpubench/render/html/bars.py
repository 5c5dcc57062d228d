"""Bars: a row a figure, its name and text beside it, its interval over it.

Rows are text with a small picture each whose places are shares of its width, so that a page may
be as narrow as it likes and letters stay as large as they are.
"""

from markupsafe import Markup

from gpubench.gate.chart import Bars, Mark
from gpubench.render.html.markup import element, share
from gpubench.render.html.scale import Scale, written

HEIGHT, BAR, CAP = 22, 12, 4
"""Pixels of a row, of its bar, and of half a cap of its interval."""

MIDDLE = HEIGHT / 2


def bars(part: Bars) -> Markup:
    """All rows over one axis from zero."""
    scale = Scale(low=0.0, high=part.top)
    rows = [_row(part, scale, place) for place in range(len(part.marks))]
    kind = "bars grouped" if part.groups else "bars"
    return element("div", element("ul", *rows, role="list"), _axis(part, scale), class_=kind)


def _row(part: Bars, scale: Scale, place: int) -> Markup:
    mark = part.marks[place]
    is_first = place == 0 or part.marks[place - 1].label != mark.label
    name: list[str] = [mark.label if is_first or not part.groups else ""]
    if part.groups:
        name.append(element("b", part.groups[mark.group], class_=f"of c{mark.group % 8}"))
    return element(
        "li",
        element("span", *name, class_="name"),
        _picture(part, scale, mark),
        element("span", mark.text, class_="figure" if mark.value is not None else "figure word"),
        class_="row first" if is_first else "row",
    )


def _picture(part: Bars, scale: Scale, mark: Mark) -> Markup:
    drawn = [_upright("grid", scale, tick, 0, HEIGHT) for tick in scale.ticks]
    if part.reference is not None:
        drawn.append(_upright("reference", scale, part.reference, 0, HEIGHT))
    if mark.value is not None:
        drawn += [_bar(scale, mark, mark.value), *_interval(scale, mark)]
    unit = part.unit if mark.value is not None else ""  # a word has none
    said = f"{_named(part, mark)}: {mark.text} {unit}".strip()
    return element("svg", element("title", said), *drawn, role="img", aria_label=said, class_="bar")


def _named(part: Bars, mark: Mark) -> str:
    return f"{mark.label}, {part.groups[mark.group]}" if part.groups else mark.label


def _bar(scale: Scale, mark: Mark, value: float) -> Markup:
    return element(
        "rect",
        x="0",
        y=(HEIGHT - BAR) / 2,
        width=share(scale.at(value)),
        height=BAR,
        class_=f"c{mark.group % 8}{' hollow' if mark.is_shaky else ''}",
    )


def _interval(scale: Scale, mark: Mark) -> list[Markup]:
    """A line from end to end; an end that leaves the picture has no cap."""
    if mark.low is None or mark.high is None:
        return []
    ends = [scale.at(mark.low), scale.at(mark.high)]
    line = element(
        "line", x1=share(ends[0]), x2=share(ends[1]), y1=MIDDLE, y2=MIDDLE, class_="interval"
    )
    caps = [
        _upright("interval", scale, end, MIDDLE - CAP, MIDDLE + CAP)
        for end in (mark.low, mark.high)
        if end <= scale.high
    ]
    return [line, *caps]


def _upright(kind: str, scale: Scale, value: float, top: float, bottom: float) -> Markup:
    at = share(scale.at(value))
    return element("line", x1=at, x2=at, y1=top, y2=bottom, class_=kind)


def _axis(part: Bars, scale: Scale) -> Markup:
    """Round values under the rows, and the unit."""
    ticks = [tick for tick in scale.ticks if tick <= scale.high]
    texts = [
        element("text", written(tick), x=share(scale.at(tick)), y=12, class_=_anchor(at))
        for at, tick in enumerate(ticks)
    ]
    return element(
        "div",
        element("span", class_="name"),
        element("svg", *texts, class_="axis", aria_hidden="true"),
        element("span", part.unit, class_="unit"),
        class_="row under",
    )


def _anchor(at: int) -> str:
    return "tick begins" if at == 0 else "tick"
