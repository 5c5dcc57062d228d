"""The live view of a run on a terminal: the job, its GPU, and what every cell has so far."""

from collections.abc import Sequence

from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gpubench import units
from gpubench.bench.protocol import Protocol
from gpubench.bench.record import Measurement, RunRecord
from gpubench.bench.schedule import Step
from gpubench.cli import terminal
from gpubench.cli.live_view import BAR_WIDTH, OTHER_LINES, LiveView
from gpubench.cli.outcome import outcome
from gpubench.cli.standing import left
from gpubench.gate.marks import half_width


class LiveWatcher(LiveView):
    """Redraws the view while jobs run; a line per ended job stays above it."""

    def __init__(
        self, protocol: Protocol, before: RunRecord | None, console: Console | None = None
    ) -> None:
        super().__init__(before, console)
        self._protocol = protocol
        self._remaining: Sequence[Step] = ()

    def began(self, step: Step, remaining: Sequence[Step], seconds_left: float) -> None:
        """Show another job."""
        self._remaining = remaining
        self._progress.began(step, seconds_left)

    def measured(self, measurement: Measurement) -> None:
        """Show what it came to, among the cells."""
        self._progress.measured(measurement)

    def ended(self, step: Step, state: str, reason: str | None, seconds: float) -> None:
        """Leave a line behind."""
        self._progress.ended()
        self._console.print(outcome(step, state, reason, seconds), markup=False, soft_wrap=True)

    def picture(self) -> Group:
        """The view as it is now."""
        step = self._progress.step
        if step is None:
            return Group(Text("starting"))
        return Group(self._job(step), self._stage(), *self._gpu(), Text(""), *self._cells(step))

    def _job(self, step: Step) -> Table:
        line = Table.grid(expand=True)
        line.add_column(no_wrap=True)
        line.add_column(justify="right", no_wrap=True)
        jobs = units.count(len(self._remaining), "job") + " after it" if self._remaining else ""
        rest = " · ".join(filter(None, [jobs, left(self._progress.seconds_left)]))
        line.add_row(Text(terminal.plain(step.title), style="bold"), Text(rest))
        return line

    def _stage(self) -> Table:
        stage, seconds = self._progress.stage, self._progress.seconds_in_stage
        line = Table.grid(padding=(0, 1))
        words = terminal.plain(stage.name)
        if stage.name == "window":  # the child is silent in it, so that nothing disturbs it
            done, total = seconds, max(self._protocol.window_min_seconds, 0.1)
            words += f" of {units.count(stage.of, 'step')}"
        else:
            done, total = float(stage.done), float(stage.of)
            words += f" · {stage.done} of at most {stage.of}" if stage.done else ""
        bar = ProgressBar(
            total=total or None, completed=min(done, total), width=BAR_WIDTH, pulse=not total
        )
        line.add_row(bar, Text(words), Text(f"{seconds:.0f} s", style="dim"))
        return line

    def _cells(self, step: Step) -> list[Table]:
        """The cells of this subject, those that were measured last where there are many."""
        modes = self._progress.modes(step.subject)
        modes = modes[-max(1, self._console.height - OTHER_LINES) :]
        if not modes:
            return []
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("mode", no_wrap=True)
        for heading in ("processes", "samples/s", "± 95 %", "peak memory"):
            table.add_column(heading, justify="right", no_wrap=True)
        for mode in modes:
            table.add_row(*self._row(step, mode), style="bold" if mode == step.mode.name else "")
        return [table]

    def _row(self, step: Step, mode: str) -> list[str]:
        standing = self._progress.standing(step.subject, mode)
        if standing.throughput is None:
            return [mode, "", standing.state, "", units.memory(standing.peak_bytes)]
        return [
            mode,
            str(standing.processes),
            standing.figure,
            half_width(standing.throughput),
            units.memory(standing.peak_bytes),
        ]
