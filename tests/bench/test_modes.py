"""The modes and their names."""

import pytest

from gpubench.bench.modes import MODES, REFERENCE, mode_named
from gpubench.bench.rounding import ROUNDING
from gpubench.errors import UnknownName


def test_names_are_unique_and_find_their_mode():
    assert [mode_named(mode.name) for mode in MODES] == list(MODES)


def test_the_reference_is_eager_ieee_float32():
    assert (REFERENCE.float32, REFERENCE.autocast, REFERENCE.compile) == ("ieee", None, None)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_name_says_what_the_mode_is(mode):
    base, _, compiled = mode.name.partition("+")
    assert base == {None: "fp32", "bfloat16": "amp-bf16", "float16": "amp-fp16"}[mode.autocast] or (
        base == "tf32" and mode.float32 == "tf32"
    )
    assert (
        compiled
        == {
            None: "",
            "default": "compile",
            "reduce-overhead": "compile-overhead",
            "max-autotune": "compile-max",
        }[mode.compile]
    )
    assert mode.base == base


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_every_rounding_is_on_record(mode):
    assert ROUNDING[mode.rounding] > 0


def test_an_unknown_mode_brings_the_nearest():
    with pytest.raises(UnknownName, match="amp-bf16"):
        mode_named("amp-bf61")
