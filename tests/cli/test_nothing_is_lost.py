"""Whatever ends a run, its record can be read and gone on with, and no process is left behind."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpubench.bench.record import read_record

pytest.importorskip("scipy")
pytest.importorskip("pandas")

LINES = 1 + 1 + 2 + 4 + 2 + 2 + 2
"""Header, workload, ceilings, two processes in each of two modes, parity, ceilings, endings."""


@pytest.fixture
def pids(tmp_path):
    folder = tmp_path / "pids"
    folder.mkdir()
    return folder


def run(pids, output, *more, kill="", limit=None):
    def prepare():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    return subprocess.run(
        [
            sys.executable, "-m", "tests.fakes.quick_cli", "run", "--suite", "deit",
            "--modes", "fp32,amp-bf16", "--preset", "smoke", "--device", "cpu",
            "--precision", "1%", "--output", str(output), *more,
        ],
        env={**os.environ, "GPUBENCH_TEST_PIDS": str(pids), "GPUBENCH_TEST_KILL": kill},
        capture_output=True, text=True, check=False, timeout=120, preexec_fn=prepare,
    )  # fmt: skip


def cells(output):
    record = read_record(output)
    measured = [(m.mode, m.process, m.state, m.throughput) for m in record.measurements]
    assert len(measured) == len(set(measured))
    ended = {c.mode: record.closing(c.subject, c.mode) for c in record.measurements}
    return sorted(measured), sorted(mode for _, mode in record.parities), ended


def alive(pids):
    """The children that still run; a zombie does not."""

    def is_alive(pid):
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False

    return [path.name for path in pids.iterdir() if is_alive(path.name)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The cells of a run that nothing ended."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "pids").mkdir()
    done = run(folder / "pids", folder / "run")
    assert done.returncode == 0, done.stderr
    assert (folder / "run" / "record.jsonl").read_bytes().count(b"\n") == LINES
    return cells(folder / "run")


@pytest.mark.parametrize(
    "kill", ["after:2", "after:4", "after:10", f"after:{LINES}", "during:1", "during:5", "during:7"]
)
def test_a_run_killed_at_any_line_goes_on_to_the_same_cells(tmp_path, pids, whole, kill):
    output = tmp_path / "run"
    killed = run(pids, output, kill=kill)
    assert killed.returncode == -signal.SIGKILL
    assert (output / "record.jsonl").read_bytes().count(b"\n") == int(kill.partition(":")[2])
    ends = time.monotonic() + 10
    while alive(pids) and time.monotonic() < ends:
        time.sleep(0.05)
    assert alive(pids) == []
    assert not read_record(output).torn
    done = run(pids, output, "--resume")
    assert done.returncode == 0, done.stderr
    assert cells(output) == whole


def test_a_full_disk_is_one_line_and_leaves_a_record_that_is_gone_on_with(tmp_path, pids, whole):
    output = tmp_path / "run"
    (tmp_path / "other").mkdir()
    run(pids, tmp_path / "other" / "run")
    size = (tmp_path / "other" / "run" / "record.jsonl").read_bytes()
    room = len(b"\n".join(size.split(b"\n")[:6])) + 100  # the line after two processes is cut
    full = run(pids, output, limit=room)
    assert full.returncode == 2
    last = full.stderr.splitlines()[-1]
    assert last.startswith("gpubench: cannot write ")
    assert "File too large" in last
    assert last.endswith(f"what was measured: gpubench report {output}")
    assert "Traceback" not in full.stderr
    record = read_record(output)
    assert (record.torn, len(record.measurements)) == (False, 2)
    done = run(pids, output, "--resume")
    assert done.returncode == 0, done.stderr
    assert cells(output) == whole


def test_a_disk_that_is_full_from_the_start_leaves_nothing(tmp_path, pids):
    full = run(pids, tmp_path / "run", limit=100)
    assert full.returncode == 2
    assert full.stderr.splitlines()[-1].startswith("gpubench: cannot write ")
    assert list(tmp_path.glob("run/*")) == []


def test_a_run_whose_time_was_spent_says_so_and_goes_on_with_more(tmp_path, pids, whole):
    output = tmp_path / "run"
    spent = run(pids, output, "--budget", "0.1s")
    assert spent.returncode == 0, spent.stderr
    assert "the budget of 100 ms was spent: left out parity of fp32, amp-bf16; process 2" in (
        spent.stdout
    )
    assert [(m.mode, m.process) for m in read_record(output).measurements] == [
        ("fp32", 0), ("amp-bf16", 0),
    ]  # fmt: skip
    done = run(pids, output, "--resume", "--budget", "none")
    assert done.returncode == 0, done.stderr
    assert "budget" not in done.stdout
    assert cells(output) == whole


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--budget", "25", "--budget 25: a time such as 25m"),
        ("--precision", "2", "--precision 2: a share such as 2%"),
    ],
)
def test_a_quantity_that_is_none_is_one_line(tmp_path, pids, option, value, said):
    done = run(pids, tmp_path / "run", option, value)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
