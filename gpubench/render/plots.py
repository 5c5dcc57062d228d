"""The plots of a record: a registry of them, their text, and their files (SVG and PNG)."""

import dataclasses
import importlib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gpubench.bench.job import Subject
from gpubench.bench.record import RunRecord
from gpubench.errors import MissingPackage, UnknownName, UnwritableOutput

WIDTH, DPI = 7.0, 150
"""Inches and dots per inch: text of 9 points stays readable at half the size (own choice)."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, which people with any colour vision can tell apart
(https://jfly.uni-koeln.de/color/)."""

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that files are the same everywhere
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.hashsalt": "gpubench",  # ids in SVG files are else drawn at random
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A kind of plot: its module offers ``text(record, width)`` and ``drawings(record)``."""

    name: str
    module: str
    about: str


PLOTS = (
    Plot(
        name="throughput",
        module="gpubench.render.plot_throughput",
        about="samples per second of every mode, with intervals",
    ),
    Plot(
        name="speedup",
        module="gpubench.render.plot_speedup",
        about="how many times float32 every mode is, with intervals",
    ),
    Plot(
        name="losses",
        module="gpubench.render.plot_losses",
        about="how the loss of each mode went while it was timed",
    ),
    Plot(
        name="telemetry",
        module="gpubench.render.plot_telemetry",
        about="clock, power and temperature of the GPU over the windows",
    ),
    Plot(
        name="parity",
        module="gpubench.render.plot_parity",
        about="how far the losses of each mode part from float32's",
    ),
    Plot(
        name="sweep",
        module="gpubench.render.plot_sweep",
        about="speed and memory of each mode over a sweep, with what was fitted",
    ),
)

NAMES = tuple(entry.name for entry in PLOTS)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One picture: what it shows, how tall it is in inches, and what puts it on a figure."""

    subject: Subject
    height: float
    draw: Callable[[Any], None]


def plot_named(name: str) -> Plot:
    """The plot of that name; UnknownName with the nearest names otherwise."""
    for entry in PLOTS:
        if entry.name == name:
            return entry
    raise UnknownName("plot", name, (entry.name for entry in PLOTS))


def text(name: str, records: Sequence[RunRecord], width: int = 100) -> str:
    """The plot of that name in characters, for every record, in so many columns."""
    module = importlib.import_module(plot_named(name).module)
    return "\n\n".join(module.text(record, width) for record in records) + "\n"


def write(
    records: Sequence[RunRecord],
    folder: Path,
    names: Sequence[str] = NAMES,
) -> list[Path]:
    """Write the plots of those names, of every record, as SVG and PNG; answers the files.

    A folder that cannot be written is UnwritableOutput. The same record gives the same bytes
    with the same matplotlib.
    """
    try:
        import matplotlib as _  # noqa: F401
    except ModuleNotFoundError as problem:
        raise MissingPackage(problem.name or "matplotlib", extra="gate") from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [
            path
            for number, record in enumerate(records, start=1)
            for stem, drawing in _all(record, names)
            for path in _files(drawing, folder, f"{number}-{stem}" if len(records) > 1 else stem)
        ]
    except OSError as problem:
        raise UnwritableOutput.of(problem.filename or folder, problem) from None


def _all(record: RunRecord, names: Sequence[str]) -> Iterator[tuple[str, Drawing]]:
    for plot in map(plot_named, names):
        for drawing in importlib.import_module(plot.module).drawings(record):
            yield _stem(f"{plot.name}-{drawing.subject.title}"), drawing


def _stem(title: str) -> str:
    """A file's name from a title: what no shell, no disk and no browser trips over."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", title).strip("-.") or "plot"


def _files(drawing: Drawing, folder: Path, stem: str) -> list[Path]:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    written = []
    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # an ideograph becomes a box
        figure = Figure(figsize=(WIDTH, drawing.height), layout="constrained")
        FigureCanvasAgg(figure)  # no display is asked for
        drawing.draw(figure)
        for ending, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
            path = folder / f"{stem}.{ending}"
            figure.savefig(path, dpi=DPI, metadata=metadata)
            written.append(path)
    return written
