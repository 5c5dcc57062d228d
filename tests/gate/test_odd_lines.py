"""A record that holds what this version would not write is a table all the same."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.bench.job import Subject
from gpubench.bench.record import read_record
from gpubench.cli.app import main
from gpubench.gate.summary import is_sound, summarise
from gpubench.gate.tables import comparison
from gpubench.render import plots
from gpubench.render.registry import FORMATS
from tests.fakes.ceilings import ran, with_ceilings
from tests.fakes.records import FACTS, HEADER, HEALTHY, PARITIES, PLAN, measurement, record, write
from tests.fakes.sweeps import sweep_record
from tests.gate.test_loading import LOADER_HEADER, loading, read

pytestmark = pytest.mark.torch

NEWER = dataclasses.replace(HEADER, plan=dataclasses.replace(PLAN, modes=("fp32", "fp4")))
OF_NEWER = [*HEALTHY[:2], *(dataclasses.replace(m, mode="fp4") for m in HEALTHY[2:])]


def test_a_mode_of_a_newer_version_has_its_figures_and_is_said_to_be_unchecked():
    made = with_ceilings(measurements=OF_NEWER, header=NEWER)
    (table,) = comparison(made)
    assert table.rows[1].texts["throughput"] == "158"
    assert table.rows[1].texts["parity"] == "not checked"
    assert "fp4: parity was not checked: this version of gpubench does not know the mode" in (
        table.notes
    )


@pytest.mark.parametrize("name", [entry.name for entry in FORMATS])
def test_a_record_with_a_newer_mode_is_reported_in_every_format(tmp_path, capsys, name):
    write(tmp_path, OF_NEWER, [PARITIES[0], dataclasses.replace(PARITIES[1], mode="fp4")], NEWER)
    assert main(["report", str(tmp_path), "--format", name]) == 0
    assert "fp4" in capsys.readouterr().out


def test_a_newer_mode_is_left_out_of_the_parity_plot(tmp_path):
    write(tmp_path, OF_NEWER, [PARITIES[0], dataclasses.replace(PARITIES[1], mode="fp4")], NEWER)
    assert "no mode was held against float32" in plots.text("parity", [read_record(tmp_path)])


WITHOUT_TIMES = [
    {"window_seconds": None, "step_seconds": ()},
    {"window_seconds": 0.0},
    {"step_seconds": ()},
    {"samples_per_step": 0},
]


@pytest.mark.parametrize("odd", WITHOUT_TIMES)
def test_a_process_that_claims_times_and_has_none_has_failed(odd):
    made = record([dataclasses.replace(m, **odd) for m in HEALTHY[:2]] + [*HEALTHY[2:]])
    fp32, amp = summarise(made, Subject("deit"))
    assert (fp32.state, fp32.reason, fp32.throughput) == (
        "failed", "its process gave no times", None,
    )  # fmt: skip
    assert (amp.throughput is not None, amp.speedup) == (True, None)
    assert not is_sound(made)
    assert len(comparison(made)[0].rows) == 2


@pytest.mark.parametrize("odd", WITHOUT_TIMES)
def test_a_process_without_times_beside_one_with_times_is_left_out(odd):
    made = record([HEALTHY[0], dataclasses.replace(HEALTHY[1], **odd), *HEALTHY[2:]])
    (fp32, _) = summarise(made, Subject("deit"))
    assert (fp32.state, fp32.processes) == ("ok", 1)
    assert fp32.throughput.value == pytest.approx(80)
    assert fp32.faults == ("its process gave no times",)


@pytest.mark.parametrize("odd", WITHOUT_TIMES)
def test_a_sweep_with_a_process_without_times_is_drawn_without_it(odd):
    whole = sweep_record("batch-size=8,16,32", lambda b: 0.01 * b)
    first, *rest = whole.measurements
    made = dataclasses.replace(whole, measurements=(dataclasses.replace(first, **odd), *rest))
    assert "images/s" in plots.text("sweep", [made])


@pytest.mark.parametrize("odd", [{"batches": 0}, {"window_seconds": None}, {"batch_size": 0}])
def test_a_loader_that_claims_a_rate_and_has_none_has_failed(odd):
    (table,) = comparison(read([], loading(0, **odd), loading(2), header=LOADER_HEADER))
    assert [row.texts["rate"] for row in table.rows] == ["failed", "400"]


def test_a_ceiling_without_work_has_no_figure():
    odd = ran("gemm-float32", 100.0)
    odd = dataclasses.replace(odd, samples=(dataclasses.replace(odd.samples[0], amount=0.0),))
    (table,) = comparison(with_ceilings(odd))
    assert table.rows[0].texts["mfu"] == "–"


@pytest.mark.parametrize(
    "odd", [{"layers": "many"}, {"sequence_length": "long"}, {"image_size": [1]}, {"model": None}]
)
def test_settings_that_are_no_numbers_are_shown_as_they_are(odd):
    facts = dataclasses.replace(FACTS, settings={**FACTS.settings, **odd})
    (table,) = comparison(record(facts=facts))
    assert str(next(iter(odd.values()))) in table.title


def test_a_device_whose_threads_are_no_number_is_a_table():
    facts = dataclasses.replace(FACTS, device={**FACTS.device, "threads": "two"})
    assert comparison(record(facts=facts))[0].rows[0].texts["throughput"] == "79.2"
    lines = [ran("gemm-float32", 1e11, device={"type": "cpu", "threads": "two"})]
    assert comparison(with_ceilings(*lines))[0].rows


def test_measurements_without_a_mode_of_the_plan_are_left_alone():
    made = record([*HEALTHY, measurement("tf32")])
    assert len(comparison(made)[0].rows) == 2
