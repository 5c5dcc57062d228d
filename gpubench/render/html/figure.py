"""A picture as a figure: its title, its parts, what they are, and what must be known of it."""

from markupsafe import Markup

from gpubench.gate.chart import Bars, Chart, Plane
from gpubench.render.html.bars import bars
from gpubench.render.html.markup import element
from gpubench.render.html.plane import legend, plane


def figure(chart: Chart) -> Markup:
    """The figure of a chart."""
    said: list[str] = [element("b", chart.title), f" — {chart.about}"]
    drawn = [
        bars(part) if isinstance(part, Bars) else plane(part, chart.title) for part in chart.parts
    ]
    many = len(drawn) > 1
    notes = [element("p", note, class_="note") for note in chart.notes]
    return element(
        "figure",
        element("figcaption", *said),
        element("div", *drawn, class_="parts many" if many else "parts"),
        *_legend(chart),
        *notes,
        class_=f"chart {chart.name}",
    )


def _legend(chart: Chart) -> list[Markup]:
    """One for all planes of a picture; rows of bars bear their names."""
    planes = [part for part in chart.parts if isinstance(part, Plane)]
    if not planes:
        return []
    lines = [line for part in planes for line in part.lines]
    return [
        legend(
            lines,
            is_banded=any(part.band for part in planes),
            is_lost=any(line.lost for line in lines),
            is_outside=any(p.is_outside for line in lines for p in line.points),
        )
    ]
