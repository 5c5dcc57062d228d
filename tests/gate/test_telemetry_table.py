"""What a GPU did is told in a table of its own, and in the data beside the figures."""

import dataclasses
import json

from gpubench.gate.tables import comparison
from gpubench.render.registry import renderer
from tests.fakes.records import HEALTHY, record

SEEN = {
    "samples": 100,
    "sm_clock_mhz": 1905.0,
    "sm_clock_mhz_most": 1980.0,
    "power_watts": 640.0,
    "temperature_c": 61.0,
    "energy_joules": 160.0,
    "throttled": {"software power cap": 0.98},
    "xid_watch": "NVML",
}


def tables(*changes, state="ok", reason=None):
    """A run on a GPU; the telemetry of each process with a change."""
    seen = [{**SEEN, **change} for change in (*changes, *[{}] * 4)][:4]
    measured = [
        dataclasses.replace(m, telemetry=t, state=state, reason=reason)
        for m, t in zip(HEALTHY, seen, strict=True)
    ]
    return comparison(record(measured))


def test_a_run_without_a_gpu_has_one_table():
    assert len(comparison(record())) == 1


def test_a_gpu_has_a_second_table_with_clock_power_energy_and_reasons():
    _, meanwhile = tables()
    assert meanwhile.rows[0].texts == {
        "mode": "fp32",
        "clock": "1905 of 1980 MHz",
        "power": "640 W",
        "temperature": "61 °C",
        "energy": "2.00 J",
        "throttled": "software power cap 98 %",
    }


def test_reasons_are_shares_of_all_processes():
    _, meanwhile = tables({"throttled": {}})
    assert meanwhile.rows[0].texts["throttled"] == "software power cap 49 %"


def test_what_the_gpu_does_not_tell_is_absent():
    gone = dict.fromkeys(SEEN)
    _, meanwhile = tables(*[{**gone, "power_watts": 600.0}] * 4)
    row = meanwhile.rows[0]
    assert (row.texts["clock"], row.texts["energy"], row.texts["throttled"]) == ("–", "–", "–")


def test_a_gpu_that_could_not_be_watched_has_no_table_and_a_note():
    (compared,) = tables(*[{"unavailable": "NVML: not found"}] * 4)
    assert (
        "fp32, amp-bf16: clocks, power and faults of the GPU were not watched: NVML: not found"
    ) in compared.notes


def test_nobody_listening_for_xids_is_said():
    _, meanwhile = tables()
    assert meanwhile.notes == ()
    _, meanwhile = tables(*[{"xid_watch": None}] * 2)
    assert meanwhile.notes[0].startswith("fp32: Xid errors could not be listened for")


def test_csv_has_a_row_per_cell_with_the_conditions_in_it():
    lines = renderer("csv")(tables()).splitlines()
    assert len(lines) == 3
    cell = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert float(cell["joules_per_sample"]) == 2.0
    assert cell["throttled"] == "software power cap 0.980"


def test_json_has_both():
    found = json.loads(renderer("json")(tables()))["tables"]
    assert [table["rows"][0]["power_watts"] for table in found] == [640.0, 640.0]


def test_held_clocks_are_marked_and_told():
    held = "application clocks hold the SM clock at 1 200 of 1 980 MHz"
    compared, _ = tables(state="capped", reason=held)
    row = compared.rows[1]
    assert row.values["state"] == "capped"
    assert row.texts["throughput"].startswith("~")
    assert row.texts["speedup"].startswith("~")
    assert f"fp32, amp-bf16: clocks held: {held}" in compared.notes


def test_json_has_the_reasons_as_numbers_and_says_which_table_repeats():
    found = json.loads(renderer("json")(tables()))["tables"]
    assert found[0]["rows"][0]["throttled"] == {"software power cap": 0.98}
    assert [table["repeats"] for table in found] == [False, True]
