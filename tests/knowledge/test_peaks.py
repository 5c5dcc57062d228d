"""Nominal peaks are dense, sourced, and given to no GPU but the one they are of."""

import pytest

from gpubench.knowledge.peaks import DTYPES, nominal_peaks
from gpubench.knowledge.tables import capability_of, load

ROWS = load("gpu_peaks")["peak"]
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row["names"][0])


@pytest.mark.parametrize(
    ("name", "bfloat16", "memory"),
    [
        ("NVIDIA H100 80GB HBM3", 989.5e12, 3.35e12),
        ("NVIDIA H100 PCIe", 756.5e12, 2.0e12),
        ("NVIDIA H100 NVL", 835.5e12, 3.9e12),
        ("NVIDIA H200", 989.5e12, 4.8e12),
        ("NVIDIA A100-SXM4-40GB", 312e12, 1.555e12),
        ("A100-SXM4-40GB", 312e12, 1.555e12),
        ("NVIDIA A100 80GB PCIe", 312e12, 1.935e12),
        ("NVIDIA GeForce RTX 4090", 165.2e12, 1.008e12),
        ("NVIDIA RTX 6000 Ada Generation", 364.2e12, 0.96e12),
        ("NVIDIA L40S", 362.05e12, 0.864e12),
    ],
)
def test_a_gpu_is_known_by_the_name_its_driver_gives(name, bfloat16, memory):
    peaks = nominal_peaks(name)
    assert peaks.flops["bfloat16"] == pytest.approx(bfloat16)
    assert peaks.memory_bytes_per_second == pytest.approx(memory)


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA GeForce RTX 4090 D",
        "NVIDIA A10G",
        "NVIDIA H100",
        "NVIDIA H20",
        "GRID A100-10C",
        "Tesla V100-SXM3-32GB",
        "Intel(R) Xeon(R) Processor",
        "",
    ],
)
def test_an_unknown_gpu_gets_no_figure(name):
    assert nominal_peaks(name) is None


def test_what_a_gpu_has_no_units_for_is_absent():
    assert set(nominal_peaks("Tesla T4").flops) == {"float32", "float16"}
    assert nominal_peaks("Tesla V100S-PCIE-32GB").memory_bytes_per_second is None


@rows
def test_no_name_stands_in_two_rows(row):
    assert [r for r in ROWS if set(r["names"]) & set(row["names"])] == [row]


@rows
def test_every_name_has_a_compute_capability_on_record_too(row):
    assert all(capability_of(name) for name in row["names"])


TENSOR_TO_VECTOR = {
    "7.0": (8,), "7.5": (8,), "8.0": (16,), "8.6": (2, 4), "8.9": (2, 4), "9.0": (14.5,),
    "10.0": (30.5,), "12.0": (2,),
}  # fmt: skip
"""Dense 16-bit tensor operations for each of the vector units, by compute capability; GeForce and
L40 have half the rate with float32 accumulation."""


@rows
def test_figures_are_dense(row):
    """A tensor figure with sparsity would be twice what the generation's units give."""
    ratio = row["float16"] / row["float32"]
    known = TENSOR_TO_VECTOR[capability_of(row["names"][0])]
    assert any(ratio == pytest.approx(usual, rel=0.07) for usual in known)


@rows
def test_formats_stand_in_their_usual_ratio(row):
    assert set(row) <= {*DTYPES, "names", "memory", "power", "source", "checked", "halved"}
    assert set(row.get("halved", ())) <= set(DTYPES)
    if "bfloat16" not in row:
        assert "tf32" not in row
        return
    assert row["float16"] == row["bfloat16"]
    assert row["tf32"] == pytest.approx(row["bfloat16"] / 2, rel=0.03)
