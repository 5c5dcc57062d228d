"""gpubench's training steps against what people train with: ``python -m benchmarks.peers``.

    python -m benchmarks.peers --output reports/peers                # the GPU, or else the CPU
    python -m benchmarks.peers --device cpu --preset smoke --pairs 3 # a few minutes on two cores
    python -m benchmarks.peers --from reports/peers.json             # render it again

Every round trains with gpubench and with each peer, a fresh process each, one after the other; the
next round goes the other way round. A ratio is taken within a round, its interval over the rounds.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.peer_report import OURS, Asked, verdicts, written
from gpubench.bench.job import Job, Workload
from gpubench.bench.modes import REFERENCE, mode_named
from gpubench.bench.protocol import PRESETS, Protocol, on_cpu, protocol_named
from gpubench.bench.runner import WORKER, Answer, run_job
from gpubench.errors import ExitStatus, GpubenchError
from gpubench.suites.registry import suite_named
from gpubench.units import Seconds

SCHEMA = "gpubench.peers/1"
PEERS = {
    "deit": {"timm loop": "timm_loop", "timm loop, fused AdamW": "timm_loop_fused"},
    "bert-ner": {"Trainer": "trainer", "Trainer, no clipping": "trainer_unclipped"},
}
"""What each suite is held against, the peer as it comes first, and its function in peer_loops."""

MODES = {"cuda": ("tf32", "fp32", "amp-bf16"), "cpu": ("fp32",)}
"""Modes that both sides train in; in the first stands the peer's default that the best must beat.

On a GPU that is TF32, the faster of the two that go by the name of float32.
"""

BEST = {
    "cuda": {"deit": "amp-bf16+compile", "bert-ner": "amp-bf16+compile"},
    "cpu": {"deit": "fp32+compile", "bert-ner": "fp32"},
}
"""gpubench's mode that must be faster than the peer's default, named before it is measured.

On a CPU, compiling gains nothing for the small BERT of `smoke`.
"""

SMOKE_SECONDS = 5.0
"""A window of `smoke` is too short to compare by; here it takes at least this long."""

PEER = WORKER.replace(
    "from gpubench.bench.worker import main; main()",
    "from gpubench.bench import worker; "
    "worker.WORK['measure'] = ('benchmarks.peer_loops', {function!r}); worker.main()",
)
"""The worker with another function in the place of gpubench's own loop."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Somebody's training loop in one mode."""

    suite: str
    name: str
    mode: str

    @property
    def program(self) -> str:
        """The Python text that its process runs."""
        if self.name == OURS:
            return WORKER
        return PEER.format(function=PEERS[self.suite][self.name])


def contestants(suite: str, modes: Sequence[str], best: str) -> list[Contestant]:
    """All that train in a round of a suite, those to be compared beside each other."""
    runners = [
        Contestant(suite=suite, name=name, mode=mode)
        for mode in modes
        for name in (OURS, *PEERS[suite])
    ]
    if best not in modes:
        runners.append(Contestant(suite=suite, name=OURS, mode=best))
    return runners


def questions(suite: str, modes: Sequence[str], best: str) -> list[Asked]:
    """What is to be shown: no mode slower than a peer in it, the best faster than its default."""
    as_it_comes = next(iter(PEERS[suite]))
    same = [
        Asked(suite=suite, mode=mode, peer=peer, peer_mode=mode, must="not slower")
        for mode in modes
        for peer in PEERS[suite]
    ]
    return [
        *same,
        Asked(suite=suite, mode=best, peer=as_it_comes, peer_mode=modes[0], must="faster"),
    ]


class Race:
    """The rounds of one run; ``ask`` gets a job done as ``run_job`` does."""

    def __init__(
        self, protocol: Protocol, device: str, folder: Path, ask: Callable[..., Answer] = run_job
    ) -> None:
        self._protocol, self._device, self._folder, self._ask = protocol, device, folder, ask

    def described(self, suite: str) -> dict[str, Any]:
        """What is trained and where; the machine is warm after it."""
        answer = self._answer("describe", Contestant(suite=suite, name=OURS, mode=REFERENCE.name))
        if "batch_size" not in answer:
            raise GpubenchError(f"{suite}: {answer.get('reason')}")
        return answer

    def rounds(
        self, runners: Sequence[Contestant], pairs: int
    ) -> Iterator[tuple[int, Contestant, dict[str, Any]]]:
        """Each answer as it comes, with the number of its round."""
        for number in range(pairs):
            for runner in runners if number % 2 == 0 else reversed(runners):
                yield number, runner, self._answer("measure", runner)

    def _answer(self, kind: Any, runner: Contestant) -> dict[str, Any]:
        scratch, cache = self._folder / "scratch", self._folder / f"cache-{runner.mode}"
        for folder in (scratch, cache):
            folder.mkdir(exist_ok=True)
        job = Job(
            kind=kind,
            suite_module=suite_named(runner.suite).module,
            workload=Workload(preset=self._protocol.preset),
            mode=mode_named(runner.mode),
            protocol=self._protocol,
            device=self._device,
            scratch=str(scratch),
        )
        return self._ask(job, cache=cache, program=runner.program).result


def line(number: int, runner: Contestant, answer: dict[str, Any], batch: int) -> dict[str, Any]:
    """One process as the record keeps it: raw seconds, steps, state."""
    steps = answer.get("steps", len(answer.get("step_seconds", ())))
    return {
        **dataclasses.asdict(runner),
        "round": number,
        "state": answer["state"],
        "reason": answer["reason"],
        "samples": steps * batch,
        "window_seconds": answer.get("window_seconds"),
        "facts": answer.get("facts", {}),
    }


def run(options: argparse.Namespace, keep: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """All rounds of all suites; ``keep`` gets the record after each process."""
    kind = options.device.partition(":")[0]
    modes = options.modes or MODES[kind]
    protocol = _protocol(options.preset, kind, options.seconds)
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "preset": options.preset,
        "window_min_seconds": protocol.window_min_seconds,
        "pairs": options.pairs,
        "suites": {},
        "questions": [],
        "processes": [],
    }
    with tempfile.TemporaryDirectory(prefix="gpubench-peers-") as folder:
        race = Race(protocol, options.device, Path(folder))
        for suite in options.suites:
            record["suites"][suite] = facts = race.described(suite)
            best = options.best or BEST[kind][suite]
            record["questions"] += map(dataclasses.asdict, questions(suite, modes, best))
            runners = contestants(suite, modes, best)
            for number, runner, answer in race.rounds(runners, options.pairs):
                found = line(number, runner, answer, facts["batch_size"])
                record["processes"].append(found)
                _say(f"round {number + 1} · {suite} · {runner.name} · {runner.mode}: ", found)
                keep(record)
    return record


def _protocol(preset: str, kind: str, seconds: float | None) -> Protocol:
    """The preset's rules, with windows of at least so many seconds."""
    protocol = protocol_named(preset)
    if kind == "cpu":
        protocol = on_cpu(protocol)
    if seconds is None:
        seconds = max(SMOKE_SECONDS, protocol.window_min_seconds)
    return dataclasses.replace(protocol, window_min_seconds=Seconds(seconds))


