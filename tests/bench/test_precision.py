"""What is in effect is read back, and a product tells the formats apart."""

import pytest

torch = pytest.importorskip("torch")

from gpubench.bench import proof  # noqa: E402
from gpubench.bench.modes import MODES, mode_named  # noqa: E402
from gpubench.bench.precision import MIXED, mismatches, precision, read_back  # noqa: E402
from gpubench.bench.proof import IEEE_ERROR, SHORT_ERROR, TF32_ERROR, format_of  # noqa: E402
from tests.fakes.leaks import rounded  # noqa: E402

pytestmark = pytest.mark.torch
CPU = torch.device("cpu")
FP32 = mode_named("fp32")

has_newer_settings = pytest.mark.skipif(
    not hasattr(torch.backends.mkldnn, "matmul"), reason="torch 2.9 brought these settings"
)


def effective(**changes):
    good = {
        "matmul_setting": "highest",
        "convolution_tf32_setting": False,
        "settings": {"cuda.matmul": "ieee", "cudnn.conv": "none", "mkldnn.conv": "none"},
        "overrides": {},
        "float32": "ieee",
        "float32_error": 3e-7,
        "convolution": "ieee",
        "convolution_error": 3e-7,
        "autocast": "float32",
    }
    return {**good, **changes}


TF32_EFFECT = effective(
    matmul_setting="high",
    convolution_tf32_setting=True,
    settings={"cuda.matmul": "tf32", "cudnn.conv": "tf32", "mkldnn.conv": "none"},
    float32="tf32",
    float32_error=3e-4,
    convolution="tf32",
)


@pytest.mark.parametrize(
    ("bits", "low", "high"), [(10, IEEE_ERROR, TF32_ERROR), (7, TF32_ERROR, SHORT_ERROR)]
)
def test_the_bounds_of_the_probe_tell_the_formats_apart(bits, low, high):
    generator = torch.Generator().manual_seed(7)
    left, right = (torch.randn(1024, 1024, generator=generator) for _ in range(2))
    exact = left.double() @ right.double()
    error = torch.linalg.norm(rounded(left, bits) @ rounded(right, bits) - exact)
    assert 2 * low < float(error / torch.linalg.norm(exact)) < high / 1.5


def test_an_error_beyond_bfloat16_s_is_no_format_of_ours():
    assert format_of(0.05) == "less than bfloat16"
    assert format_of(float("nan")) == "less than bfloat16"


def test_plain_float32_is_read_back_as_ieee_in_products_and_convolutions():
    with precision(FP32):
        seen = read_back(FP32, CPU)
    assert (seen["float32"], seen["convolution"]) == ("ieee", "ieee")
    assert seen["float32_tflops"] > 0
    assert mismatches(FP32, seen, "cpu") == []


def test_autocast_is_seen_in_what_a_layer_answers():
    mode = mode_named("amp-bf16")
    with precision(mode):
        assert read_back(mode, CPU)["autocast"] == "bfloat16"


def test_a_mode_that_is_in_effect_has_no_mismatch():
    assert mismatches(FP32, effective()) == []
    assert mismatches(mode_named("tf32"), TF32_EFFECT) == []


def test_a_tf32_leak_is_a_mismatch_that_names_the_variable():
    leak = effective(float32="tf32", float32_error=3e-4, overrides={"NVIDIA_TF32_OVERRIDE": "1"})
    (said,) = mismatches(FP32, leak)
    assert "products ran as tf32 (error 3.0e-04), the mode asks for ieee" in said
    assert "NVIDIA_TF32_OVERRIDE=1" in said


def test_a_variable_that_does_nothing_is_no_mismatch():
    assert mismatches(FP32, effective(overrides={"NVIDIA_TF32_OVERRIDE": "0"})) == []


def test_tf32_that_was_switched_off_is_a_mismatch():
    off = {**TF32_EFFECT, "float32": "ieee", "overrides": {"NVIDIA_TF32_OVERRIDE": "0"}}
    (said,) = mismatches(mode_named("tf32"), off)
    assert "asks for tf32; likely why: NVIDIA_TF32_OVERRIDE=0 in the environment" in said


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"matmul_setting": "medium"}, "torch.get_float32_matmul_precision() is medium"),
        ({"matmul_setting": MIXED}, "older and newer settings contradict each other"),
        ({"convolution_tf32_setting": True}, "torch.backends.cudnn.allow_tf32 is True"),
        (
            {"settings": {"cuda.matmul": "tf32"}},
            "torch.backends.cuda.matmul.fp32_precision is tf32",
        ),
    ],
)
def test_a_setting_that_contradicts_the_mode_is_named_even_where_products_are_exact(change, name):
    (said,) = mismatches(FP32, effective(**change))
    assert name in said


def test_settings_of_another_device_decide_nothing():
    assert mismatches(FP32, effective(settings={"mkldnn.conv": "bf16"}), "cuda") == []
    assert mismatches(FP32, effective(settings={"cuda.matmul": "tf32"}), "cpu") == []
    assert mismatches(FP32, effective(settings={"mkldnn.conv": "bf16"}), "cpu") != []


def test_autocast_that_does_not_reach_the_layer_is_a_mismatch():
    assert "computed in float32" in mismatches(mode_named("amp-bf16"), effective())[0]


def test_a_leak_into_convolutions_alone_is_a_mismatch():
    (said,) = mismatches(FP32, effective(convolution="tf32"))
    assert "convolutions ran as tf32" in said


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_what_a_mode_sets_is_put_back(mode):
    def settings():
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32

    before = settings()
    with precision(mode):
        tf32 = mode.float32 == "tf32"
        assert settings() == ("high" if tf32 else "highest", tf32)
    assert settings() == before


def test_a_product_that_leaks_is_seen_whatever_torch_says(monkeypatch):
    monkeypatch.setattr(
        proof, "product", lambda a, b: rounded(a, 10).float() @ rounded(b, 10).float()
    )
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    with precision(FP32):
        seen = read_back(FP32, CPU)
    assert seen["float32"] == "tf32"
    assert "NVIDIA_TF32_OVERRIDE=1" in mismatches(FP32, seen, "cpu")[0]


@has_newer_settings
@pytest.mark.parametrize("place", ["matmul", "conv"])
def test_a_newer_setting_left_behind_by_a_library_is_put_right_for_the_mode(place):
    holder = getattr(torch.backends.mkldnn, place)
    before = holder.fp32_precision
    holder.fp32_precision = "bf16"
    try:
        with precision(FP32):
            assert mismatches(FP32, read_back(FP32, CPU), "cpu") == []
        assert holder.fp32_precision == "bf16"
    finally:
        holder.fp32_precision = before


@has_newer_settings
def test_a_newer_setting_changed_within_the_mode_is_named():
    with precision(FP32):
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"
        found = mismatches(FP32, read_back(FP32, CPU), "cpu")
    assert "torch.backends.mkldnn.matmul.fp32_precision is bf16" in found[0]
    assert torch.get_float32_matmul_precision() == "highest"


@has_newer_settings
def test_a_mix_of_older_and_newer_settings_is_said_and_raises_nothing():
    try:
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        with pytest.raises(RuntimeError):
            torch.get_float32_matmul_precision()
        assert read_back(FP32, CPU)["matmul_setting"] == MIXED
        with precision(FP32):
            assert read_back(FP32, CPU)["matmul_setting"] == "highest"
    finally:
        torch.set_float32_matmul_precision("highest")
