"""The claim that workers, pinned memory and copies that do not wait remove the input bottleneck."""

import dataclasses

import pytest

pytest.importorskip("pandas")
pytest.importorskip("scipy")

from gpubench.bench.feed import Feed
from tests.fakes.claims import A100, CPU, H100, modes_record
from tests.gate.claims.test_speed import NOWHERE, only

pytestmark = pytest.mark.torch

FED = Feed(workers=4)
STARVED = Feed(workers=0, pinned=False, non_blocking=False)


def from_files(share, feed=FED, device=A100, **changes):
    """A run from files that keeps a share of the speed it has over its own memory."""
    return modes_record(
        {"amp-fp16": 0.1}, suite="deit", tier="end-to-end", feed=feed, device=device, batch=32,
        feeding={"resident_seconds": 1.0 * share, "resident_steps": 10}, **changes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.97, "reproduced"), (0.6, "not reproduced"), (0.9, NOWHERE)]
)
def test_a_run_that_is_fed_keeps_nine_tenths_of_its_speed(share, verdict):
    found = only("F5", from_files(share), from_files(0.3, STARVED))
    assert found.verdict == verdict
    assert found.figure.value == pytest.approx(share, rel=1e-2)


def test_where_there_was_no_bottleneck_none_was_removed():
    found = only("F5", from_files(0.97), from_files(0.96, STARVED))
    assert found.verdict == NOWHERE
    assert found.reason == (
        "there is no bottleneck to remove: without workers it keeps 96 % of its speed"
    )


def test_without_the_starved_run_nothing_is_known_to_be_removed():
    found = only("F5", from_files(0.97))
    assert found.verdict == NOWHERE
    assert "was not measured" in found.reason


def test_a_starved_run_of_another_gpu_or_batch_is_not_taken_for_it():
    for other in (
        from_files(0.3, STARVED, device=H100),
        dataclasses.replace(from_files(0.3, STARVED), workloads={
            subject: dataclasses.replace(facts, batch_size=8)
            for subject, facts in from_files(0.3, STARVED).workloads.items()
        }),
    ):  # fmt: skip
        assert "was not measured" in only("F5", from_files(0.97), other).reason


def test_a_starved_run_of_one_process_tells_nothing():
    found = only("F5", from_files(0.97), from_files(0.3, STARVED, processes=1))
    assert found.verdict == NOWHERE
    assert "cannot be told" in found.reason


def test_memory_that_is_not_pinned_is_not_what_the_claim_is_of():
    found = only("F5", from_files(0.97, dataclasses.replace(FED, pinned=False)))
    assert not found.shows


def test_a_cpu_pins_nothing_and_its_share_is_shown():
    found = only("F5", from_files(0.97, device=CPU), from_files(0.3, STARVED, device=CPU))
    assert (found.verdict, found.reason) == (NOWHERE, "no GPU: it was measured on a CPU")
    assert found.figure is not None


def test_a_run_that_did_not_time_its_own_memory_tells_no_share():
    made = from_files(0.97)
    silent = tuple(dataclasses.replace(m, feeding={}) for m in made.measurements)
    found = only("F5", dataclasses.replace(made, measurements=silent))
    assert (found.verdict, found.figure) == (NOWHERE, None)
