"""Lines over an axis: places are shares of the picture, so that it may be as narrow as it likes.

The ways between points lie in a picture of their own that is stretched; its lines keep their width.
"""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from gpubench import units
from gpubench.gate.chart import Line, Plane, Point
from gpubench.render.html.markup import element, number, share
from gpubench.render.html.scale import Scale, decades, over, written

INSIDE = 1000
"""Units of the stretched picture along each side."""

SHAPES = (
    "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z",
    "M-2.8 -2.8h5.6v5.6h-5.6z",
    "M0 -4L4 0L0 4L-4 0z",
    "M0 -3.6L3.6 3L-3.6 3z",
)
"""Circle, square, diamond, triangle: what a colour says, for who cannot tell it."""

RING = "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z"
CROSS = "M-4 -4L4 4M-4 4L4 -4"


def plane(part: Plane, name: str) -> Markup:
    """One plane with its labels; ``name`` is what the whole picture is called."""
    x, y = _x_scale(part), _y_scale(part)
    said = _said(part, name)
    drawn = [
        element("title", said),
        *_grid(part, x, y),
        *(_upright(x, at, "divider") for at in part.dividers),
        _ways(part, x, y),
        *_limit(part, y),
        *(mark for line in part.lines for mark in _marks(line, x, y)),
    ]
    parts = [
        element("p", part.title, class_="panel") if part.title else Markup(),
        element("p", part.y_label, class_="label"),
        element("div", element("svg", *drawn, role="img", aria_label=said), class_="plot"),
        element("p", part.x_label, class_="label below"),
    ]
    return element("div", *parts, class_="plane")


def legend(lines: Iterable[Line], *, is_banded: bool, is_lost: bool, is_outside: bool) -> Markup:
    """Each name once with its look, in order."""
    looks: dict[str, Line] = {}
    for line in sorted(lines, key=lambda line: line.look):
        looks.setdefault(line.name, line)
    entries = [element("li", _sample(line), line.name) for line in looks.values()]
    if is_banded:
        entries.append(element("li", _swatch("band"), "allowed"))
    if is_outside:
        entries.append(element("li", _symbol(RING, "alarm"), "more than allowed"))
    if is_lost:
        entries.append(element("li", _symbol(CROSS, "alarm"), "NaN or infinite"))
    return element("ul", *entries, class_="legend", role="list")


def _sample(line: Line) -> Markup:
    drawn = [element("line", x1="0", x2="100%", y1="50%", y2="50%", class_=_look(line.look))]
    if line.has_dots:
        drawn.append(_shape("50%", "50%", SHAPES[line.look % 4], f"dot {_look(line.look)}"))
    return element("svg", *drawn, class_="sample", aria_hidden="true")


def _symbol(path: str, kind: str) -> Markup:
    return element("svg", _shape("50%", "50%", path, kind), class_="sample", aria_hidden="true")


def _swatch(kind: str) -> Markup:
    filled = element("rect", width="100%", height="100%", class_=kind)
    return element("svg", filled, class_="sample", aria_hidden="true")


