"""Memory that ran out is told apart: too little of it, or too many pieces."""

import pytest

from gpubench.bench.hostmemory import HostMemory
from gpubench.bench.shortage import Shortage, read_shortage

GIB = 2**30
HOST = HostMemory(
    total_bytes=64 * GIB,
    available_bytes=3 * GIB,
    resident_bytes=50 * GIB,
    peak_bytes=51 * GIB,
    limit_bytes=56 * GIB,
)
ALLOCATOR = {
    "total_bytes": 80 * GIB,
    "free_bytes": GIB,
    "allocated_bytes": 70 * GIB,
    "reserved_bytes": 76 * GIB,
    "inactive_split_bytes": 6 * GIB,
    "largest_free_block_bytes": 2 * GIB,
}
MESSAGE = (
    "CUDA out of memory. Tried to allocate {asked}. GPU 0 has a total capacity of 80.00 GiB of "
    "which 1.00 GiB is free. Process 12 has 1.50 GiB memory in use. Process 13 has 512.00 MiB "
    "memory in use. Including non-PyTorch memory, this process has 77.00 GiB memory in use. Of the "
    "allocated memory 70.00 GiB is allocated by PyTorch, and 6.00 GiB is reserved by PyTorch but "
    "unallocated. If reserved but unallocated memory is large try setting "
    "{variable}=expandable_segments:True to avoid fragmentation."
)
"""As torch 2.6 to 2.15 write it (the words stand in c10/cuda/CUDACachingAllocator.cpp)."""


def read(asked="5.00 GiB", variable="PYTORCH_CUDA_ALLOC_CONF", settings="", extra="", **changes):
    return read_shortage(
        MESSAGE.format(asked=asked, variable=variable) + extra,
        device="cuda",
        allocator={**ALLOCATOR, **changes},
        host=HOST,
        settings=settings,
    )


def test_the_message_says_what_was_asked_for_and_what_others_use():
    found = read(asked="512.00 MiB")
    assert found.requested_bytes == GIB // 2
    assert found.elsewhere_bytes == 2 * GIB


def test_enough_in_all_but_no_piece_large_enough_is_fragmentation():
    found = read("5.00 GiB")
    assert (found.unused_bytes, found.obtainable_bytes) == (6 * GIB, 7 * GIB)
    assert found.is_fragmented is True


def test_more_than_all_that_is_not_in_use_is_a_true_shortage():
    assert read("9.00 GiB").is_fragmented is False


def test_less_than_what_was_free_is_neither():
    assert read("512.00 MiB").is_fragmented is None


def test_the_message_stands_in_for_the_allocator():
    found = read_shortage(
        MESSAGE.format(asked="5.00 GiB", variable="X"),
        device="cuda",
        allocator={},
        host=HOST,
        settings="",
    )
    assert (found.free_bytes, found.allocated_bytes, found.reserved_bytes) == (
        GIB, 70 * GIB, 76 * GIB
    )  # fmt: skip
    assert found.is_fragmented is True
    assert found.largest_free_block_bytes is None


def test_a_limit_of_the_allocator_s_own_counts_as_the_end():
    assert read("6.50 GiB", extra=" 76.00 GiB allowed;").is_fragmented is False


@pytest.mark.parametrize("variable", ["PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"])
def test_the_variable_is_spelled_as_this_torch_spells_it(variable):
    assert read(variable=variable).variable == variable


def test_segments_that_expand_already_are_noticed():
    assert read(settings="expandable_segments:True").expandable
    assert not read(settings="max_split_size_mb:64").expandable


def test_an_error_without_figures_leaves_the_question_open():
    found = read_shortage(
        "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)",
        device="cuda",
        allocator={},
        host=HOST,
        settings="",
    )
    assert found.requested_bytes is None
    assert found.is_fragmented is None


@pytest.mark.parametrize("asked", ["1.2.3 GiB", "9" * 400 + " GiB", "5 apples", ". GiB"])
def test_a_size_that_is_none_is_passed_over(asked):
    assert read(asked=asked).requested_bytes is None


def test_on_a_cpu_the_process_the_machine_and_the_group_are_told():
    found = read_shortage(
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 4503599627370496 bytes. Error code 12 (Cannot allocate memory)",
        device="cpu",
        allocator={},
        host=HOST,
        settings="",
    )
    assert found == Shortage(
        device="cpu",
        requested_bytes=4503599627370496,
        total_bytes=64 * GIB,
        resident_bytes=50 * GIB,
        available_bytes=3 * GIB,
        limit_bytes=56 * GIB,
    )
    assert found.for_training_bytes == 53 * GIB
    assert found.is_fragmented is None
