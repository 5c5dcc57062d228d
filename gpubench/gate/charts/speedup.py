"""Speed-ups over float32 with their intervals; one that cannot be told is a word."""

from gpubench.bench.modes import REFERENCE
from gpubench.gate.chart import Bars, Chart, Mark
from gpubench.gate.charts.scene import Scene
from gpubench.gate.charts.throughput import shaky_notes
from gpubench.gate.marks import ratio_text
from gpubench.gate.summary import Cell
from gpubench.gate.table import STATE_WORDS


def speedup_chart(scene: Scene) -> Chart | None:
    """A row for each mode but float32; None where nothing can be held against it."""
    others = [cell for cell in scene.cells if cell.mode != REFERENCE.name]
    if not any(cell.speedup for cell in others):
        return None
    return Chart(
        name="speedup",
        title="Speed-up over float32",
        about="times the throughput of fp32 without compilation, with 95 % intervals",
        parts=(Bars(unit="× fp32", marks=tuple(map(_mark, others)), reference=1.0),),
        notes=shaky_notes(scene.cells),
    )


def _mark(cell: Cell) -> Mark:
    if cell.speedup is None:
        word = "no fp32 to compare with" if cell.throughput else STATE_WORDS.get(cell.state)
        return Mark(label=cell.mode, text=word or cell.state)
    text = ratio_text(cell.speedup, shaky=cell.speedup_is_shaky)
    if cell.speedup.is_wide:
        return Mark(label=cell.mode, text=text)
    return Mark.of(cell.mode, text, cell.speedup, is_shaky=cell.speedup_is_shaky)
