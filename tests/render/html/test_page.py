"""The page shows all there is, runs nothing, loads nothing, and lets no name out of its place."""

import dataclasses
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("pandas")
pytest.importorskip("jinja2")

from gpubench.bench.job import Subject
from gpubench.bench.learning.record import (
    EpochLine,
    LossLine,
    TrainingFacts,
    TrainingHeader,
    TrainingPlan,
    TrainingRecord,
)
from gpubench.bench.record import read_record
from gpubench.errors import MissingPackage
from gpubench.gate.pages import pages
from gpubench.gate.prices import parse_prices
from gpubench.render import plots
from gpubench.render.html import page
from gpubench.render.html.page import render, render_trainings
from tests.fakes.ceilings import PEAKS, ran, with_ceilings
from tests.fakes.machines import MODES, gpu_record
from tests.fakes.records import FACTS, HEADER, PARITIES, PLAN, measurement, parity, record
from tests.fakes.sweeps import sweep_record
from tests.render.html.hostile import NAME, PAYLOADS, hostile_record
from tests.render.html.reading import read

pytestmark = pytest.mark.torch

REPORTS = Path(__file__).parents[3] / "reports"
SWEEP = sweep_record("batch-size=8,16,32", lambda n: 0.01 + 0.002 * n, lambda n: 2**30 + n * 2**22)


def shown(*records, prices=None):
    """The page of some records, which must have no fault."""
    html = render(records, parse_prices(prices, len(records)) if prices else ())
    found = read(html)
    assert found.faults == []
    return found


def test_every_table_of_the_text_is_on_the_page_with_its_notes():
    for made in (record(), gpu_record(), SWEEP, with_ceilings(*PEAKS)):
        found = shown(made)
        for table in pages(made):
            assert table.title in found.captions
            for said in (*table.about, *table.notes):
                assert " ".join(said.split()) in found.text
            for row in table.rows:
                assert all(text in found.text for text in row.texts.values())


def test_a_gpu_has_a_picture_of_every_kind():
    found = shown(gpu_record())
    assert found.counts["figure"] == 5
    for title in (
        "Throughput by mode",
        "Speed-up over float32",
        "Does it train the same?",
        "Loss while it was timed",
        "The GPU meanwhile",
    ):
        assert title in found.text


def test_a_cpu_has_no_picture_of_a_gpu():
    found = shown(record())
    assert found.counts["figure"] == 4
    assert "The GPU meanwhile" not in found.text


def test_a_sweep_is_a_picture_with_what_was_fitted():
    assert "How it grows with the batch size" in shown(SWEEP).text
    assert 'class="way fit' in render([SWEEP])


@pytest.mark.parametrize("several", [1, 2])
def test_a_hostile_record_is_text_and_nothing_else(several):
    records = [hostile_record() for _ in range(several)]
    found = shown(*records, prices="2.5")
    for payload in PAYLOADS[:-1]:
        assert " ".join(payload.split()) in found.text
    assert "1337" not in found.text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_each_payload_alone_stays_where_it_is(payload):
    assert shown(hostile_record(payload)).counts["table"] == 2


def test_a_page_that_did_not_escape_would_be_found_out(monkeypatch):
    from markupsafe import Markup

    from gpubench.render.html import markup

    monkeypatch.setattr(markup, "escaped", lambda child: Markup(str(child)))
    page._template.cache_clear()
    try:
        faults = read(render([hostile_record()])).faults
    finally:
        page._template.cache_clear()
    assert "<script>" in faults
    assert any(fault.startswith("img has on") for fault in faults)


def test_a_name_may_not_break_out_of_an_attribute():
    html = render([hostile_record('" onload="window.owned=1')])
    assert read(html).faults == []
    assert ' onload="' not in html


def test_a_figure_that_is_not_to_be_trusted_keeps_its_mark_in_pictures():
    made = gpu_record(
        trouble={
            "amp-bf16": ("unstable", "did not settle"),
            "tf32": ("out-of-memory", "no room"),
            "amp-fp16": ("invalid", "TF32 leaked in"),
        }
    )
    html = render([made])
    assert html.count("hollow") > 2
    text = read(html).text
    assert "out of memory" in text
    assert "~" in text
    (figure,) = [part for part in html.split("<figure") if "Throughput by mode" in part]
    rows = figure.split("<li class")
    (tf32,) = [row for row in rows if ">tf32<" in row]
    assert "<rect" not in tf32
    (amp,) = [row for row in rows if ">amp-bf16<" in row]
    assert 'class="c0 hollow"' in amp
    assert "~" in amp


