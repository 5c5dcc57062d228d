"""The parent's side of a training: one process, and the record of what it says."""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

from gpubench import codec
from gpubench.bench.feed import here
from gpubench.bench.job import Job, Progress, Workload
from gpubench.bench.learning.asked import Training
from gpubench.bench.learning.record import KINDS, EndLine, TrainingLine, TrainingWriter
from gpubench.bench.learning.stopping import stopping
from gpubench.bench.modes import Mode
from gpubench.bench.protocol import Protocol
from gpubench.bench.runner import Answer, Heard, run_job
from gpubench.errors import NotComparable


class Watcher(Interface):
    """Somebody who is told how a training goes."""

    def stage(self, name: str, done: int, of: int) -> None:
        """A stage is reached."""

    def line(self, line: TrainingLine) -> None:
        """A line is in the record."""

    def stopping(self) -> None:
        """The training was asked to stop and will do so after its step."""


class Ask(Interface):
    """Something that gets a job done, as ``runner.run_job`` does in a process of its own."""

    def __call__(self, job: Job, *, cache: Path, progress: Progress, heard: Heard) -> Answer:
        """Answer the job."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What is trained: the module that offers the learner, and what is asked of it."""

    module: str
    workload: Workload
    mode: Mode
    training: Training
    device: str
    protocol: Protocol


def run_training(
    asked: Trained, writer: TrainingWriter, watcher: Watcher, ask: Ask = run_job
) -> EndLine:
    """Train in a child until it ends or is asked to stop; every line is kept as it comes.

    A second request to stop is KeyboardInterrupt: the child is killed, its checkpoints stay.
    """
    with tempfile.TemporaryDirectory(prefix="gpubench-") as scratch:
        stop = Path(scratch) / "stop"
        training = dataclasses.replace(asked.training, stop=str(stop))
        job = _job(asked, training, scratch)
        with stopping(stop, watcher.stopping):
            answer = ask(
                job,
                cache=Path(scratch),
                progress=watcher.stage,
                heard=_keeping(writer, watcher),
            )
    return _ended(answer.result, writer, watcher)


def _job(asked: Trained, training: Training, scratch: str) -> Job:
    workload = dataclasses.replace(asked.workload, feed=here(asked.workload.feed, asked.device))
    return Job(
        kind="train",
        suite_module=asked.module,
        workload=workload,
        mode=asked.mode,
        protocol=asked.protocol,
        device=asked.device,
        scratch=scratch,
        training=training,
    )


def _keeping(writer: TrainingWriter, watcher: Watcher) -> Callable[[dict[str, Any]], None]:
    def keep(told: dict[str, Any]) -> None:
        kind = KINDS.get(str(told.get("kind")))
        if kind is None:
            return
        line = codec.from_plain(kind, told, "the training")
        writer.append(line)
        watcher.line(line)

    return keep


def _ended(result: dict[str, Any], writer: TrainingWriter, watcher: Watcher) -> EndLine:
    if result["state"] == "not-comparable":
        raise NotComparable(result["reason"])
    known = {field.name for field in dataclasses.fields(EndLine)}
    plain = {name: value for name, value in result.items() if name in known}
    line: EndLine = codec.from_plain(EndLine, plain, "the answer of the training")
    writer.append(line)
    watcher.line(line)
    return line