def _say(who: str, found: dict[str, Any]) -> None:
    seconds = found["window_seconds"]
    rate = f"{found['samples'] / seconds:.1f}/s, " if seconds else ""
    print(f"{who}{rate}{found['state']}", found["reason"] or "", file=sys.stderr, flush=True)


def main() -> int:
    """Run or render; 0 where all is shown, 1 where the opposite is, 4 where neither."""
    options = _options()
    stem = Path(options.output)

    def keep(record: dict[str, Any]) -> None:
        part = stem.with_suffix(".json.part")
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        part.replace(stem.with_suffix(".json"))

    try:
        if options.read:
            record = json.loads(Path(options.read).read_text(encoding="utf-8"))
        else:
            began = time.monotonic()
            record = run(options, keep)
            record["seconds"] = round(time.monotonic() - began)
            keep(record)
            stem.with_suffix(".md").write_text(written(record), encoding="utf-8")
    except GpubenchError as problem:
        print(f"benchmarks.peers: {problem}", file=sys.stderr)
        return int(problem.status)
    print(written(record))
    found = {verdict.shown for verdict in verdicts(record)}
    if False in found:
        return ExitStatus.NO
    return ExitStatus.INCONCLUSIVE if None in found else ExitStatus.YES


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pairs", type=int, default=6, help="rounds of each suite (6)")
    parser.add_argument("--suites", type=_names, default=tuple(PEERS), help="deit,bert-ner")
    parser.add_argument("--device", help="cuda or cpu; the GPU where torch has one")
    parser.add_argument("--preset", choices=[p.preset for p in PRESETS])
    parser.add_argument("--modes", type=_names, help="modes that both sides train in")
    parser.add_argument("--best", help="gpubench's mode that must beat the peer's default")
    parser.add_argument("--seconds", type=float, help="the shortest window; 5 at smoke")
    parser.add_argument("--output", default="peers", help="stem of the .json and .md to write")
    parser.add_argument("--from", dest="read", metavar="JSON", help="render a record again")
    options = parser.parse_args()
    if options.device is None and not options.read:
        import torch

        options.device = "cuda" if torch.cuda.is_available() else "cpu"
    options.preset = options.preset or ("smoke" if options.device == "cpu" else "standard")
    unknown = set(options.suites) - set(PEERS)
    if unknown:
        parser.error(f"no peer for {', '.join(sorted(unknown))}; known: {', '.join(PEERS)}")
    if "bert-ner" in options.suites and not options.read and find_spec("accelerate") is None:
        parser.error("the Trainer needs accelerate: pip install accelerate, or --suites deit")
    return options


if __name__ == "__main__":
    sys.exit(main())
