"""Decisions of ``gpubench ab`` on this machine: ``python -m benchmarks.real_pairs``.

    python -m benchmarks.real_pairs                                  # 30 decisions in 25 minutes
    python -m benchmarks.real_pairs --decisions 4 --minutes 4        # to see that it works
    python -m benchmarks.real_pairs --from reports/real-pairs.json   # render it again

An interpreter is measured against itself, again and again: a REGRESSION or an IMPROVED is a false
alarm. Then it is measured against one whose steps do a quarter more work, which must be found.
The cells are as small as they can be, since a decision takes at least five pairs of processes.
"""

import argparse
import dataclasses
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.slower import EVERY, slower
from gpubench import codec, units
from gpubench.bench.record import read_record
from gpubench.gate.compare import Rules
from gpubench.gate.pairs import PairRecords
from gpubench.gate.sequential import LOOKS, RISK, gates_at, mean_and_variance

SCHEMA = "gpubench.real-pairs/1"
SUITES = "deit", "bert-ner"
CELL = ("--modes", "fp32", "--device", "cpu", "--preset", "smoke", "--seconds", "0.5",
        "--batch-size", "2", "--image-size", "32", "--sequence-length", "16")  # fmt: skip
STARTING = 10.0
"""Seconds of a session that its budget has no say in: what comes before and after its pairs."""

PINNED = (
    "import os, runpy, sys; os.sched_setaffinity(0, {int(sys.argv.pop(1))}); "
    "runpy.run_module('gpubench', run_name='__main__', alter_sys=True)"
)
"""gpubench on one core, so that as many sessions as there are cores do not take turns on them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """What one session said of one cell's throughput; ``differences`` are logarithmic."""

    suite: str
    word: str
    pairs: int
    effect: float | None
    low: float | None
    high: float | None
    differences: tuple[float, ...]


