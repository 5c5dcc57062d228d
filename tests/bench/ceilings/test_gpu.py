"""What only a GPU can show of ceilings; run by `nox -s gpu`."""

import pytest

torch = pytest.importorskip("torch")

from gpubench.bench import cuda  # noqa: E402
from gpubench.bench.ceilings import CEILINGS, collective, works  # noqa: E402
from gpubench.gate.roofline import above_nominal, nominal_of  # noqa: E402
from gpubench.units import Seconds  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.gpu]

ALONE = [ceiling for ceiling in CEILINGS if ceiling.name != "all-reduce"]


@pytest.mark.parametrize("ceiling", ALONE, ids=lambda ceiling: ceiling.name)
def test_every_ceiling_has_windows_and_none_above_the_nominal_figure(ceiling):
    device = cuda.device_for("cuda")
    try:
        found = works.samples(ceiling.name, device, Seconds(0.5))
    except works.NotHere as reason:
        pytest.skip(str(reason))
    assert found
    nominal = nominal_of(ceiling, cuda.facts(device))
    for sample in found:
        assert all(seconds > 0 for seconds in sample["seconds"])
        if ceiling.unit != "second":
            best = sample["amount"] * sample["repetitions"] / min(sample["seconds"])
            assert not above_nominal(ceiling, best, nominal)


def test_all_gpus_together_have_a_bus_bandwidth():
    if torch.cuda.device_count() < 2:
        pytest.skip("one GPU")
    device = cuda.device_for("cuda")
    assert collective.all_reduce(device, Seconds(1.0))
