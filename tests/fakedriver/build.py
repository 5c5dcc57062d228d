"""Compiles the fake driver and points a process at it."""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CC = shutil.which("cc") or shutil.which("gcc")

needs_cc = pytest.mark.skipif(CC is None, reason="the fake driver needs a C compiler")

SCENARIOS = HERE / "scenarios"
GPU = (SCENARIOS / "gpu.txt").read_text()
"""One healthy H100 on a baseboard, as every GPU of a scenario is unless it says otherwise."""


def healthy(count: int = 8, driver: str = "580.82.07") -> str:
    """The scenario of a machine with ``count`` H100 and nothing wrong."""
    lines = [f"driver_version {driver}", "cuda_version 13000", f"count {count}"]
    lines += [f"cuda.count {count}"]
    lines += [f"gpu.{n}.uuid GPU-00000000-0000-0000-0000-00000000000{n}" for n in range(count)]
    lines += [f"gpu.{n}.pci 00000000:{n + 1:02X}:00.0" for n in range(count)]
    return "\n".join(lines) + "\n" + GPU


def named(name: str) -> str:
    """The scenario of a file; a line ``healthy N`` in it stands for such a machine."""
    lines = (SCENARIOS / f"{name}.txt").read_text().splitlines()
    return "\n".join(
        healthy(int(line.split()[1])) if line.startswith("healthy ") else line for line in lines
    )


def but(scenario: str, *lines: str) -> str:
    """``scenario`` with some lines that go before its own."""
    return "\n".join(lines) + "\n" + scenario


@functools.cache
def folder(*without: str) -> Path:
    """A folder with both libraries, some functions left out (``EVENT_REASONS``)."""
    place = Path(tempfile.mkdtemp(prefix="gpubench-fakedriver-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    for source, library in (("nvml.c", "libnvidia-ml.so.1"), ("cuda.c", "libcuda.so.1")):
        left_out = [f"-DWITHOUT_{name}" for name in without]
        assert CC is not None
        command = [CC, "-shared", "-fPIC", "-O1", *left_out, "-o", place / library, HERE / source]
        subprocess.run(command, check=True)
    return place


@functools.cache
def minimal() -> Path:
    """A folder with an NVML library that lacks nearly every function."""
    place = Path(tempfile.mkdtemp(prefix="gpubench-minimal-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    assert CC is not None
    command = [CC, "-shared", "-fPIC", "-o", place / "libnvidia-ml.so.1", HERE / "minimal.c"]
    subprocess.run(command, check=True)
    return place


def variables(tmp_path: Path, scenario: str, *without: str) -> dict[str, str]:
    """The environment of a process that finds the fake driver and plays ``scenario``."""
    script = tmp_path / "scenario"
    script.write_text(scenario)
    return {
        **os.environ,
        "LD_LIBRARY_PATH": str(folder(*without)),
        "GPUBENCH_FAKE_DRIVER": str(script),
    }
