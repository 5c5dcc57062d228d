"""A table says how its batch size was found."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.bench.batch_search import BatchTry
from gpubench.bench.record import BatchSearch, RecordWriter, read_record
from gpubench.gate.tables import comparison
from tests.fakes.records import HEADER, PLAN, record

pytestmark = pytest.mark.torch
GIB = 2**30

FOUND = BatchSearch(
    suite="deit",
    mode="fp32",
    state="ok",
    reason=None,
    found=8,
    ended="memory",
    tries=(
        BatchTry(batch_size=8, fits=True, peak_bytes=60 * GIB),
        BatchTry(batch_size=16, fits=False, why="out of memory"),
    ),
    room_bytes=72 * GIB,
    margin=0.1,
)


def about(*searches, wanted=True):
    header = dataclasses.replace(HEADER, plan=dataclasses.replace(PLAN, batch_search=wanted))
    made = record(header=header)
    return comparison(dataclasses.replace(made, lines=(*made.lines, *searches)))[0].about


def test_the_size_its_peak_and_what_ended_the_search_are_told():
    assert about(FOUND)[-1] == (
        "batch 8 was searched for (for all modes): fp32 8 (peak 60.0 GiB of 72.0 GiB; sizes up to "
        "16 tried, the next did not fit)"
    )


def test_one_size_for_all_modes_is_the_smallest_found():
    other = dataclasses.replace(FOUND, mode="amp-bf16", found=12, ended="flat")
    said = about(FOUND, other)[-1]
    assert said.startswith("batch 8 was searched for (one size for all modes, the smallest found)")
    assert "amp-bf16 12" in said


def test_the_variant_it_was_searched_in_is_named():
    assert "with 512 tokens" in about(dataclasses.replace(FOUND, variant="512 tokens"))[-1]


def test_a_search_that_found_nothing_says_why():
    none = dataclasses.replace(
        FOUND, found=None, state="out-of-memory", reason="1 row too much", tries=FOUND.tries[1:]
    )
    assert "fp32 out of memory: 1 row too much" in about(none)[-1]


def test_a_run_that_searched_nothing_says_nothing():
    assert not any("searched" in line for line in about(wanted=False))


def test_a_search_survives_the_record(tmp_path):
    RecordWriter.create(tmp_path, HEADER).append(FOUND)
    assert read_record(tmp_path).of(BatchSearch) == [FOUND]
