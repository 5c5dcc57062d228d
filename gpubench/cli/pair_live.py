"""The live view of pairs on a terminal: each cell's interval closing in on the tolerance."""

from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gpubench import units
from gpubench.bench.job import Subject
from gpubench.bench.schedule import Step
from gpubench.cli import pair_standing, terminal
from gpubench.cli.live_view import BAR_WIDTH, OTHER_LINES, LiveView
from gpubench.cli.outcome import outcome
from gpubench.cli.standing import left
from gpubench.gate.pair_standing import Standing
from gpubench.gate.sides import CellName
from gpubench.render.compare_words import signed

if TYPE_CHECKING:
    from gpubench.gate.pair_judge import PairJudge

SCALE_WIDTH = 31
"""Characters of an interval's picture; odd, so that no effect has a place of its own."""

SCALE_TOLERANCES = 3.0
"""The picture reaches this many tolerances to each side; what lies beyond is cut off."""

COLOURS = {"PASS": "green", "IMPROVED": "green", "INCONCLUSIVE": "yellow"}


def scale(standing: Standing) -> str:
    """An interval as characters, faster to the left.

    ``=`` is the interval, ``o`` its middle, ``·`` the tolerance to both sides, ``+`` where the
    interval lies over it.
    """
    if standing.low is None or standing.high is None or not standing.tolerance:
        return ""
    places = [" "] * SCALE_WIDTH
    reach = SCALE_TOLERANCES * standing.tolerance

    def place(effect: float) -> int:
        share = (max(-reach, min(reach, effect)) + reach) / (2 * reach)
        return round(share * (SCALE_WIDTH - 1))

    low, high = place(standing.low), place(standing.high)
    places[low : high + 1] = "=" * (high + 1 - low)
    for edge in (-standing.tolerance, standing.tolerance):
        places[place(edge)] = "·" if places[place(edge)] == " " else "+"
    if standing.effect is not None:
        places[place(standing.effect)] = "o"
    return "".join(places)


class LivePairs(LiveView):
    """Redraws the view while pairs are measured; a line per ended process stays above it."""

    def __init__(self, judge: "PairJudge", console: Console | None = None) -> None:
        super().__init__(None, console)
        self._judge, self._letter = judge, ""
        self._cells: dict[CellName, Standing] = {}

    def began(self, letter: str, step: Step, seconds_left: float) -> None:
        """Show another job; the first finds the pairs of an earlier call."""
        if not self._cells:
            for name in self._judge.records.names:
                self._cells[name] = self._judge.standing(*name)
        self._letter = letter
        self._progress.began(step, seconds_left)

    def ended(
        self, letter: str, step: Step, state: str, reason: str | None, seconds: float
    ) -> None:
        """Leave a line behind."""
        self._progress.ended()
        line = f"{letter.upper()} {outcome(step, state, reason, seconds)}"
        self._console.print(line, markup=False, soft_wrap=True)

    def paired(self, subject: Subject, mode: str) -> None:
        """Show how the cell stands now."""
        self._cells[CellName(subject, mode)] = self._judge.standing(subject, mode)

    def picture(self) -> Group:
        """The view as it is now."""
        step = self._progress.step
        if step is None:
            return Group(Text("starting"))
        return Group(self._job(step), self._stage(), *self._gpu(), Text(""), self._table(step))

    def _job(self, step: Step) -> Table:
        line = Table.grid(expand=True)
        line.add_column(no_wrap=True)
        line.add_column(justify="right", no_wrap=True)
        rest = left(self._progress.seconds_left)
        words = f"{self._letter.upper()} {step.title}"
        line.add_row(
            Text(terminal.plain(words), style="bold"), Text(f"next looks: {rest}" if rest else "")
        )
        return line

    def _stage(self) -> Table:
        stage, seconds = self._progress.stage, self._progress.seconds_in_stage
        line = Table.grid(padding=(0, 1))
        total = float(stage.of) or None
        done = min(float(stage.done), total or 0.0)
        bar = ProgressBar(total=total, completed=done, width=BAR_WIDTH, pulse=not total)
        line.add_row(bar, Text(terminal.plain(stage.name)), Text(f"{seconds:.0f} s", style="dim"))
        return line

    def _table(self, step: Step) -> Table:
        """The cells, those around the one that is measured where there are many."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("cell", no_wrap=True)
        table.add_column("pairs", justify="right", no_wrap=True)
        table.add_column("costs more", justify="right", no_wrap=True)
        table.add_column("faster · slower".center(SCALE_WIDTH), no_wrap=True)
        table.add_column("", no_wrap=True)
        names = list(self._cells)
        here = CellName(step.subject, step.mode.name)
        room = max(1, self._console.height - OTHER_LINES)
        first = max(0, names.index(here) + 1 - room) if here in names else 0
        for name in names[first : first + room]:
            table.add_row(*self._row(name), style="bold" if name == here else "")
        return table

    def _row(self, name: CellName) -> tuple[str | Text, ...]:
        found = self._cells[name]
        colour = COLOURS.get(found.word, "red") if found.word else ""
        return (
            terminal.plain(f"{name.subject.title} {name.mode}"),
            str(found.pairs),
            signed(found.effect) if found.effect is not None else units.ABSENT,
            Text(scale(found), style=colour),
            Text(terminal.plain(pair_standing.verdict(found)), style=colour),
        )
