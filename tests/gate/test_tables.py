"""A table says what was trained, on what, and what must be known of its rows."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.gate.tables import comparison
from tests.fakes.records import FACTS, HEADER, HEALTHY, PLAN, broken, record

pytestmark = pytest.mark.torch


def table(**changes):
    (only,) = comparison(record(**changes))
    return only


def test_a_smoke_table_says_so_in_its_title():
    assert "SMOKE TEST" in table().title
    standard = dataclasses.replace(HEADER, plan=dataclasses.replace(PLAN, preset="standard"))
    assert "SMOKE" not in table(header=standard).title


def test_the_device_and_the_torch_are_named():
    assert "A CPU, 2 threads · torch 2.15.0" in table().about[0]


def test_every_row_has_a_text_for_every_column():
    made = table()
    for row in made.rows:
        assert set(row.texts) == {column.key for column in made.columns}


def test_what_the_device_cannot_do_is_a_row_that_says_so():
    made = table(measurements=[*HEALTHY[:2], broken("not-supported", "no TF32", "amp-bf16")])
    assert made.rows[1].texts["throughput"] == "not supported"
    assert made.rows[1].values["samples_per_second"] is None
    assert "amp-bf16: not supported: no TF32" in made.notes


def test_memory_that_ran_out_comes_with_what_to_try():
    made = table(measurements=[*HEALTHY[:2], broken("out-of-memory", "80 GiB asked", "amp-bf16")])
    assert made.rows[1].texts["throughput"] == "out of memory"
    assert "80 GiB asked; try --batch-size 4 --accumulation 2" in made.notes[0]


def test_a_mode_that_parity_did_not_check_is_noted():
    made = table(parities=())
    assert made.rows[1].texts["parity"] == "not checked"
    assert "amp-bf16: parity was not checked: no parity run of fp32" in made.notes


def test_a_record_cut_short_says_how_many_processes_it_has():
    assert "fp32: 1 of 2 processes measured" in table(measurements=HEALTHY[1:]).notes


def test_images_that_were_replaced_are_noted():
    late = dataclasses.replace(HEALTHY[0], data={"images_read": 80, "images_replaced": 3})
    assert any("3 images could not be read" in n for n in table(measurements=[late]).notes)


def test_an_incomplete_record_is_still_a_table():
    bare = dataclasses.replace(FACTS, settings={}, device={})
    assert table(facts=bare).rows[0].texts["throughput"] == "79.2"


def test_modes_with_one_reason_share_a_note():
    plan = dataclasses.replace(PLAN, modes=("fp32", "tf32", "tf32+compile"))
    made = table(
        measurements=[
            *HEALTHY[:2],
            broken("not-supported", "no TF32", "tf32"),
            broken("not-supported", "no TF32", "tf32+compile"),
        ],
        header=dataclasses.replace(HEADER, plan=plan),
    )
    assert made.notes == ("tf32, tf32+compile: not supported: no TF32",)


def test_what_was_read_and_cut_of_sentences_is_said():
    survey = {
        "sentences_found": 3442,
        "words_found": 172_601,
        "longest_sentence_words": 2427,
        "sentences_truncated": 133,
        "words_cut": 9898,
        "words_without_token": 0,
        "tokenizer": "built from the data",
    }
    (line,) = table(facts=dataclasses.replace(FACTS, survey=survey)).about[2:]
    assert "3 442 sentences read" in line
    assert "133 truncated (9 898 words cut)" in line
    assert "tokenizer: built from the data" in line


def test_what_was_read_and_skipped_of_images_is_said():
    survey = {
        "images_found": 6,
        "classes": 2,
        "images_decoded": 4,
        "images_unreadable": 1,
        "images_not_checked": 1,
        "other_files": 3,
    }
    (line,) = table(facts=dataclasses.replace(FACTS, survey=survey)).about[2:]
    assert "4 read, 1 unreadable and skipped, 3 other files skipped, 1 not checked" in line


def test_a_suite_that_never_began_is_a_table_of_rows_not_measured():
    header = dataclasses.replace(HEADER, plan=dataclasses.replace(PLAN, suites=("bert-ner",)))
    made = table(header=header)
    assert "not begun" in made.title
    assert {row.texts["throughput"] for row in made.rows} == {"not measured"}


def test_torn_and_unknown_lines_are_noted():
    (made,) = comparison(dataclasses.replace(record(), torn=True, unknown_lines=2))
    assert any("cut short" in note for note in made.notes)
    assert any("2 lines of a newer kind" in note for note in made.notes)


def test_processes_that_differ_too_much_give_no_speed_up():
    slow = dataclasses.replace(HEALTHY[3], window_seconds=1.5)
    made = table(measurements=[*HEALTHY[:3], slow])
    texts = made.rows[1].texts
    assert texts["throughput"].startswith("~")
    assert (texts["interval"], texts["speedup"]) == ("> 100 %", "inconclusive")
    assert "amp-bf16: the processes differ too much" in made.notes[0]


@pytest.mark.parametrize("state", ["not-supported", "out-of-memory", "failed", "invalid"])
def test_every_row_has_the_same_keys_whatever_became_of_it(state):
    fp32, amp = table(measurements=[*HEALTHY[:2], broken(state, "why", "amp-bf16")]).rows
    assert list(fp32.values) == list(amp.values)
    assert {"bound_by", "workers", "real_tokens_per_second"} <= set(fp32.values)
