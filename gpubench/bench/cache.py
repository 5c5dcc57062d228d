"""Compile caches: every process has a folder of its own, some start from one that was filled."""

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

from gpubench.bench.schedule import Step


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Caches:
    """The cache folders of one suite's processes, below ``folder``.

    ``filled`` are the modes whose first process came to its end.
    """

    folder: Path
    processes: int
    filled: set[str] = dataclasses.field(default_factory=set)

    def is_warm(self, step: Step) -> bool:
        """Whether the job starts from a copy of the caches that its mode's first process left.

        The last of several processes does, so that compiling is timed cold and warm; parity
        does, since nothing is timed there.
        """
        last = step.process == self.processes - 1 > 0
        wanted = step.mode.compile is not None and (last or step.kind == "parity")
        return wanted and step.mode.name in self.filled

    @contextlib.contextmanager
    def of(self, step: Step) -> Iterator[Path]:
        """The cache folder of one job; only that of a mode's first process is left standing."""
        if step.kind == "measure" and step.process == 0:
            shutil.rmtree(self._first(step), ignore_errors=True)
            self._first(step).mkdir()
            yield self._first(step)
            return
        own = self.folder / "cache-own"
        if self.is_warm(step):
            shutil.copytree(self._first(step), own)
        else:
            own.mkdir()
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def _first(self, step: Step) -> Path:
        return self.folder / f"cache-{step.mode.name}"
