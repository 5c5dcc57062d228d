"""The table of a sweep has a row per mode and variant, and its fits in words."""

import dataclasses

import pytest

pytest.importorskip("pandas")
pytest.importorskip("scipy")

from gpubench.gate.pages import pages
from gpubench.render import csv, json, markdown, text
from tests.fakes.records import record
from tests.fakes.sweeps import sweep_record

pytestmark = pytest.mark.torch
GIB = 2**30


def table(*arguments, **options):
    return pages(sweep_record(*arguments, **options))[0]


def line(made, start):
    (found,) = [note for note in made.notes if note.startswith(start)]
    return found


def quadratic_time(length):
    return 1e-3 + 1e-4 * length + 4e-7 * length**2


def test_a_run_without_a_sweep_has_no_such_table():
    assert [made.repeats for made in pages(record())] == [False]


def test_rows_go_by_mode_and_then_by_variant():
    made = table("batch-size=8,16", lambda b: 0.01 * b, modes=("fp32", "amp-bf16"))
    assert [(row.texts["mode"], row.texts["variant"]) for row in made.rows] == [
        ("fp32", "batch 8"), ("fp32", "batch 16"), ("amp-bf16", "batch 8"), ("amp-bf16", "batch 16")
    ]  # fmt: skip
    for row in made.rows:
        assert set(row.texts) == {column.key for column in made.columns}


def test_tokens_and_pixels_per_second_stand_beside_samples():
    made = table("sequence-length=128,256", lambda n: 0.1, suite="bert-ner")
    assert made.rows[1].values["tokens_per_second"] == pytest.approx(8 / 0.1 * 256, rel=1e-2)
    made = table("image-size=160,224", lambda n: 0.1)
    assert made.rows[1].values["pixels_per_second"] == pytest.approx(8 / 0.1 * 224**2, rel=1e-2)


def test_memory_per_sample_and_the_fixed_part_stand_under_a_batch_sweep():
    made = table("batch-size=2,4,8,16", lambda b: 0.01 * b, lambda b: 2 * GIB + b * 1.1 * GIB)
    assert line(made, "fp32: memory").startswith("fp32: memory = 2.00 GiB + 1.10 GiB [1.10")
    assert "R² 1.0000, 4 variants" in line(made, "fp32: memory")


def test_memory_on_a_cpu_is_called_coarse():
    made = table("batch-size=2,4", lambda b: 0.01 * b, device="cpu")
    assert line(made, "on a CPU peak memory is the largest resident set")
    assert not any("on a CPU" in n for n in table("batch-size=2,4", lambda b: 0.01 * b).notes)


def test_the_batch_from_which_more_is_not_worth_it_is_named():
    made = table("batch-size=8,16,32,64", lambda b: 0.01 * max(b, 32) / 32)
    assert line(made, "fp32: from batch 32 on doubling it gains less than 5 % (")


def test_throughput_that_still_rises_is_said_to():
    made = table("batch-size=8,16,32", lambda b: 0.01)
    assert "still gains" in line(made, "fp32: throughput")


def test_a_quadratic_part_is_seen_with_its_share_and_the_exponent_of_the_whole():
    made = table("sequence-length=128,256,384,512", quadratic_time, suite="bert-ner")
    assert "a quadratic part is 67 [" in line(made, "fp32: is attention quadratic here?")
    assert "from 128 to 512 tokens" in line(made, "fp32: a step's time grows as tokens^1.")


def test_a_linear_step_is_not_called_quadratic():
    made = table("sequence-length=128,256,384,512", lambda n: 1e-4 * n, suite="bert-ner")
    assert "not seen: at most" in line(made, "fp32: is attention quadratic here?")


def test_an_interval_of_a_share_ends_where_shares_do():
    times = {128: 0.1, 256: 0.5, 384: 0.2, 512: 0.6}
    made = table("sequence-length=128,256,384,512", times.get, suite="bert-ner")
    assert "inconclusive: a quadratic part may be anything within [0, 100] %" in line(
        made, "fp32: is attention"
    )


def test_memory_grows_per_token_over_lengths():
    made = table(
        "sequence-length=128,256,512",
        quadratic_time,
        lambda n: GIB + 8 * n * 2**20,
        suite="bert-ner",
    )
    assert "1.00 GiB + 1.00 MiB [" in line(made, "fp32: memory")


def test_two_lengths_do_not_answer_whether_attention_is_quadratic():
    made = table("sequence-length=128,256", quadratic_time, suite="bert-ner")
    assert line(made, "fp32: a quadratic part needs three lengths or more")


