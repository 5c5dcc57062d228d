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

        All but the first do. Where compiling chooses kernels by timing them, only the last of the
        preset's does: the choice is part of what differs between processes. Parity does, since
        nothing is timed there.
        """
        if step.mode.compile is None or step.mode.name not in self.filled:
            return False
        if step.kind == "parity" or step.mode.compile != "max-autotune":
            return not step.is_first
        return step.process == self.processes - 1 > 0

    def note_filled(self, step: Step) -> None:
        """A measuring process came to its end."""
        if self._is_filling(step):
            self.filled.add(step.mode.name)

    def _is_filling(self, step: Step) -> bool:
        """Whether a job's caches are those that later ones start from."""
        return step.kind == "measure" and step.process == 0

    @contextlib.contextmanager
    def of(self, step: Step) -> Iterator[Path]:
        """The cache folder of one job; only that of a mode's first process is left standing."""
        if self._is_filling(step):
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


class PairCaches(Caches):
    """The cache folders of one side of a pair session.

    A mode's first process of this call fills the caches; all later ones start from a copy, but
    where compiling chooses kernels by timing them: there every process chooses anew. So both
    processes of a pair are cold, or both are warm, unless one side's first came to no end.
    """

    def is_warm(self, step: Step) -> bool:
        """Whether the job starts from a copy of the caches that its mode's first process left."""
        chooses = step.kind == "measure" and step.mode.compile == "max-autotune"
        return step.mode.compile is not None and not chooses and step.mode.name in self.filled

    def _is_filling(self, step: Step) -> bool:
        return step.kind == "measure" and step.mode.name not in self.filled
