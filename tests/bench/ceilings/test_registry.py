"""The ceilings have names of their own, and every mode's product is one of them."""

from gpubench.bench.ceilings import CEILINGS, ceiling_named, products_for
from gpubench.bench.modes import MODES, mode_named
from gpubench.knowledge.peaks import DTYPES


def test_names_are_unique():
    assert len({ceiling.name for ceiling in CEILINGS}) == len(CEILINGS)


def test_every_mode_has_a_ceiling_in_its_format():
    for mode in MODES:
        assert ceiling_named(products_for([mode])[-1]).dtype == mode.rounding


def test_products_have_the_formats_that_nominal_peaks_have():
    assert tuple(c.dtype for c in CEILINGS if c.unit == "flop/s") == DTYPES


def test_modes_of_one_format_share_a_product_and_float32_is_always_there():
    modes = [mode_named(name) for name in ("amp-bf16", "amp-bf16+compile")]
    assert products_for(modes) == ("gemm-float32", "gemm-bfloat16")