def test_images_grow_by_their_tokens():
    made = table("image-size=160,224,288,384", lambda n: 1e-4 * (n // 16) ** 2)
    assert "from 101 to 577 tokens" in line(made, "fp32: a step's time grows as tokens^")


def test_operations_that_grow_with_the_square_are_counted():
    made = table(
        "sequence-length=128,512",
        quadratic_time,
        suite="bert-ner",
        flops=lambda n: 1000 * n + n**2,
    )
    share = 512**2 / (1000 * 512 + 512**2)
    assert f"{100 * share:.1f} % at 512 tokens" in line(made, "of the operations counted")


def test_a_variant_that_failed_is_a_row_and_no_point():
    made = table(
        "batch-size=2,4,8,16",
        lambda b: 0.01 * b,
        lambda b: GIB + b * GIB,
        failing=lambda mode, b: ("out-of-memory", "too much", None) if b == 16 else None,
    )
    assert made.rows[3].texts["throughput"] == "out of memory"
    assert "3 variants" in line(made, "fp32: memory")


def test_a_mode_the_device_cannot_do_is_one_line_instead_of_rows():
    made = table(
        "batch-size=8,16",
        lambda b: 0.01 * b,
        modes=("fp32", "tf32"),
        failing=lambda mode, b: ("not-supported", "no TF32", None) if mode == "tf32" else None,
    )
    assert {row.texts["mode"] for row in made.rows} == {"fp32"}
    assert "tf32: not supported here: no TF32" in made.notes


def test_a_sweep_that_ended_early_is_a_table_all_the_same():
    whole = sweep_record("batch-size=8,16", lambda b: 0.01 * b)
    first = next(iter(whole.workloads))
    cut = dataclasses.replace(whole, workloads={first: whole.workloads[first]})
    assert "the run ended before the last variant" in pages(cut)[0].notes
    assert pages(dataclasses.replace(whole, workloads={}))[0].about == ("not begun",)


def test_accumulated_batches_are_named_in_the_title_of_every_variant():
    made = pages(sweep_record("batch-size=8,16", lambda b: 0.01 * b, accumulation=4))
    assert "4 batches accumulated in a step" in made[0].about[0]
    assert "batch 4 × 8" in made[1].title


def test_every_format_writes_a_sweep_and_csv_has_each_cell_once():
    made = pages(sweep_record("batch-size=8,16", lambda b: 0.01 * b))
    for module in (text, markdown, json):
        assert "sweep of batch size" in module.render(made)
    assert csv.render(made).count("deit") == 2


def starving(text, seconds, bound_from, **options):
    """A sweep from files, held back by its input from a value on."""
    whole = sweep_record(text, seconds, **options)
    plan = dataclasses.replace(whole.header.plan, tier="end-to-end")
    measured = []
    for m in whole.measurements:
        value = plan.sweep.value(m.variant)
        alone = m.throughput * (3 if value >= bound_from else 1.02)
        feeding = {"resident_steps": 10, "resident_seconds": 10 * m.samples_per_step / alone}
        measured.append(dataclasses.replace(m, feeding=feeding))
    return dataclasses.replace(
        whole, measurements=tuple(measured), header=dataclasses.replace(whole.header, plan=plan)
    )


def test_the_loader_s_saturation_is_not_told_as_the_mode_s():
    plain = sweep_record("batch-size=8,16,32,64", lambda b: 0.01 * max(b, 16) / 16)
    assert any("from batch 16 on" in note for note in pages(plain)[0].notes)
    held = starving("batch-size=8,16,32,64", lambda b: 0.01 * max(b, 16) / 16, 32)
    notes = pages(held)[0].notes
    assert not any("from batch" in note and "doubling" in note and "less" in note
                   for note in notes)  # fmt: skip
    assert any("held back by their input (~) are left out" in note for note in notes)
    assert any(note.startswith("fp32: memory") for note in notes)


def test_lengths_held_back_by_their_input_are_no_points_of_time():
    held = starving("sequence-length=128,256,384,512", quadratic_time, 384, suite="bert-ner")
    made = pages(held)[0]
    assert "from 128 to 256 tokens" in line(made, "fp32: a step's time grows")
    assert line(made, "fp32: a quadratic part needs three lengths or more")


@pytest.mark.parametrize(("state", "said"), [("capped", "clocks held"), ("unstable", "settle")])
def test_points_that_are_not_plainly_ok_are_confessed(state, said):
    whole = sweep_record("batch-size=8,16", lambda b: 0.01 * b)
    first, *rest = whole.measurements
    shaky = dataclasses.replace(first, state=state, reason="why")
    made = pages(dataclasses.replace(whole, measurements=(shaky, *rest)))[0]
    assert any(said in note and "points of the fits" in note for note in made.notes)
    assert made.rows[0].texts["rate"].startswith("~")
    assert not made.rows[1].texts["rate"].startswith("~")
