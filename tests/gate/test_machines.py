"""Records side by side: a ratio where the work was the same, the reason where it was not."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.gate.labels import labels
from gpubench.gate.machine_tables import side_by_side
from gpubench.gate.machines import abreast, why_other_work
from tests.fakes.machines import gpu_record
from tests.fakes.records import HEADER, PLAN, record

pytestmark = pytest.mark.torch

MODES = ("fp32", "amp-bf16")


def machine(name="FABRICATED GPU A", speed=1.0, **changes):
    return gpu_record(name, speed, modes=MODES, seed=round(10 * speed), **changes)


def table(*records):
    (found,) = side_by_side(records)
    return found, {row.texts["mode"]: row.texts for row in found.rows}


def test_one_record_stands_beside_nothing():
    assert side_by_side([machine()]) == ()


def test_another_machine_has_a_ratio_with_its_interval():
    found, rows = table(machine(), machine("FABRICATED GPU B", 2.0))
    assert "[" in rows["fp32"]["ratio B"]
    ratio = found.rows[0].values["records"][1]
    assert ratio["ratio"] == pytest.approx(2.0, rel=0.02)
    assert ratio["ratio_low"] < ratio["ratio"] < ratio["ratio_high"]
    assert found.repeats


def test_other_work_has_its_figures_and_no_ratio():
    found, rows = table(machine(), machine("FABRICATED GPU B", batch=64))
    assert rows["fp32"]["ratio B"] == "not comparable"
    assert rows["fp32"]["B"][:1].isdigit()
    (note,) = [note for note in found.notes if "different workloads" in note]
    assert note == ("B ÷ A, every mode: not comparable: different workloads: batch size 128 and 64")


@pytest.mark.parametrize("preset", ["smoke", "procurement"])
def test_another_preset_is_other_work(preset):
    _, rows = table(machine(), machine("FABRICATED GPU B", preset=preset))
    assert rows["fp32"]["ratio B"] == "not comparable"


def test_threads_come_with_the_machine_and_are_no_other_work():
    assert why_other_work({"threads": 8, "layers": 12}, {"threads": 64, "layers": 12}) is None
    assert "layers 12 and 24" in str(why_other_work({"layers": 12}, {"layers": 24}))


def test_a_side_without_a_figure_is_named_with_its_state():
    found, rows = table(
        machine(), machine("FABRICATED GPU B", trouble={"amp-bf16": ("out-of-memory", "no room")})
    )
    assert rows["amp-bf16"]["B"] == "out of memory"
    assert rows["amp-bf16"]["ratio B"] == "not comparable"
    assert "B ÷ A, amp-bf16: not comparable: B: out of memory" in found.notes


def test_a_record_without_the_cell_is_a_dash():
    found, rows = table(machine(), machine("FABRICATED GPU B", suites=("deit",)), record())
    assert rows["fp32"]["ratio C"] == "not comparable"
    only = gpu_record("FABRICATED GPU B", modes=("fp32",))
    found, rows = table(machine(), only)
    assert rows["amp-bf16"]["B"] == "–"
    assert "B ÷ A, amp-bf16: not comparable: B has no such cell" in found.notes


@pytest.mark.parametrize("side", [0, 1])
def test_a_mark_on_either_side_stands_at_the_ratio(side):
    trouble = [{}, {}]
    trouble[side] = {"fp32": ("unstable", "did not settle")}
    found, rows = table(
        machine(trouble=trouble[0]), machine("FABRICATED GPU B", 2.0, trouble=trouble[1])
    )
    assert rows["fp32"]["ratio B"].startswith("~")
    assert any(note.startswith("~: ") for note in found.notes)


def test_software_and_smoke_and_one_machine_are_said():
    other = machine("FABRICATED GPU B", 2.0)
    facts = {
        subject: dataclasses.replace(found, device={**found.device, "torch": "2.6.0"})
        for subject, found in other.workloads.items()
    }
    found, _ = table(machine(), dataclasses.replace(other, workloads=facts))
    assert any("software differs (A torch 2.15.0, B torch 2.6.0)" in line for line in found.about)
    again = dataclasses.replace(
        record(), header=dataclasses.replace(HEADER, created="2026-11-22T00:00:00+00:00")
    )
    found, _ = table(record(), again)
    assert "A, B: SMOKE TEST, not for figures: use --preset standard" in found.about
    assert any("A and B are of one machine: gpubench compare" in line for line in found.about)
    found, _ = table(record(), record())
    assert "A and B are one and the same run" in found.about


def test_two_machines_of_one_model_are_not_taken_for_one():
    other = machine("FABRICATED GPU A", 1.1)
    facts = {
        subject: dataclasses.replace(found, device={**found.device, "gpu": "another"})
        for subject, found in other.workloads.items()
    }
    found, _ = table(machine(), dataclasses.replace(other, workloads=facts))
    assert not any("one machine:" in line for line in found.about)


def test_a_record_is_called_by_its_folder_and_nothing_above_it():
    made = dataclasses.replace(record(), source="/home/alice/run-7/record.jsonl")
    other = dataclasses.replace(record(), source="run-8.jsonl")
    assert [label.name for label in labels([made, other])] == ["run-7", "run-8.jsonl"]
    many = labels([made] * 28)
    assert [many[0].letter, many[25].letter, many[26].letter] == ["A", "Z", "27"]


def test_a_run_of_a_loader_has_no_cells_to_set_side_by_side():
    header = dataclasses.replace(HEADER, plan=dataclasses.replace(PLAN, tier="loader"))
    assert abreast([record(header=header), record(header=header)]) == ()
