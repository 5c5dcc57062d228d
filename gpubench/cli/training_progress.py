"""How a training is going: a line per report on stderr."""

from gpubench import units
from gpubench.bench.learning.record import (
    CheckpointLine,
    EpochLine,
    LossLine,
    TrainingFacts,
    TrainingLine,
)
from gpubench.cli import terminal
from gpubench.gate.training_tables import SCORE_WORDS


class TrainingWatcher:
    """Says what is in the record as it comes."""

    def __init__(self) -> None:
        self._total = 0

    def stage(self, name: str, done: int, of: int) -> None:
        """Stages are not worth a line."""

    def line(self, line: TrainingLine) -> None:
        """A line for people, of those that say something new."""
        if isinstance(line, TrainingFacts):
            self._total = line.total_steps
        text = self._text(line)
        if text is not None:
            terminal.note(terminal.plain(text))

    def _text(self, line: TrainingLine) -> str | None:
        if isinstance(line, TrainingFacts):
            begun = f"from {line.gone_on_from}" if line.gone_on_from else "from the beginning"
            return f"{units.count(line.total_steps, 'step')}, {begun}"
        if isinstance(line, LossLine):
            return f"step {line.step}/{self._total}  loss {units.significant(line.mean)}"
        if isinstance(line, EpochLine):
            scores = ", ".join(
                f"{SCORE_WORDS.get(name, name)} {value:.3f}" for name, value in line.scores.items()
            )
            mean = units.ABSENT if line.mean_loss is None else units.significant(line.mean_loss)
            if line.step == 0:
                return f"untrained  {scores}"
            return f"epoch {line.epoch}  mean loss {mean}  {scores}"
        if isinstance(line, CheckpointLine):
            return f"checkpoint {line.file} ({units.memory(line.size_bytes)})"
        return None

    def stopping(self) -> None:
        """Say that it was heard."""
        terminal.note("finishing the step and writing a checkpoint; Ctrl-C again stops at once")
