"""What is in effect is read back, and a product tells the formats apart."""

import pytest

torch = pytest.importorskip("torch")

from gpubench.bench.modes import MODES, mode_named  # noqa: E402
from gpubench.bench.precision import (  # noqa: E402
    IEEE_ERROR,
    TF32_ERROR,
    mismatches,
    precision,
    read_back,
)

pytestmark = pytest.mark.torch
CPU = torch.device("cpu")


def effective(**changes):
    good = {"float32": "ieee", "float32_error": 3e-7, "overrides": {}, "autocast": "float32"}
    good["convolution"] = "ieee"
    return {**good, **changes}


def rounded(tensor, bits):
    """The tensor with so many bits of mantissa, as a tensor core reads it."""
    mantissa, exponent = torch.frexp(tensor.double())
    return torch.ldexp(torch.round(mantissa * 2 ** (bits + 1)) / 2 ** (bits + 1), exponent)


@pytest.mark.parametrize(
    ("bits", "low", "high"), [(10, IEEE_ERROR, TF32_ERROR), (7, TF32_ERROR, 1.0)]
)
def test_the_bounds_of_the_probe_tell_the_formats_apart(bits, low, high):
    generator = torch.Generator().manual_seed(7)
    left, right = (torch.randn(1024, 1024, generator=generator) for _ in range(2))
    exact = left.double() @ right.double()
    error = torch.linalg.norm(rounded(left, bits) @ rounded(right, bits) - exact)
    assert 2 * low < float(error / torch.linalg.norm(exact)) < high / 1.5


def test_plain_float32_is_read_back_as_ieee():
    mode = mode_named("fp32")
    with precision(mode):
        seen = read_back(mode, CPU)
    assert seen["float32"] == "ieee"
    assert mismatches(mode, seen) == []


def test_autocast_is_seen_in_what_a_layer_answers():
    mode = mode_named("amp-bf16")
    with precision(mode):
        assert read_back(mode, CPU)["autocast"] == "bfloat16"


def test_a_tf32_leak_is_a_mismatch_that_names_the_variable():
    leak = effective(float32="tf32", float32_error=3e-4, overrides={"NVIDIA_TF32_OVERRIDE": "1"})
    (said,) = mismatches(mode_named("fp32"), leak)
    assert "ran as tf32" in said
    assert "NVIDIA_TF32_OVERRIDE=1" in said


def test_tf32_that_was_switched_off_is_a_mismatch():
    assert "asks for tf32" in mismatches(mode_named("tf32"), effective())[0]


def test_autocast_that_does_not_reach_the_layer_is_a_mismatch():
    assert "computed in float32" in mismatches(mode_named("amp-bf16"), effective())[0]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_what_a_mode_sets_is_put_back(mode):
    def settings():
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32

    before = settings()
    with precision(mode):
        tf32 = mode.float32 == "tf32"
        assert settings() == ("high" if tf32 else "highest", tf32)
    assert settings() == before


def test_a_leak_into_convolutions_alone_is_a_mismatch():
    (said,) = mismatches(mode_named("fp32"), effective(convolution="tf32"))
    assert "convolutions ran as tf32" in said


def test_a_plain_convolution_is_read_back_as_ieee():
    assert read_back(mode_named("fp32"), CPU)["convolution"] == "ieee"
