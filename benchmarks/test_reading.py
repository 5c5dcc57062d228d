"""How long the gate takes to read: two records of a thousand cells, ten thousand records of one.

Run on a quiet machine with ``pytest benchmarks``. The limits are those of a whole command, from its
start to its last line, on records like the one under ``reports/``.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("scipy")
pytest.importorskip("pandas")

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "reports" / "cpu-smoke" / "record.jsonl"
CELLS, COMPARE_SECONDS = 1_000, 2.0
RECORDS, HISTORY_SECONDS = 10_000, 10.0
HISTORY_BYTES = 400 * 2**20
"""A point and its row take a few KB; the records themselves are three times as large together."""
DISTINCT = 100
"""Files that are written; the others are links to them, so that the disk is not what is timed."""


def lines():
    return [json.loads(line) for line in RECORD.read_text(encoding="utf-8").splitlines()]


def write(folder, values):
    folder.mkdir(parents=True)
    text = "\n".join(map(json.dumps, values)) + "\n"
    (folder / "record.jsonl").write_text(text, encoding="utf-8")
    return folder


def many_cells(folder, seed, day):
    """The record's suite deit in so many variants that it has ``CELLS`` cells."""
    noise = random.Random(seed)
    header, *rest = lines()
    variants = [f"batch {n}" for n in range(-(-CELLS // len(header["plan"]["modes"])))]
    header["plan"] |= {"suites": ["deit"], "variants": variants}
    header["created"] = f"2026-11-{day:02d}T00:00:00+00:00"
    own = [line for line in rest if line["suite"] == "deit"]
    told = [line for line in rest if line["kind"] == "ceiling"]
    for variant in variants:
        for line in own:
            scaled = {**line, "variant": variant}
            if line["kind"] == "measurement":
                scaled["window_seconds"] *= 1 + noise.gauss(0, 0.005)
            told.append(scaled)
    return write(folder, [header, *told])


def many_records(folder):
    """The record again and again, each begun at another time."""
    header, *rest = lines()
    for number in range(DISTINCT):
        created = f"2026-{number % 12 + 1:02d}-{number % 28 + 1:02d}T00:00:00+00:00"
        write(folder / f"{number:05}", [{**header, "created": created}, *rest])
    for number in range(DISTINCT, RECORDS):
        (folder / f"{number:05}").mkdir()
        source = folder / f"{number % DISTINCT:05}" / "record.jsonl"
        os.link(source, folder / f"{number:05}" / "record.jsonl")
    return folder


def run(*words):
    """The command's processor seconds and the most memory it took; it may end in any verdict.

    It has one thread, so on a quiet machine these are the seconds on the clock, which
    pytest-benchmark shows; on a busy one they are nearly what they were.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "gpubench", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode in (0, 1, 4, 5, 6)
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def best_of(benchmark, rounds, *words):
    """The least processor seconds of some runs, and the most memory of any."""
    found = []
    benchmark.pedantic(lambda: found.append(run(*words)), rounds=rounds)
    seconds, most_bytes = zip(*found, strict=True)
    benchmark.extra_info |= {"processor_seconds": seconds, "most_bytes": most_bytes}
    print(f"\n{min(seconds):.2f} s of processor, {max(most_bytes) / 2**20:.0f} MiB")
    return min(seconds), max(most_bytes)


def test_two_records_of_a_thousand_cells_are_compared_in_two_seconds(benchmark, tmp_path):
    sides = [many_cells(tmp_path / name, day, day) for day, name in enumerate("ab", start=1)]
    run("compare", *sides)  # byte code written, files read once
    seconds, _ = best_of(benchmark, 3, "compare", *sides)
    assert seconds < COMPARE_SECONDS


def test_ten_thousand_records_are_a_history_in_ten_seconds(benchmark, tmp_path):
    folder = many_records(tmp_path / "records")
    words = ("history", folder, "--suite", "deit", "--output", tmp_path / "history.txt")
    seconds, most_bytes = best_of(benchmark, 2, *words)
    assert seconds < HISTORY_SECONDS
    assert most_bytes < HISTORY_BYTES
