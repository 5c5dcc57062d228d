"""Pictures hold what tables say: figures with their marks, words where there is no figure."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.gate.charts import charts
from gpubench.gate.charts.scene import Scene
from gpubench.gate.charts.sweep import sweep_charts
from gpubench.gate.tables import compared
from tests.fakes.machines import gpu_record
from tests.fakes.records import HEALTHY, PARITIES, PLAN, broken, measurement, parity, record
from tests.fakes.sweeps import sweep_record

pytestmark = pytest.mark.torch


def drawn(made):
    """The charts of a record's one subject, by name."""
    (found,) = compared(made)
    scene = Scene(record=found.part, subject=found.subject, cells=found.cells)
    return {chart.name: chart for chart in charts(scene)}


def marks(chart):
    return {mark.label: mark for mark in chart.parts[0].marks}


def test_a_bar_has_the_table_s_figure_and_interval():
    found = marks(drawn(record())["throughput"])
    (compared_table,) = compared(record())[0].tables
    for row in compared_table.rows:
        mark = found[row.texts["mode"]]
        assert mark.text == f"{row.texts['throughput']} ± {row.texts['interval']}"
        assert mark.value == row.values["samples_per_second"]
        assert (mark.low, mark.high) == (
            row.values["samples_per_second_low"],
            row.values["samples_per_second_high"],
        )


@pytest.mark.parametrize("state", ["failed", "invalid", "out-of-memory", "timed-out"])
def test_a_mode_without_a_figure_is_a_word_in_every_picture_of_bars(state):
    made = record([*HEALTHY[:2], broken(state, "a reason", "amp-bf16")])
    found = drawn(made)
    mark = marks(found["throughput"])["amp-bf16"]
    assert mark.value is None
    assert mark.text == {"out-of-memory": "out of memory", "timed-out": "timed out"}.get(
        state, state
    )
    assert "speedup" not in found


def test_a_mode_of_a_state_that_is_marked_is_drawn_hollow():
    shaky = [dataclasses.replace(m, state="unstable", reason="did not settle") for m in HEALTHY[2:]]
    found = drawn(record([*HEALTHY[:2], *shaky]))
    assert marks(found["throughput"])["amp-bf16"].is_shaky
    assert marks(found["speedup"])["amp-bf16"].is_shaky
    assert marks(found["speedup"])["amp-bf16"].text.startswith("~")
    assert not marks(found["throughput"])["fp32"].is_shaky
    assert found["throughput"].notes


def test_an_interval_too_wide_has_no_ends_and_a_ratio_of_it_no_value():
    far = [measurement(mode, p, 0.1 * (1 + 6 * p)) for mode in PLAN.modes for p in (0, 1)]
    found = drawn(record(far))
    mark = marks(found["throughput"])["fp32"]
    assert (mark.low, mark.high) == (None, None)
    assert mark.is_shaky
    ratio = marks(found["speedup"])["amp-bf16"]
    assert (ratio.value, ratio.text) == (None, "inconclusive")


def test_parity_has_a_plane_a_precision_over_its_band():
    chart = drawn(gpu_record())["parity"]
    assert [plane.title for plane in chart.parts] == ["fp32", "tf32", "amp-bf16", "amp-fp16"]
    for plane in chart.parts:
        assert len(plane.band) == 20
        assert plane.is_log
    names = [line.name for line in chart.parts[2].lines]
    assert names == ["eager", "+compile", "+compile-max"]


def test_a_loss_beyond_the_band_is_outside_and_one_that_is_none_is_lost():
    far = drawn(record(parities=[PARITIES[0], parity("amp-bf16", losses=(2.0, 1.9, 1.2))]))
    (line,) = far["parity"].parts[0].lines
    assert [point.is_outside for point in line.points] == [False, False, True]
    gone = drawn(record(parities=[PARITIES[0], parity("amp-bf16", losses=(2.0, None, 1.8))]))
    assert gone["parity"].parts[0].lines[0].lost == (2.0,)


def test_losses_are_those_of_the_record_and_of_modes_that_can_be_trusted():
    losses = tuple(float(n) for n in range(10))
    made = record([measurement(losses=losses), broken("failed", "died", "amp-bf16")])
    (line,) = drawn(made)["losses"].parts[0].lines
    assert [point.y for point in line.points] == list(losses)


def test_a_long_loss_is_thinned_and_keeps_its_ends():
    losses = tuple(float(n) for n in range(5000))
    (line,) = drawn(record([measurement(losses=losses)]))["losses"].parts[0].lines
    assert len(line.points) == 120
    assert (line.points[0].y, line.points[-1].y) == (0.0, 4999.0)


# -- telemetry


SERIES = {"seconds": [0.0, 1.0], "power_watts": [600.0, 610.0], "sm_clock_mhz": [1900.0, None]}


def watched(series):
    """The telemetry chart of a run whose first process has that series."""
    seen = {"samples": 2, "series": series}
    return drawn(record([measurement(telemetry=seen), *HEALTHY[1:]])).get("telemetry")


def test_what_was_sampled_is_drawn_and_nothing_else():
    clock, power = watched(SERIES).parts
    assert [(p.x, p.y) for p in power.lines[0].points] == [(0.0, 600.0), (1.0, 610.0)]
    assert [(p.x, p.y) for p in clock.lines[0].points] == [(0.0, 1900.0)]


def test_a_machine_that_nobody_watched_has_no_picture_of_it():
    assert "telemetry" not in drawn(record())


@pytest.mark.parametrize(
    "series",
    [
        {},
        None,
        "seconds",
        {"seconds": [0.0]},
        {"seconds": [0.0, 1.0], "power_watts": [1.0]},
        {"seconds": [0.0, None], "power_watts": [1.0, 2.0]},
        {"seconds": [0.0, 1.0], "power_watts": ["600", 1.0]},
        {"seconds": [0.0, 1.0], "power_watts": [float("nan"), 1.0]},
        {"seconds": [0.0, 1e300], "power_watts": [1.0, 1.0]},
    ],
)
def test_a_series_that_is_no_series_is_left_out(series):
    assert watched(series) is None


def test_windows_stand_in_the_order_in_which_they_were_measured():
    chart = drawn(gpu_record(modes=("fp32", "amp-bf16")))["telemetry"]
    for plane in chart.parts:
        assert [line.name for line in plane.lines] == ["fp32", "amp-bf16"] * 3
        firsts = [line.points[0].x for line in plane.lines]
        assert firsts == sorted(firsts)
        assert len(plane.dividers) == 5
    assert chart.parts[0].limit == ("most", 1980.0)


# -- sweep


def test_a_sweep_keeps_dots_intervals_and_the_fit():
    made = sweep_record("batch-size=8,16,32", lambda n: 0.01 + 0.002 * n, lambda n: 2**30 + n)
    ((suite, chart),) = sweep_charts(made)
    speed, memory = chart.parts
    assert suite == "deit"
    assert [point.x for point in speed.lines[0].points] == [8, 16, 32]
    assert all(point.low < point.y < point.high for point in speed.lines[0].points)
    assert memory.lines[0].fitted


def test_a_run_without_a_sweep_has_no_picture_of_one():
    assert sweep_charts(record()) == ()