def test_an_interval_that_says_nothing_is_not_drawn():
    far = [measurement(mode, p, 0.1 * (1 + 6 * p)) for mode in PLAN.modes for p in (0, 1)]
    html = render([record(far)])
    (figure,) = [part for part in html.split("<figure") if "Speed-up over" in part]
    assert "inconclusive" in figure
    assert "<rect" not in figure


def test_a_loss_that_was_lost_and_one_that_went_too_far_are_marked():
    lost = parity("amp-bf16", losses=(2.0, None, 1.8))
    assert "NaN or infinite" in shown(record(parities=[PARITIES[0], lost])).text
    far = parity("amp-bf16", losses=(2.0, 1.9, 1.2))
    found = shown(record(parities=[PARITIES[0], far]))
    assert "more than allowed" in found.text
    assert "amp-bf16: parts further than allowed, and so has no figure" in found.text


def test_a_smoke_test_says_so_first():
    text = shown(record()).text
    assert text.index("Smoke test.") < text.index("Throughput by mode")
    assert "Smoke test." not in shown(gpu_record()).text


def test_what_it_ran_on_is_told_and_an_unreadable_snapshot_is_said():
    assert "Fabricated Linux 1" in shown(gpu_record()).text
    header = dataclasses.replace(HEADER, snapshot={"schema": "gpubench.snapshot/1", "host": 3})
    assert "cannot be read by this one" in shown(record(header=header)).text


def test_records_stand_side_by_side_with_what_an_hour_buys():
    other = gpu_record("FABRICATED GPU B", 1.5, seed=2, source="b/record.jsonl")
    found = shown(gpu_record(), other, prices="2.5,3")
    assert "2 runs side by side" in found.text
    assert "What one USD buys" in found.text
    assert "3.00 USD an hour" in found.text


def test_the_path_of_a_record_is_not_told():
    made = dataclasses.replace(record(), source="/home/alice/secret/run-7/record.jsonl")
    html = render([made])
    assert "run-7" in html
    assert "alice" not in html
    assert "secret" not in html


def test_a_record_with_nothing_in_it_is_a_page():
    made = record(measurements=(), parities=())
    assert "not measured" in shown(made).text
    bare = dataclasses.replace(made, workloads={}, lines=())
    assert "nothing was begun" in shown(bare).text


def test_the_same_records_give_the_same_page():
    assert render([gpu_record()]) == render([gpu_record()])


def test_a_record_of_ceilings_or_of_a_loader_is_a_page_without_pictures():
    header = dataclasses.replace(HEADER, plan=dataclasses.replace(PLAN, suites=("ceilings",)))
    made = dataclasses.replace(with_ceilings(ran("gemm-float32", 1e9)), header=header)
    assert "figure" not in shown(made).counts
    loader = dataclasses.replace(HEADER, plan=dataclasses.replace(PLAN, tier="loader"))
    assert "figure" not in shown(record(header=loader)).counts


def test_a_thousand_cells_stay_small_and_quick():
    modes = tuple(MODES)
    variants = tuple(f"v{number}" for number in range(125))
    plan = dataclasses.replace(PLAN, modes=modes, variants=variants, processes=2)
    measured = tuple(
        measurement(mode, process, 0.1 / (1 + at + 0.01 * process), variant=variant)
        for variant in variants
        for at, mode in enumerate(modes)
        for process in range(2)
    )
    facts = {Subject("deit", v): dataclasses.replace(FACTS, variant=v) for v in variants}
    made = dataclasses.replace(
        record(measured, ()),
        header=dataclasses.replace(HEADER, plan=plan),
        workloads=facts,
        lines=(*facts.values(), *measured),
    )
    began = time.process_time()
    html = render([made])
    assert time.process_time() - began < 20
    assert len(html) < 4_000_000
    assert read(html).counts["table"] == 125