def decisions(
    candidate: str,
    suites: Sequence[str],
    budget: float,
    tolerance: str,
    core: int,
    keep: Path | None = None,
) -> list[Decision]:
    """One session of ab on one core, this interpreter against a candidate; ``keep`` its folder."""
    with tempfile.TemporaryDirectory(prefix="gpubench-pairs-") as scratch:
        folder = keep or Path(scratch) / "pairs"
        options = [o for o in CELL if "bert-ner" in suites or o not in ("--sequence-length", "16")]
        command = [
            sys.executable, "-c", PINNED, str(core), "ab", "--suite", ",".join(suites),
            "--b-python", candidate, *options, "--tolerance", tolerance,
            "--budget", f"{budget:.0f}s", "--output", str(folder), "--format", "json",
        ]  # fmt: skip
        done = subprocess.run(
            command,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if not done.stdout:
            sys.exit(f"gpubench ab ended with status {done.returncode} and no answer")
        found = json.loads(done.stdout)
        records = PairRecords(
            baseline=read_record(folder / "a"), candidate=read_record(folder / "b"), rules=Rules()
        )
    return [
        _decision(records, verdict)
        for verdict in found["verdicts"]
        if verdict["metric"] == "throughput"
    ]


def _decision(records: PairRecords, verdict: dict[str, Any]) -> Decision:
    name = next(each for each in records.names if each.subject.suite == verdict["suite"])
    figures = {figure.metric.name: figure for figure in records.figures(name)}
    differences = figures["throughput"].differences if "throughput" in figures else ()
    return Decision(
        suite=verdict["suite"],
        word=verdict["word"],
        pairs=len(differences),
        effect=verdict["effect"],
        low=verdict["low"],
        high=verdict["high"],
        differences=differences,
    )


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """All decisions, told as they come."""
    began = time.monotonic()
    cores = sorted(os.sched_getaffinity(0))[: options.at_once]
    alike = _alike(options, cores)
    with tempfile.TemporaryDirectory() as folder:
        changed, budget = str(slower(Path(folder))), 60 * options.injected_minutes
        injected = decisions(changed, SUITES, budget, options.tolerance, cores[0])
    _say(f"every {EVERY}th step twice", injected)
    return {
        "schema": SCHEMA,
        "tolerance": options.tolerance,
        "cell": " ".join(CELL),
        "at_once": len(cores),
        "seconds": time.monotonic() - began,
        "alike": [dataclasses.asdict(each) for each in alike],
        "injected": [dataclasses.asdict(each) for each in injected],
    }


def _alike(options: argparse.Namespace, cores: Sequence[int]) -> list[Decision]:
    """Sessions of this interpreter against itself, one on each core at a time."""
    sessions = math.ceil(options.decisions / len(SUITES))
    rounds = math.ceil(sessions / len(cores))
    budget = max(1.0, 60 * options.minutes / rounds - STARTING)

    def on(core: int) -> list[list[Decision]]:
        found = []
        for session in range(cores.index(core), sessions, len(cores)):
            keep = options.keep and options.keep / f"session-{session + 1:02}"
            found.append(decisions(sys.executable, SUITES, budget, options.tolerance, core, keep))
            _say(f"session {session + 1} of {sessions}", found[-1])
        return found

    with ThreadPoolExecutor(len(cores)) as pool:
        return [each for found in pool.map(on, cores) for session in found for each in session]


def _say(what: str, found: Sequence[Decision]) -> None:
    said = ", ".join(f"{each.suite} {each.word} after {each.pairs} pairs" for each in found)
    print(f"{what}: {said}", file=sys.stderr, flush=True)


# -- the page -------------------------------------------------------------------------------------


HEADINGS = (
    "suite", "decisions", "false alarms", "PASS", "INCONCLUSIVE", "pairs on average",
    "SD of a pair", f"gates in {LOOKS[-1]} pairs at",
)  # fmt: skip


def page(record: dict[str, Any]) -> str:
    """The record as Markdown."""
    alike, injected = record["alike"], record["injected"]
    lines = [
        "# Decisions of `gpubench ab` on one machine",
        "",
        f"Tolerance {record['tolerance']}, {units.seconds(record['seconds'])} in all, cells:",
        f"`{record['cell']}`, {record['at_once']} sessions at a time, a core each.",
        "Written by `python -m benchmarks.real_pairs`.",
        "",
        "An interpreter against itself: what is not PASS or INCONCLUSIVE is a false alarm.",
        "",
        f"| {' | '.join(HEADINGS)} |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *(_row(suite, [d for d in alike if d["suite"] == suite]) for suite in SUITES),
        "",
        f"Every {EVERY}th step trained twice, 25 % more work:",
        "",
        "| suite | verdict | pairs | costs more | interval |",
        "|---|---|---:|---:|---:|",
        *map(_injected_row, injected),
    ]
    return "\n".join(lines) + "\n"


def _row(suite: str, found: Sequence[dict[str, Any]]) -> str:
    words = [decision["word"] for decision in found]
    alarms = sum(word in ("REGRESSION", "IMPROVED") for word in words)
    variance = pooled([decision["differences"] for decision in found])
    gate = gates_at(variance, risk=RISK / (2 * len(SUITES))) if variance is not None else None
    cells = (
        suite, len(found), alarms, words.count("PASS"), _share(words.count("INCONCLUSIVE"), words),
        f"{statistics.fmean(d['pairs'] for d in found):.1f}" if found else units.ABSENT,
        units.percent(variance**0.5 if variance is not None else None, 2), units.percent(gate),
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def pooled(groups: Sequence[Sequence[float]]) -> float | None:
    """The variance of a pair's difference about its session's mean; None where nothing says it."""
    usable = [group for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in usable)
    if not freedom:
        return None
    return sum((len(group) - 1) * mean_and_variance(group)[1] for group in usable) / freedom


def _share(count: int, words: Sequence[str]) -> str:
    return f"{count} ({count / len(words):.0%})" if words else units.ABSENT


def _injected_row(decision: dict[str, Any]) -> str:
    low, high = (units.percent(decision[end]) for end in ("low", "high"))
    effect = units.percent(decision["effect"])
    return (
        f"| {decision['suite']} | {decision['word']} | {decision['pairs']} | {effect} "
        f"| [{low}, {high}] |"
    )


def written(record: dict[str, Any], output: Path) -> None:
    """The record and its page, side by side."""
    codec.write_text(output.with_suffix(".json"), codec.to_json(record, indent=1) + "\n")
    codec.write_text(output.with_suffix(".md"), page(record))


def main() -> int:
    """0 where nothing was a false alarm and every injected slowdown was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_pairs", description=__doc__)
    parser.add_argument("--decisions", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=25.0, help="for the decisions")
    parser.add_argument("--at-once", type=int, default=2, help="sessions, each on its own core")
    parser.add_argument("--injected-minutes", type=float, default=5.0)
    parser.add_argument("--tolerance", default="3%")
    parser.add_argument("--output", type=Path, default=Path("reports/real-pairs/pairs"))
    parser.add_argument("--keep", type=Path, help="keep the pairs here, for benchmarks.trace")
    parser.add_argument("--from", dest="source", type=Path, help="render this record again")
    options = parser.parse_args()
    if options.source:
        record = json.loads(options.source.read_text())
    else:
        record = measured(options)
        written(record, options.output)
    print(page(record))
    alarms = [d for d in record["alike"] if d["word"] in ("REGRESSION", "IMPROVED")]
    missed = [d for d in record["injected"] if d["word"] != "REGRESSION"]
    return int(bool(alarms or missed))


if __name__ == "__main__":
    sys.exit(main())
