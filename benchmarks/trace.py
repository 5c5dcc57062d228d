"""Windows of one cell, process after process, as a real machine gave them: traces for the gate.

    python -m benchmarks.trace record FILE --suite deit --mode fp32 --processes 400
    python -m benchmarks.trace collect RECORD... --output FOLDER
    python -m benchmarks.trace replay FILE...

``record`` measures the same again and again in fresh processes and may be interrupted and asked
again; ``collect`` takes what records hold (a folder of A/A pairs is two); ``replay`` draws pairs
from traces and says how often the gate would be wrong (``benchmarks/replay.py``).
"""

import argparse
import dataclasses
import datetime
import itertools
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gpubench import codec
from gpubench.bench.job import COUNTING, Job, Workload
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import on_cpu, protocol_named
from gpubench.bench.record import RunRecord, read_record
from gpubench.bench.runner import Answer, run_job
from gpubench.errors import BadUsage, GpubenchError, UnreadableInput
from gpubench.gate.history import records_under
from gpubench.suites.registry import suite_named
from gpubench.units import Seconds

SCHEMA = "gpubench.trace/1"
MOST_IN_A_ROW = 3
"""Processes without a figure after which a recording ends: something is wrong."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """What was measured over and over: ``device`` and ``settings`` as the child described them."""

    suite: str
    mode: str
    preset: str
    window_seconds: float
    device: dict[str, Any]
    variant: str = ""
    batch_size: int | None = None
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def title(self) -> str:
        """The cell, and on what."""
        parts = (self.suite, self.variant, self.mode, self.batch_size and f"of {self.batch_size}")
        return f"{' '.join(filter(None, parts))} on {self.device.get('name')}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trace:
    """Throughputs of the processes that counted, samples per second, in the order of measuring."""

    cell: Cell
    throughputs: tuple[float, ...]
    left_out: int = 0


# -- files ----------------------------------------------------------------------------------------


def head(cell: Cell) -> dict[str, Any]:
    """The first line of a trace's file."""
    return {"schema": SCHEMA, **dataclasses.asdict(cell)}


def point(throughput: float | None, state: str, started: str) -> dict[str, Any]:
    """A further line: one process."""
    return {"started": started, "state": state, "samples_per_second": throughput}


def read(path: Path) -> Trace:
    """The trace in a file; UnreadableInput says what is wrong with it."""
    values, _ = codec.read_lines(path)
    if not values:
        raise UnreadableInput(f"{path}: it is empty")
    first = dict(codec.check_schema(values[0], SCHEMA, str(path)))
    del first["schema"]
    cell: Cell = codec.from_plain(Cell, first, f"{path}, line 1")
    found = [_throughput(value, f"{path}, line {n}") for n, value in enumerate(values[1:], start=2)]
    known = tuple(value for value in found if value is not None)
    return Trace(cell=cell, throughputs=known, left_out=len(found) - len(known))


def _throughput(value: Any, source: str) -> float | None:
    """A process's figure; None where it did not count."""
    if not isinstance(value, dict) or not isinstance(value.get("state"), str):
        raise UnreadableInput(f"{source}: no process")
    found = value.get("samples_per_second")
    if value["state"] not in COUNTING or found is None:
        return None
    if not isinstance(found, int | float) or not 0 < found < 1e18:
        raise UnreadableInput(f"{source}: {found!r} is no throughput")
    return float(found)


def write(path: Path, trace: Trace) -> None:
    """Keep a trace that was collected."""
    lines = [head(trace.cell), *(point(value, "ok", "") for value in trace.throughputs)]
    codec.write_text(path, "".join(codec.to_json(line) + "\n" for line in lines))


# -- what records hold ----------------------------------------------------------------------------


def collect(records: Iterable[RunRecord]) -> list[Trace]:
    """The cells of some records, each with its processes in the order in which they began.

    Records of one environment are one trace: both sides of A/A pairs lie in each other's gaps.
    """
    found: dict[str, list[tuple[str, float]]] = defaultdict(list)
    cells: dict[str, Cell] = {}
    for record in records:
        for key, cell, started, throughput in _measured(record):
            cells.setdefault(key, cell)
            found[key].append((started, throughput))
    return [Trace(cell=cells[key], throughputs=_in_order(values)) for key, values in found.items()]


def _in_order(values: list[tuple[str, float]]) -> tuple[float, ...]:
    """As they began; those of one second as they stand, since sorted they would look alike."""
    return tuple(throughput for _, throughput in sorted(values, key=lambda each: each[0]))


def _measured(record: RunRecord) -> Iterator[tuple[str, Cell, str, float]]:
    header = record.header
    for line in record.measurements:
        facts = record.workloads.get(line.subject)
        if not line.counts or facts is None:
            continue
        cell = Cell(
            suite=line.suite,
            variant=line.variant,
            mode=line.mode,
            preset=header.plan.preset,
            window_seconds=header.protocol.window_min_seconds,
            device=facts.device,
            batch_size=facts.batch_size,
            settings=facts.settings,
        )
        key = codec.to_json([header.environment, head(cell)])
        yield key, cell, line.started, line.throughput


# -- recording ------------------------------------------------------------------------------------

