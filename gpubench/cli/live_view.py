"""What every live view on a terminal has: it is drawn while a block runs, and follows the job."""

from types import TracebackType
from typing import TypeVar

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from gpubench.bench.record import RunRecord
from gpubench.bench.undisturbed import Latest
from gpubench.cli import terminal
from gpubench.cli.standing import Progress, gpu_line
from gpubench.env.reasons import REASONS

REFRESHES_A_SECOND = 4
BAR_WIDTH = 24
OTHER_LINES = 8
"""Lines of a view that are not cells, and one below it for the cursor."""

View = TypeVar("View", bound="LiveView")


class LiveView:
    """Redraws its picture while it is entered; lines that are printed stay above it."""

    def __init__(self, before: RunRecord | None, console: Console | None = None) -> None:
        self._console = console or terminal.console(stderr=True)
        self._progress = Progress(before)
        self._live = Live(
            console=self._console,
            get_renderable=self.picture,
            refresh_per_second=REFRESHES_A_SECOND,
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self: View) -> View:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._live.stop()
        finally:
            self._console.show_cursor(True)

    def sampled(self, latest: Latest) -> None:
        """Show what the job's GPU does."""
        self._progress.sampled(latest)

    def stage(self, name: str, done: int, of: int) -> None:
        """Show where the job is."""
        self._progress.reached(name, done, of)

    def picture(self) -> Group:
        """The view as it is now."""
        raise NotImplementedError

    def _gpu(self) -> list[Text]:
        """A line on the job's GPU, and what slows it down; none where it is not watched."""
        reading = self._progress.reading
        if reading is None:
            return []
        mask = int(reading.get("throttle_reasons", 0))
        slowed = [name for bit, name in REASONS.items() if mask & bit]
        return [Text(" · ".join(["GPU", *gpu_line(reading), *slowed]), style="cyan")]
