"""The works do what their names say; small here, and on the CPU."""

import pytest

torch = pytest.importorskip("torch")

from gpubench.bench.ceilings import collective, works  # noqa: E402
from gpubench.bench.ceilings.works import NotAsSet, NotHere  # noqa: E402
from gpubench.units import Seconds  # noqa: E402

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")
SHORT = Seconds(0.02)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(works.SIZES, "cpu", (32, 64))
    monkeypatch.setitem(works.BYTES, "cpu", 2**16)
    monkeypatch.setitem(works.WINDOW_SECONDS, "cpu", Seconds(0.002))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_product_of_every_size_counts_two_operations_for_each_multiply_add(dtype):
    found = works.samples(f"gemm-{dtype}", CPU, SHORT)
    assert [(s["shape"], s["amount"]) for s in found] == [
        ("32 × 32", 2 * 32**3),
        ("64 × 64", 2 * 64**3),
    ]


def test_operands_are_drawn_anew_for_every_window(monkeypatch):
    seen = []

    def spy(left, right, out):
        seen.append((float(left[0, 0]), float(right.std())))

    monkeypatch.setattr(torch, "mm", spy)
    (first, _) = works.samples("gemm-float32", CPU, SHORT)
    values = {value for value, _ in seen}
    assert len(values) > len(first["seconds"])
    assert all(0.7 < spread < 1.3 for _, spread in seen)


def test_larger_sizes_are_left_out_where_one_product_takes_too_long(monkeypatch):
    monkeypatch.setattr(works, "LARGER", 1e9)
    (only,) = works.samples("gemm-float32", CPU, SHORT)
    assert only["shape"] == "32 × 32"


def test_a_size_that_does_not_fit_leaves_the_smaller_ones(monkeypatch):
    real = works._product

    def too_large(size, *rest):
        if size > 32:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return real(size, *rest)

    monkeypatch.setattr(works, "_product", too_large)
    assert len(works.samples("gemm-float32", CPU, SHORT)) == 1
    monkeypatch.setitem(works.SIZES, "cpu", (64, 32))
    with pytest.raises(torch.cuda.OutOfMemoryError):
        works.samples("gemm-float32", CPU, SHORT)


def test_float32_products_that_are_none_are_refused(monkeypatch):
    monkeypatch.setattr(works, "mismatches", lambda *_: ["float32 products ran as tf32"])
    with pytest.raises(NotAsSet, match="ran as tf32"):
        works.samples("gemm-float32", CPU, SHORT)


@pytest.mark.parametrize(("name", "arrays"), [("memory-copy", 2), ("memory-triad", 3)])
def test_memory_counts_every_array_once(name, arrays):
    (found,) = works.samples(name, CPU, SHORT)
    assert found["amount"] == arrays * 2**16


def test_a_launch_is_counted_as_often_as_it_is_made(monkeypatch):
    calls = []
    real = torch.zeros(1)

    class Counted:
        def add_(self, value):
            calls.append(value)

    monkeypatch.setattr(torch, "zeros", lambda *_, **__: Counted() if not calls else real)
    (found,) = works.samples("launch", CPU, SHORT)
    assert found["amount"] == works.BURST["launch"]
    assert len(calls) % works.BURST["launch"] == 0


@pytest.mark.parametrize("name", ["to-device", "to-host-pinned", "launch-and-wait"])
def test_a_cpu_says_why_it_has_no_such_ceiling(name):
    with pytest.raises(NotHere):
        works.samples(name, CPU, SHORT)


def test_one_device_alone_has_no_collective():
    with pytest.raises(NotHere, match="two GPUs"):
        collective.all_reduce(CPU, SHORT)


def test_an_all_reduce_between_two_counts_every_byte_once_over_the_bus():
    found = collective.together(2, "gloo")
    assert [s["amount"] for s in found] == list(collective.SIZES["gloo"])
    assert all(0 < seconds < 60 for s in found for seconds in s["seconds"])
    assert found[0]["shape"] == "1 MiB between 2"