def _look(look: int) -> str:
    """Classes of a colour, and past eight of them of a dash."""
    return f"c{look % 8}" + (" d1" if look // 8 % 2 else "")


def _x_scale(part: Plane) -> Scale:
    values = [p.x for line in part.lines for p in line.points]
    values += [at for line in part.lines for at in line.lost]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if part.x_label.startswith(("batch", "tokens")):
        low = 0.0
    room = 0.02 * (high - low) or 0.5
    return Scale(low=low if low == 0 else low - room, high=high + room)


def _y_scale(part: Plane) -> Scale:
    points = [p for line in part.lines for p in line.points]
    values = [p.y for p in points] + [top for _, top in part.band]
    values += [y for line in part.lines for _, y in line.fitted]
    if part.is_log:
        return decades(values)
    most = max((abs(value) for value in values), default=0.0)
    values += [p.low for p in points if p.low is not None]
    values += [min(p.high, 1.5 * most) for p in points if p.high is not None]
    values += [part.limit[1]] if part.limit else []
    return over(values, from_zero=part.from_zero)


def _grid(part: Plane, x: Scale, y: Scale) -> list[Markup]:
    drawn = []
    for tick in y.ticks:
        at = share(1 - y.at(tick))
        drawn.append(element("line", x1="0", x2="100%", y1=at, y2=at, class_="grid"))
        drawn.append(element("text", written(tick), x="-6", y=at, class_="tick y"))
    return drawn + [
        element("text", written(tick), x=share(x.at(tick)), y="100%", class_="tick x")
        for tick in _x_ticks(part, x)
    ]


def _x_ticks(part: Plane, x: Scale) -> list[float]:
    """Round values; whole ones where every point lies at one, as steps and batches do."""
    whole = all(p.x == int(p.x) for line in part.lines for p in line.points)
    return [tick for tick in x.ticks if not whole or abs(tick - round(tick)) < 1e-6]


def _ways(part: Plane, x: Scale, y: Scale) -> Markup:
    """Band and lines, stretched over the whole picture."""
    drawn = []
    if part.band:
        top = [(at, value) for at, value in part.band]
        foot = f"{_pair(x, y, top[-1][0], y.low)} {_pair(x, y, top[0][0], y.low)}"
        drawn.append(element("polygon", points=f"{_way(x, y, top)} {foot}", class_="band"))
    for line in part.lines:
        if line.is_joined and len(line.points) > 1:
            way = _way(x, y, [(p.x, p.y) for p in line.points])
            drawn.append(element("polyline", points=way, class_=f"way {_look(line.look)}"))
        if line.fitted:
            way = _way(x, y, line.fitted)
            drawn.append(element("polyline", points=way, class_=f"way fit {_look(line.look)}"))
    return element(
        "svg",
        *drawn,
        viewBox=f"0 0 {INSIDE} {INSIDE}",
        preserveAspectRatio="none",
        width="100%",
        height="100%",
    )


def _way(x: Scale, y: Scale, points: Sequence[tuple[float, float]]) -> str:
    return " ".join(_pair(x, y, *point) for point in points)


def _pair(x: Scale, y: Scale, at: float, value: float) -> str:
    return f"{number(INSIDE * x.at(at))},{number(INSIDE * (1 - y.at(value)))}"


def _limit(part: Plane, y: Scale) -> list[Markup]:
    if part.limit is None:
        return []
    name, value = part.limit
    at = share(1 - y.at(value))
    text = f"{name} {units.significant(value, 4)}"
    return [
        element("line", x1="0", x2="100%", y1=at, y2=at, class_="limit"),
        element("text", text, x="100%", y=at, class_="tick limit-name"),
    ]


def _upright(x: Scale, at: float, kind: str) -> Markup:
    place = share(x.at(at))
    return element("line", x1=place, x2=place, y1="0", y2="100%", class_=kind)


def _marks(line: Line, x: Scale, y: Scale) -> list[Markup]:
    """Points with their intervals; a point alone is seen even where points are not drawn."""
    drawn = []
    if line.has_dots or len(line.points) == 1:
        drawn = [mark for point in line.points for mark in _point(line, point, x, y)]
    lost = [_shape(share(x.at(at)), "5%", CROSS, "alarm") for at in line.lost]
    return [*drawn, *lost]


def _point(line: Line, point: Point, x: Scale, y: Scale) -> list[Markup]:
    look = _look(line.look)
    at, height = share(x.at(point.x)), share(1 - y.at(point.y))
    drawn = []
    if point.low is not None and point.high is not None:
        ends = [share(1 - y.at(end)) for end in (point.low, point.high)]
        drawn.append(element("line", x1=at, x2=at, y1=ends[0], y2=ends[1], class_=f"error {look}"))
    kind = f"dot {look}" + (" hollow" if point.is_shaky else "")
    told = f"{line.name}: {units.significant(point.y)} at {units.significant(point.x)}"
    drawn.append(_shape(at, height, SHAPES[line.look % 4], kind, told))
    if point.is_outside:
        drawn.append(_shape(at, height, RING, "alarm"))
    return drawn


def _shape(x: str, y: str, path: str, kind: str, told: str = "") -> Markup:
    """A shape of fixed size at a place that is a share of the picture."""
    said = [element("title", told)] if told else []
    drawn = element("path", *said, d=path, class_=kind)
    return element("svg", drawn, x=x, y=y, class_="at")


def _said(part: Plane, name: str) -> str:
    """What the picture is, for who cannot see it: its axes, its lines and where they end."""
    named = list(dict.fromkeys(line.name for line in part.lines))
    values = [point.y for line in part.lines for point in line.points]
    ends = (
        f", between {units.significant(min(values))} and {units.significant(max(values))}"
        if values and not part.is_log
        else ""
    )
    what = f"{name}{', ' + part.title if part.title else ''}"
    return f"{what}: {part.y_label} by {part.x_label}{ends}; {', '.join(named)}"
