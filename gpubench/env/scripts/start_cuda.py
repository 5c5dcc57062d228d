"""Starts CUDA through libcuda alone, as any program would, and says what it answered.

Sent to the interpreter under test on stdin: standard library alone, Python 3.8 and later.
Prints one JSON object per line; the last one wins, so a hang leaves what was known before.
"""

from __future__ import annotations

import sys

sys.path[:] = [entry for entry in sys.path if entry]

import ctypes
import json
import os
from typing import Any

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
facts: dict[str, Any] = {}


def say(**more: Any) -> None:
    facts.update(more)
    answers.write(json.dumps(facts) + "\n")
    answers.flush()


def mapped_library() -> str | None:
    """The file behind libcuda.so.1 in this process."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if "/libcuda.so" in line:
                return line.split(None, 5)[-1].strip()
    return None


def name_of(library: ctypes.CDLL, code: int) -> str | None:
    text = ctypes.c_char_p()
    try:
        library.cuGetErrorName(code, ctypes.byref(text))
    except AttributeError:
        return None
    return text.value.decode("ascii", "replace") if text.value else None


def main() -> None:
    say(phase="load libcuda.so.1")
    try:
        library = ctypes.CDLL("libcuda.so.1")
    except OSError as problem:
        return say(problem=str(problem))
    try:
        say(library=mapped_library())
    except OSError:
        say(library=None)
    say(phase="cuInit")
    code = library.cuInit(0)
    say(code=code, name=name_of(library, code))
    number = ctypes.c_int()
    if library.cuDriverGetVersion(ctypes.byref(number)) == 0:
        say(driver_cuda=f"{number.value // 1000}.{number.value % 1000 // 10}")
    say(phase="cuDeviceGetCount")
    if code == 0 and library.cuDeviceGetCount(ctypes.byref(number)) == 0:
        say(device_count=number.value)
    return say(phase="done")


main()
