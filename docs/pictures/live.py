"""Draws the live view as it stood before the last process of a run: live.py RUN > live.svg."""

import dataclasses
import re
import sys
from pathlib import Path

from rich.console import Console

from gpubench.bench.modes import mode_named
from gpubench.bench.record import read_record
from gpubench.bench.schedule import Step
from gpubench.cli.live import LiveWatcher

WIDTH, HEIGHT = 92, 24


def picture(run: Path) -> str:
    """An SVG of the view in a terminal window; it loads no font from anywhere."""
    record = read_record(run)
    *earlier, last = record.measurements
    console = Console(
        record=True,
        width=WIDTH,
        height=HEIGHT,
        file=open("/dev/null", "w"),  # noqa: PTH123, SIM115 - nothing is to be seen meanwhile
        force_terminal=True,
        highlight=False,
    )
    before = dataclasses.replace(record, measurements=tuple(earlier))
    view = LiveWatcher(record.header.protocol, before, console)
    mode = mode_named(last.mode)
    step = Step(subject=last.subject, kind="measure", mode=mode, process=last.process)
    view.began(step, [], last.child_seconds)
    view.stage("warm-up", last.warmup.steps if last.warmup else 0, 30)
    console.print(view.picture())
    svg = console.export_svg(title="gpubench run")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    sys.stdout.write(picture(Path(sys.argv[1])))
