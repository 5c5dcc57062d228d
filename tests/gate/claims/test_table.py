"""The table of claims, in every format."""

import csv
import dataclasses
import io
import json

import pytest

pytest.importorskip("pandas")
pytest.importorskip("scipy")

from gpubench.gate.claims.judging import JUDGES
from gpubench.gate.claims.table import claims_table
from gpubench.knowledge.claims import claims
from gpubench.render.registry import FORMATS, renderer
from tests.fakes.claims import A100, CPU, modes_record, parities_of, swept
from tests.render.test_tables import HOSTILE

pytestmark = pytest.mark.torch

STEPS = {"fp32": 0.1, "amp-fp16": 0.06}


def row(table, name):
    return next(each for each in table.rows if each.values["claim"] == name)


def test_every_claim_has_a_row_whatever_was_measured():
    for records in ([], [modes_record(STEPS)]):
        shown = [each.values["claim"] for each in claims_table(records).rows]
        assert list(dict.fromkeys(shown)) == [each.id for each in claims()]


def test_without_records_nothing_is_decided_and_each_row_says_why():
    table = claims_table([])
    assert {each.values["verdict"] for each in table.rows} == {"not decidable here"}
    assert all(each.values["reason"] for each in table.rows)
    assert any("F7 dp, F7 ddp: no GPU, and the claim is of 4" in note for note in table.notes)


def test_every_judge_is_asked_by_a_claim_and_every_claim_has_one():
    assert {each.judge for each in claims()} == set(JUDGES)


def test_a_row_has_the_claim_its_figure_its_settings_and_its_verdict():
    texts = row(claims_table([modes_record(STEPS)]), "F1 speed").texts
    assert texts["claim"] == "“BERT-NER: AMP is at least 30 % faster than FP32”"
    assert texts["measured"].startswith("1.67 [1.6")
    assert texts["settings"] == "amp-fp16 / fp32, BERT, random weights, 128 tokens, batch 16"
    assert texts["verdict"] == "reproduced"


def test_a_sweep_shows_its_ends_and_a_share_is_in_percent():
    lengths = swept("sequence-length=128,512,1024", lambda n: 0.01 + 1e-4 * n + 1e-7 * n**2)
    texts = row(claims_table([lengths]), "F9").texts
    assert "128 to 1024 tokens, batch 8" in texts["settings"]
    assert texts["measured"].endswith("] %")


def test_the_device_stands_above_the_table_and_in_the_rows_where_there_are_several():
    one = claims_table([modes_record(STEPS)])
    assert one.about[0] == "NVIDIA A100-SXM4-80GB · torch 2.8.0+cu128"
    assert "A100" not in row(one, "F1 speed").texts["settings"]
    vit = modes_record({"fp32": 8.0}, suite="deit", shape="vit", device=CPU, batch=8)
    two = claims_table([modes_record(STEPS), vit])
    assert row(two, "F1 speed").texts["settings"].endswith(A100["name"])
    assert row(two, "F6 CPU").texts["settings"].endswith("A CPU")


def test_that_smoke_shapes_decide_nothing_is_said_once():
    notes = claims_table([modes_record(STEPS, preset="smoke", parities=parities_of())]).notes
    (said,) = [note for note in notes if "smoke shapes" in note]
    assert said.startswith("F1 speed, F1 accuracy: ")


def test_a_figure_that_is_not_to_be_taken_as_it_stands_has_its_mark():
    table = claims_table([modes_record(STEPS, state="unstable")])
    assert row(table, "F1 speed").texts["measured"].startswith("~")


def test_two_modes_of_one_claim_are_told_apart_in_the_notes():
    table = claims_table([modes_record({**STEPS, "amp-bf16": 0.05}, processes=2)])
    assert any(note.startswith("F1 speed (amp-fp16), F1 speed (amp-bf16)") for note in table.notes)


def test_csv_and_json_have_raw_values_with_the_bound_and_the_record():
    table = claims_table([modes_record(STEPS)])
    (first, *_) = csv.DictReader(io.StringIO(renderer("csv")([table])))
    assert float(first["measured"]) == pytest.approx(1.667, rel=1e-3)
    plain = json.loads(renderer("json")([table]))["tables"][0]["rows"][0]
    assert (plain["bound"], plain["direction"], plain["record"]) == (1.3, "at least", "modes")
    assert plain["against"] == "fp32"


@pytest.mark.parametrize("entry", FORMATS, ids=lambda entry: entry.name)
def test_hostile_names_stay_in_their_cells(entry):
    made = modes_record(STEPS, device={**A100, "name": HOSTILE, "torch": HOSTILE})
    (facts,) = made.workloads.values()
    facts = dataclasses.replace(facts, settings={**facts.settings, "model": HOSTILE})
    made = dataclasses.replace(
        made, workloads={facts.subject: facts}, source=f"x/{HOSTILE}/record.jsonl"
    )
    text = renderer(entry.name)([claims_table([made])])
    assert "\x1b" not in text
    if entry.name == "markdown":
        assert "<script>" not in text


def test_a_page_says_first_what_the_records_show_of_the_claims():
    pytest.importorskip("jinja2")
    from gpubench.render.html.page import render

    made = modes_record(STEPS, device={**A100, "name": HOSTILE, "torch": HOSTILE})
    text = render([made], of_claims=True)
    assert text.index("claims of the source documents") < text.index("What it ran on")
    assert "AMP is at least 30\u00a0% faster" in text.replace(" %", "\u00a0%")
    assert "<script>" not in text
    assert "\x1b" not in text
    assert "claims of the source documents" not in render([made])


def test_settings_that_are_no_numbers_break_nothing():
    made = modes_record(STEPS)
    (facts,) = made.workloads.values()
    odd = {"layers": [12], "hidden_size": None, "sequence_length": "many", "model": {"a": 1}}
    made = dataclasses.replace(
        made, workloads={facts.subject: dataclasses.replace(facts, settings=odd, device={})}
    )
    assert row(claims_table([made]), "F1 speed").values["verdict"] == "not decidable here"
