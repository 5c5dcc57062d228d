"""The answer at a glance is a figure that can be trusted, or that there is none."""

import pytest

pytest.importorskip("pandas")

from gpubench.gate.glance import glance
from gpubench.gate.tables import compared
from tests.fakes.machines import gpu_record
from tests.fakes.records import HEALTHY, measurement, record

pytestmark = pytest.mark.torch


def of(made):
    (found,) = compared(made)
    return glance(found)


def test_the_fastest_mode_that_can_be_trusted_is_named():
    found = of(gpu_record())
    assert found.mode == "amp-bf16+compile-max"
    assert found.figure.endswith("images/s")
    assert any(line.startswith("× fp32: 3.5") for line in found.said)


@pytest.mark.parametrize(
    "trouble", [("unstable", "did not settle"), ("capped", "held"), ("invalid", "leak")]
)
def test_a_mark_is_never_the_answer(trouble):
    found = of(gpu_record(trouble={"amp-bf16+compile-max": trouble}))
    assert found.mode == "amp-bf16+compile"


def test_where_nothing_can_be_trusted_there_is_no_figure():
    found = of(record([measurement(state="unstable", reason="did not settle")]))
    assert found.figure is None
    assert found.said[0] == "no figure can be taken as it stands"
    assert found.said[1] == "1 of 2 modes with a figure, 1 of them marked ~"


def test_one_that_may_be_as_fast_is_named():
    near = [
        measurement(mode, process, 0.05 * (1 + 0.01 * process + 0.001 * at))
        for at, mode in enumerate(("fp32", "amp-bf16"))
        for process in range(2)
    ]
    assert "not told apart from amp-bf16" in of(record(near)).said


def test_a_single_process_tells_nothing_apart():
    alone = [line for line in HEALTHY if line.process == 0]
    assert "not told apart from fp32" in of(record(alone)).said


def test_what_went_wrong_is_counted():
    found = of(gpu_record(trouble={"tf32": ("failed", "died"), "fp32": ("out-of-memory", "x")}))
    assert found.said[-1] == "6 of 8 modes with a figure, in 1 something went wrong"
