"""A row whose memory ran out says why in numbers, and names a batch that fits."""

import dataclasses

import pytest

pytest.importorskip("pandas")
pytest.importorskip("scipy")

from gpubench.bench.shortage import Shortage
from gpubench.gate.pages import pages
from gpubench.gate.summary import is_sound
from gpubench.gate.tables import comparison
from tests.fakes.records import FACTS, HEALTHY, broken, record
from tests.fakes.sweeps import sweep_record

pytestmark = pytest.mark.torch
GIB = 2**30
PIECES = Shortage(
    device="cuda",
    requested_bytes=5 * GIB,
    total_bytes=80 * GIB,
    free_bytes=GIB,
    allocated_bytes=70 * GIB,
    reserved_bytes=76 * GIB,
    inactive_split_bytes=6 * GIB,
    largest_free_block_bytes=2 * GIB,
    elsewhere_bytes=2 * GIB,
)
SHORT = dataclasses.replace(PIECES, requested_bytes=9 * GIB)


def note(shortage, facts=FACTS):
    ran_out = dataclasses.replace(
        broken("out-of-memory", "CUDA out of memory. …", "amp-bf16"), shortage=shortage
    )
    made = record(measurements=[*HEALTHY[:2], ran_out], facts=facts)
    assert is_sound(made), "a row without memory does not fail a run"
    return comparison(made)[0].notes[0]


def test_pieces_are_called_fragmentation_with_the_setting_that_helps():
    assert note(PIECES).startswith(
        "amp-bf16: out of memory: 5.00 GiB asked with 1.00 GiB free of 80.0 GiB (70.0 GiB "
        "allocated, 6.00 GiB reserved but unused, the largest piece 2.00 GiB, 2.00 GiB used by "
        "other processes); 6.00 GiB reserved but unused: fragmentation: "
        "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True; try --batch-size 4 --accumulation 2"
    )


def test_a_true_shortage_names_what_is_missing_and_no_setting():
    said = note(SHORT)
    assert "2.00 GiB too little, even if it were in one piece" in said
    assert "expandable_segments" not in said


def test_a_setting_that_is_on_is_not_advised():
    said = note(dataclasses.replace(PIECES, expandable=True))
    assert "fragmentation, although expandable_segments is on" in said


def test_on_a_cpu_the_group_s_limit_is_named():
    said = note(
        Shortage(
            device="cpu", requested_bytes=GIB, resident_bytes=3 * GIB, available_bytes=GIB // 2,
            limit_bytes=4 * GIB,
        )
    )  # fmt: skip
    assert "1.00 GiB asked with 3.00 GiB resident and 512 MiB available under a control" in said
    assert "limit of 4.00 GiB" in said


def test_without_figures_the_reason_stands():
    assert "out of memory: CUDA out of memory. …; try --batch-size 4" in note(None)


def test_one_sample_that_does_not_fit_asks_for_smaller_samples():
    said = note(None, dataclasses.replace(FACTS, batch_size=1))
    assert "not even one sample fits: try a smaller --model, or a smaller --image-size" in said


def swept(failing_from, shortage, accumulation=1):
    made = sweep_record(
        "batch-size=8,16,32,64,96",
        lambda b: 0.01 * b,
        lambda b: 2 * GIB + b * GIB,
        failing=lambda mode, b: ("out-of-memory", "…", shortage) if b >= failing_from else None,
        accumulation=accumulation,
    )
    return pages(made)[-1].notes[0]


def test_a_sweep_names_the_largest_batch_that_fitted_and_one_the_fit_allows():
    said = swept(64, SHORT)  # 70 GiB in use and 7 obtainable: 75 samples of 1 GiB beside 2
    assert "the largest batch that fitted in this run is 32; by the fit of memory about 75 would" \
        in said  # fmt: skip
    assert "try --batch-size 32 --accumulation 3, which keeps 96 samples per step" in said


def test_a_batch_that_does_not_divide_gives_way_to_one_that_does():
    said = swept(96, dataclasses.replace(SHORT, allocated_bytes=60 * GIB))
    assert "fitted in this run is 64" in said
    assert "try --batch-size 48 --accumulation 2, which keeps 96 samples per step" in said


def test_accumulation_that_is_there_already_is_counted_in():
    assert "--batch-size 32 --accumulation 6, which keeps 192 samples per step" in swept(
        64, SHORT, accumulation=2
    )