def test_without_jinja2_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    page._template.cache_clear()
    with pytest.raises(MissingPackage, match=r"gpubench\[gate\]"):
        render([record()])


def test_a_name_is_never_taken_for_a_template():
    assert "{{ 7 * 191 }}" in NAME
    assert "{{ 7 * 191 }}" in shown(hostile_record()).text


def test_the_pages_under_reports_say_what_their_records_say():
    """Written by ``gpubench report --format html``; places in pictures may differ by a hair."""
    places = sorted(REPORTS.glob("*/report.html"))
    assert places
    for place in places:
        written = read(place.read_text(encoding="utf-8"))
        assert written.faults == []
        assert written.text == shown(read_record(place.with_name("record.jsonl"))).text


def trained(name="run-9", words="BERT"):
    """A training written by hand."""
    plan = TrainingPlan(
        suite=words, preset="smoke", device="cpu", mode="fp32", model=None, data=None,
        validation=None, epochs=1, steps=None, batch_size=8, sequence_length=None, image_size=None,
        learning_rate=None, schedule="linear", head="linear",
    )  # fmt: skip
    header = TrainingHeader(
        gpubench_version="0.1.0", created="2026-11-21T00:00:00+00:00", plan=plan,
        environment="e" * 64, image=None, snapshot=None,
    )  # fmt: skip
    facts = TrainingFacts(
        settings={"model": words, "layers": 2, "optimizer": words, "data": words},
        survey={}, fingerprint={}, parameters=1000, device={"type": "cpu", "name": words},
        effective={}, steps_per_epoch=2, total_steps=2, first_step=0, gone_on_from=None,
    )  # fmt: skip
    losses = LossLine(
        step=3, epoch=1, mean=1.0, last=0.5, losses=(2.0, float("nan"), 0.5), learning_rate=0.1,
        seconds=1.0,
    )  # fmt: skip
    epoch = EpochLine(
        step=3, epoch=1, complete=True, mean_loss=1.0, seconds=1.0, scores={words: 0.5}, items=3
    )
    return TrainingRecord(
        source=f"/home/alice/{name}/training.jsonl", header=header, lines=(facts, losses, epoch),
        torn=False, unknown_lines=0,
    )  # fmt: skip


def test_trainings_are_a_page_with_how_the_loss_fell():
    found = read(render_trainings([trained(), trained("run-10")]))
    assert found.faults == []
    assert found.counts["figure"] == 4
    assert "2 trainings" in found.text
    assert "run-10" in found.text
    assert "NaN or infinite" in found.text
    assert "alice" not in found.text


def test_a_hostile_training_is_text_and_nothing_else():
    found = read(render_trainings([trained(NAME, NAME)]))
    assert found.faults == []
    assert "1337" not in found.text


def test_claims_stand_first_and_parts_of_one_answer_not_side_by_side():
    found = read(render([record(), record()], of_claims=True))
    assert found.faults == []
    assert found.captions[0] == "claims of the source documents"
    assert "side by side" not in found.text


@pytest.mark.parametrize(
    "odd", [1e308, -1e308, 1e-320, 0.0, -1.0, float("nan"), float("inf"), float("-inf"), 1e17]
)
def test_no_number_of_a_record_breaks_a_page(odd):
    losses = (2.0, odd, 1.9, odd, 1.8, odd, 1.7)
    seen = {"series": {"seconds": [0.0, 1.0], "power_watts": [odd, 600.0]}}
    made = record(
        [
            measurement(mode, p, 0.1, losses=losses, telemetry=seen, memory={"peak_bytes": 0})
            for mode in PLAN.modes
            for p in (0, 1)
        ],
        [PARITIES[0], parity("amp-bf16", losses=(2.0, odd, 1.8))],
    )
    assert shown(made).counts["table"] >= 1
    assert plots.text("losses", [made])
    assert plots.text("telemetry", [made])


@pytest.mark.parametrize("step", [1e-300, 1e-12, 1e12, 1e200])
def test_no_throughput_breaks_a_page(step):
    made = record([measurement(mode, p, step) for mode in PLAN.modes for p in (0, 1)])
    assert shown(made, prices="0.000000001").counts["table"] >= 1
    assert plots.text("throughput", [made])
