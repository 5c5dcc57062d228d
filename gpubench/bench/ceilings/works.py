"""The works that are repeated: products, copies, launches; on a GPU or on a CPU."""

from collections.abc import Iterator
from typing import Any

import torch

from gpubench.bench import cuda
from gpubench.bench.ceilings import ceiling_named
from gpubench.bench.ceilings.windows import Budget, sample
from gpubench.bench.modes import Mode, mode_named
from gpubench.bench.precision import mismatches, precision, read_back
from gpubench.units import Seconds

Sample = dict[str, Any]

SIZES = {"cuda": (4096, 8192, 16384), "cpu": (512, 1024, 2048, 4096)}
"""Sides of the square matrices (own choice): from what keeps few cores busy to what many need."""

WINDOW_SECONDS = {"cuda": Seconds(0.2), "cpu": Seconds(0.01)}
"""The shortest window (own choice). A GPU's clock follows its power within some 100 ms. On a CPU
windows are short, since between two of a neighbour's time slices there is a true one."""

MODE_OF = {"float32": "fp32", "tf32": "tf32", "bfloat16": "amp-bf16", "float16": "amp-fp16"}
"""The mode that computes in a format; it is set and read back as for training."""

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}

BYTES = {"cuda": 2**30, "cpu": 2**27}
"""The size of one array (own choice): several times any cache, and little beside the memory."""

LARGER = 8
"""A product of twice the side takes so many times as long."""

FEWEST = 3
"""A size costs so many products at least: an untimed one, one to count by, one window."""

BURST = {"launch": 100, "launch-and-wait": 10}
"""Operators between two marks of the clock, which has a cost of its own."""

COPIED = 2**28
"""Bytes that are copied between host and device at a time (own choice)."""


class NotHere(Exception):
    """This device has no such ceiling; the text says why."""


class NotAsSet(Exception):
    """What is in effect is not the format that was asked for; the text says where."""


def samples(name: str, device: torch.device, seconds: Seconds) -> list[Sample]:
    """The windows of a ceiling, measured for about that long; NotHere where the device has none."""
    ceiling = ceiling_named(name)
    if device.type == "cpu" and ceiling.not_on_cpu:
        raise NotHere(ceiling.not_on_cpu)
    if name.startswith("gemm-"):
        return products(str(ceiling.dtype), device, seconds)
    if name.startswith("memory-"):
        return [memory(name, device, seconds)]
    if name.startswith("to-"):
        return [transfer(name, device, seconds)]
    return [launch(name, device, seconds)]


def products(dtype: str, device: torch.device, seconds: Seconds) -> list[Sample]:
    """Products of square matrices of normal numbers, drawn anew for each window.

    Constants or zeros would draw less power and let a GPU clock higher than training does.
    2 n³ operations each: a multiplication and an addition.
    """
    mode = mode_named(MODE_OF[dtype])
    reason = cuda.unsupported(mode, device) if device.type == "cuda" else None
    if reason is not None:
        raise NotHere(reason)
    with precision(mode), torch.no_grad():
        faults = _faults(mode, device)
        if faults:
            raise NotAsSet(faults)
        return list(_products(DTYPES.get(dtype, torch.float32), device, seconds))


def _faults(mode: Mode, device: torch.device) -> str:
    """Where float32 products are not of the format asked for; a cast one cannot be otherwise."""
    return (
        "" if mode.autocast else "; ".join(mismatches(mode, read_back(mode, device), device.type))
    )


def _products(dtype: torch.dtype, device: torch.device, seconds: Seconds) -> Iterator[Sample]:
    """One size after the other, as long as it fits and is short beside the time there is."""
    sizes = SIZES[device.type]
    for size in sizes:
        try:
            found = _product(size, dtype, device, Seconds(seconds / len(sizes)))
        except Exception as problem:
            if size == sizes[0] or not cuda.is_out_of_memory(problem):
                raise
            return  # the smaller ones are an answer
        yield found
        once = min(found["seconds"]) / found["repetitions"]
        if FEWEST * LARGER * once > seconds / 2:
            return


def _product(size: int, dtype: torch.dtype, device: torch.device, seconds: Seconds) -> Sample:
    left, right, into = (torch.empty(size, size, device=device, dtype=dtype) for _ in range(3))

    def refresh() -> None:
        left.normal_()
        right.normal_()

    def once() -> None:
        torch.mm(left, right, out=into)

    return sample(
        once,
        cuda.clock_of(device),
        shape=f"{size} × {size}",
        amount=2.0 * size**3,
        budget=_plain(device, seconds),
        refresh=refresh,
    )


def memory(name: str, device: torch.device, seconds: Seconds) -> Sample:
    """Bytes read and written by a copy (2 arrays) or a triad a = b + s c (3), as STREAM counts.

    That a CPU may read a line before it writes it is not counted.
    """
    entries = _fitting(BYTES[device.type], device) // 4
    count = 3 if name == "memory-triad" else 2
    first, second, *third = (torch.rand(entries, device=device) for _ in range(count))

    def triad() -> object:
        return torch.add(second, third[0], alpha=3.0, out=first)

    return sample(
        triad if third else lambda: first.copy_(second),
        cuda.clock_of(device),
        shape=f"{count} × {entries * 4 // 2**20} MiB",
        amount=4.0 * entries * count,
        budget=_plain(device, seconds),
    )


def _fitting(wanted: int, device: torch.device) -> int:
    """An array of the wanted size, or of an eighth of the memory that is free on the GPU."""
    if device.type != "cuda":
        return wanted
    return min(wanted, torch.cuda.mem_get_info(device)[0] // 8)


def transfer(name: str, device: torch.device, seconds: Seconds) -> Sample:
    """Bytes copied between the host's memory, pageable or pinned, and the GPU's."""
    pinned = name.endswith("-pinned")
    entries = _fitting(COPIED, device) // 4
    host = torch.rand(entries, pin_memory=pinned)
    there = torch.rand(entries, device=device)
    into, out_of = (there, host) if name.startswith("to-device") else (host, there)
    return sample(
        lambda: into.copy_(out_of, non_blocking=pinned),
        cuda.clock_of(device),
        shape=f"{entries * 4 // 2**20} MiB",
        amount=4.0 * entries,
        budget=_plain(device, seconds),
    )


def launch(name: str, device: torch.device, seconds: Seconds) -> Sample:
    """The smallest operator there is, on one number: its dispatch, and on a GPU its launch."""
    waits = name == "launch-and-wait"
    number, clock, burst = torch.zeros(1, device=device), cuda.clock_of(device), BURST[name]

    def many() -> None:
        for _ in range(burst):
            number.add_(1.0)
            if waits:
                clock.settle()

    budget = _plain(device, seconds)
    with torch.no_grad():
        return sample(many, clock, shape="1 number", amount=float(burst), budget=budget)


def _plain(device: torch.device, seconds: Seconds) -> Budget:
    return Budget(seconds=seconds, window_seconds=WINDOW_SECONDS[device.type])
