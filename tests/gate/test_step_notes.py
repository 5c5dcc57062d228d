"""A table says how the steps behind a figure ran."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.gate.busy import HOST_BOUND_BELOW, busy_share, is_host_bound
from gpubench.gate.tables import comparison
from tests.fakes.records import HEADER, HEALTHY, PLAN, broken, measurement, record

pytestmark = pytest.mark.torch


def notes(effective=None, profile=None):
    """The notes of a table whose bfloat16 processes had that effect and that profile."""
    told = [
        dataclasses.replace(m, effective=effective or {}, profile=profile or {})
        for m in HEALTHY[2:]
    ]
    (table,) = comparison(record(measurements=[*HEALTHY[:2], *told]))
    return table.notes


def pass_of(busy, wall, steps=10):
    return {"steps": steps, "wall_seconds": wall, "busy_seconds": busy}


def test_a_healthy_cell_needs_no_note():
    assert notes({"graph_breaks": 0, "read_backs": [], "scaler_synchronises": False}) == ()


def test_the_busy_share_is_busy_time_over_the_time_of_a_step():
    busy = measurement(step=0.1, profile=pass_of(busy=0.5, wall=1.0))
    assert busy_share([busy]) == pytest.approx(0.5)


def test_a_pass_that_the_profiler_slowed_is_held_against_the_window_s_steps():
    slowed = measurement(step=0.1, profile=pass_of(busy=0.95, wall=2.0))
    assert busy_share([slowed]) == pytest.approx(0.95)
    assert not is_host_bound(busy_share([slowed]))


def test_a_fed_step_is_held_against_the_window_in_which_it_starved():
    batches_were_ready = pass_of(busy=0.5, wall=0.5)
    fed = measurement(step=0.1, profile=batches_were_ready, feeding={"waiting_seconds": 0.5})
    assert busy_share([fed]) == pytest.approx(0.5)


def test_a_share_is_never_more_than_all_of_it():
    assert busy_share([measurement(step=0.1, profile=pass_of(busy=1.2, wall=1.0))]) == 1.0


@pytest.mark.parametrize("profile", [{}, {"unread": "a CPU"}, {"steps": 0, "busy_seconds": 1.0}])
def test_without_a_pass_the_share_is_unknown_and_nothing_is_called_host_bound(profile):
    share = busy_share([measurement(profile=profile)])
    assert share is None
    assert not is_host_bound(share)


def test_processes_that_do_not_count_have_no_say():
    spoilt = dataclasses.replace(broken("invalid", "why"), profile=pass_of(0.1, 1.0))
    assert busy_share([spoilt]) is None


def test_a_gpu_that_waits_for_the_host_is_noted_with_its_share():
    (said,) = notes(profile=pass_of(busy=0.2, wall=0.5))
    assert said.startswith("amp-bf16: host-bound: the GPU is busy 40")
    assert "%" in said


def test_the_threshold_itself_is_not_host_bound():
    assert not is_host_bound(HOST_BOUND_BELOW)
    assert is_host_bound(HOST_BOUND_BELOW - 0.01)


def test_graph_breaks_are_noted_with_their_count_and_first_reason():
    (said,) = notes({"graph_breaks": 2, "graph_break_reason": "Call to print()"})
    assert "amp-bf16: 2 graph breaks" in said
    assert said.endswith("the first: Call to print()")


def test_cuda_graphs_that_were_left_out_are_noted():
    (said,) = notes({"cuda_graphs_skipped": 3})
    assert "left out CUDA graphs 3×" in said


@pytest.mark.parametrize(
    ("effective", "who"),
    [
        ({"scaler_synchronises": True}, "the gradient scaler waits"),
        ({"optimizer_synchronises": True}, "the optimizer waits"),
        ({"read_backs": [{"owner": "torch"}]}, "torch itself waits"),
    ],
)
def test_waits_that_are_torch_s_own_are_declared(effective, who):
    (said,) = notes(effective)
    assert who in said


def test_a_step_that_could_not_be_watched_is_noted():
    (said,) = notes({"read_backs_unwatched": "OutOfMemoryError: 80 GiB"})
    assert "not checked for read-backs inside the step: OutOfMemoryError: 80 GiB" in said


def test_a_gpu_that_waits_for_its_input_is_not_said_to_wait_for_the_host():
    fed = dataclasses.replace(PLAN, tier="end-to-end")
    told = [dataclasses.replace(m, profile=pass_of(0.25, 0.5)) for m in HEALTHY]
    (table,) = comparison(record(measurements=told, header=dataclasses.replace(HEADER, plan=fed)))
    assert not any("host-bound" in note for note in table.notes)
    assert any("waits for its input or the host" in note for note in table.notes)


def test_the_share_is_in_the_data_formats():
    told = [dataclasses.replace(m, profile=pass_of(0.25, 0.5)) for m in HEALTHY]
    (table,) = comparison(record(measurements=told))
    assert table.rows[1].values["gpu_busy_share"] == pytest.approx(0.5, abs=0.01)