Ask = Callable[..., Answer]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be recorded."""

    suite: str
    mode: str
    preset: str
    device: str
    processes: int
    window_seconds: float | None = None
    batch_size: int | None = None
    image_size: int | None = None
    sequence_length: int | None = None


def record(path: Path, wanted: Wanted, ask: Ask = run_job) -> Trace:
    """Measure until the file holds so many processes; what it holds already is gone on with."""
    with tempfile.TemporaryDirectory(prefix="gpubench-") as scratch:
        jobs = _Jobs(wanted, Path(scratch), ask)
        cell = jobs.described()
        if not path.exists():
            codec.write_text(path, codec.to_json(head(cell)) + "\n")
        elif read(path).cell != cell:
            raise BadUsage(f"{path} was recorded of something else; name another file")
        known, in_a_row = read(path), 0
        for number in range(len(known.throughputs) + known.left_out, wanted.processes):
            line, reason = jobs.measured()
            codec.append_line(path, line)
            print(f"{number + 1} of {wanted.processes}: {line}", file=sys.stderr, flush=True)
            in_a_row = 0 if line["state"] in COUNTING else in_a_row + 1
            if in_a_row == MOST_IN_A_ROW:
                raise BadUsage(f"{in_a_row} processes in a row gave no figure: {reason}")
    return read(path)


class _Jobs:
    """The processes of one cell; those after the first start from its compile caches."""

    def __init__(self, wanted: Wanted, scratch: Path, ask: Ask) -> None:
        self._cache, self._ask = scratch / "cache", ask
        self._cache.mkdir()
        protocol = protocol_named(wanted.preset)
        protocol = on_cpu(protocol) if wanted.device == "cpu" else protocol
        if wanted.window_seconds is not None:
            protocol = dataclasses.replace(
                protocol, window_min_seconds=Seconds(wanted.window_seconds)
            )
        self._wanted = wanted
        self._job = Job(
            kind="describe",
            suite_module=suite_named(wanted.suite).module,
            workload=Workload(
                preset=wanted.preset,
                batch_size=wanted.batch_size,
                image_size=wanted.image_size,
                sequence_length=wanted.sequence_length,
            ),
            mode=mode_named(wanted.mode),
            protocol=protocol,
            device=wanted.device,
            scratch=str(scratch),
        )

    def described(self) -> Cell:
        """Survey and soak; the soak's times are thrown away."""
        answer = self._ask(self._job, cache=self._cache).result
        if "workload" not in answer:
            raise BadUsage(f"{self._wanted.suite} cannot be trained: {answer.get('reason')}")
        workload = Workload.from_plain(answer["workload"])
        self._job = dataclasses.replace(self._job, kind="measure", workload=workload)
        self._samples = answer["batch_size"] * workload.accumulation
        return Cell(
            suite=self._wanted.suite,
            mode=self._wanted.mode,
            preset=self._wanted.preset,
            window_seconds=self._job.protocol.window_min_seconds,
            device=answer["device"],
            batch_size=answer["batch_size"],
            settings=answer.get("settings", {}),
        )

    def measured(self) -> tuple[dict[str, Any], str | None]:
        """One process, as a line of the file, and why it gave no figure."""
        started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        answer = self._ask(self._job, cache=self._cache).result
        seconds, steps = answer.get("window_seconds"), len(answer.get("step_seconds") or ())
        throughput = self._samples * steps / seconds if seconds else None
        return point(throughput, str(answer.get("state")), started), answer.get("reason")


# -- the command ----------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _options(arguments)
    try:
        asked.do(asked)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on with it", file=sys.stderr)
        return 130
    except GpubenchError as problem:
        print(problem, file=sys.stderr)
        return int(problem.status)
    return 0


def _record(asked: argparse.Namespace) -> None:
    record(
        asked.file,
        Wanted(
            suite=asked.suite,
            mode=asked.mode,
            preset=asked.preset,
            device=asked.device,
            processes=asked.processes,
            window_seconds=asked.seconds,
            batch_size=asked.batch_size,
            image_size=asked.image_size,
            sequence_length=asked.sequence_length,
        ),
    )


def _collect(asked: argparse.Namespace) -> None:
    records = map(read_record, records_under(asked.records))
    for number, trace in zip(itertools.count(1), collect(records), strict=False):
        path = asked.output / f"{number:02}-{trace.cell.suite}-{trace.cell.mode}.jsonl"
        write(path, trace)
        print(f"{path}: {trace.cell.title}, {len(trace.throughputs)} processes")


def _replay(asked: argparse.Namespace) -> None:
    from benchmarks.replay import table

    print(table([read(path) for path in asked.files], asked.size))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.trace", description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("record")
    one.add_argument("file", type=Path)
    one.add_argument("--suite", default="deit")
    one.add_argument("--mode", default="fp32")
    one.add_argument("--preset", default="smoke")
    one.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    one.add_argument("--processes", type=int, default=400)
    one.add_argument("--seconds", type=float, help="the shortest window (default: the preset's)")
    for name in ("--batch-size", "--image-size", "--sequence-length"):
        one.add_argument(name, type=int, help="a small one makes a long trace in little time")
    one.set_defaults(do=_record)
    two = verbs.add_parser("collect")
    two.add_argument("records", type=Path, nargs="+")
    two.add_argument("--output", type=Path, default=Path("reports/traces"))
    two.set_defaults(do=_collect)
    three = verbs.add_parser("replay")
    three.add_argument("files", type=Path, nargs="+")
    three.add_argument("--size", type=int, default=100_000, help="decisions per effect")
    three.set_defaults(do=_replay)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
