"""Strategies side by side: scaling, slow ranks, exchange, and what cannot be true of them."""

import dataclasses
import json

import pytest

from gpubench.bench.job import Subject
from gpubench.bench.record import RunRecord
from gpubench.bench.strategy import strategies
from gpubench.gate.efficiency import ranks_of
from gpubench.gate.pages import pages
from gpubench.gate.summary import is_sound, summarise
from gpubench.render.registry import FORMATS, renderer
from tests.fakes.records import FACTS, HEADER, PLAN, measurement, parity

STRATEGIES = strategies("ddp,fsdp", processes_per_node=2)
GPU = {"type": "cuda", "name": "A GPU", "torch": "2.15.0"}


def told(rank, alone=0.08, **more):
    """What a rank says of itself; it computes for 80 ms of a step of 100 ms."""
    own = {"rank": rank, "alone_seconds": alone, "optimizer_seconds": 0.01, "peak_bytes": 2**30}
    return {**own, **more}


def ranks(*each, fastest=0.1, steps=10):
    return {"world": 2, "nodes": 1, "each": list(each), "fastest_step_seconds": [fastest] * steps}


ALIKE = (told(0), told(1))


def spread(variant, steps=(0.1, 0.1), each=ALIKE, fastest=0.1):
    return [
        measurement(
            "fp32", number, step, variant=variant, samples_per_step=16,
            ranks=ranks(*each, fastest=fastest),
        )
        for number, step in enumerate(steps)
    ]  # fmt: skip


def run(*measurements, device=GPU, alone=(2.0, 1.9, 1.8), chosen=STRATEGIES):
    plan = dataclasses.replace(
        PLAN, modes=("fp32",), device=device["type"], strategies=chosen,
        variants=tuple(strategy.variant for strategy in chosen),
    )  # fmt: skip
    facts = {
        Subject("deit", strategy.variant): dataclasses.replace(
            FACTS, variant=strategy.variant, ranks=strategy.world, device=device, step_flops=None,
            settings={**FACTS.settings, **({"strategy": "x"} if strategy.world > 1 else {})},
        )
        for strategy in chosen
    }  # fmt: skip
    bands = {"float32": ((2.000001, 1.9, 1.8),)}
    parities = {
        (subject, "fp32"): parity(variant=subject.variant, alone=alone, disturbed=bands)
        for subject, one in facts.items()
        if one.ranks > 1
    }
    single = [measurement("fp32", n, variant="single") for n in range(2)]
    return RunRecord(
        source="here", header=dataclasses.replace(HEADER, plan=plan), workloads=facts,
        measurements=(*single, *measurements), parities=parities, torn=False, unknown_lines=0,
    )  # fmt: skip


HEALTHY = (*spread("ddp, 2 processes", (0.105, 0.106)), *spread("fsdp, 2 processes", (0.12, 0.12)))


def rows(record):
    table = pages(record)[0]
    return {row.values["variant"]: row for row in table.rows}


def test_scaling_is_the_throughput_of_all_over_so_many_times_that_of_single():
    ddp = rows(run(*HEALTHY))["ddp, 2 processes"]
    assert ddp.values["scaling_efficiency"] == pytest.approx(0.1 / 0.1055, rel=1e-3)
    assert ddp.texts["efficiency"].startswith("95 % [")
    assert ddp.values["samples_per_second"] == pytest.approx(16 / 0.1055, rel=1e-3)
    assert rows(run(*HEALTHY))["single"].texts["efficiency"] == "–"


def test_ranks_that_do_more_than_each_did_alone_are_implausible():
    record = run(*spread("ddp, 2 processes", (0.08, 0.08)), *HEALTHY[2:])
    (cell,) = summarise(record, Subject("deit", "ddp, 2 processes"))
    assert cell.state == "implausible"
    assert "2 devices do 125 % of 2 times what one does" in cell.reason
    assert rows(record)["ddp, 2 processes"].texts["throughput"] == "implausible"
    assert not is_sound(record)


def test_on_shared_cores_nothing_is_implausible_and_scaling_is_marked():
    cpu = {"type": "cpu", "name": "A CPU", "threads": 2}
    record = run(*spread("ddp, 2 processes", (0.08, 0.08)), *HEALTHY[2:], device=cpu)
    row = rows(record)["ddp, 2 processes"]
    assert row.texts["efficiency"].startswith("~125 %")
    assert "says nothing about GPUs" in " ".join(pages(record)[0].about)


def test_a_slow_rank_is_named_where_all_processes_agree():
    slow = (told(0), told(1, alone=0.10))
    record = run(*spread("ddp, 2 processes", (0.115, 0.115), slow), *HEALTHY[2:])
    row = rows(record)["ddp, 2 processes"]
    assert row.texts["slowest"] == "rank 1 (+25 %)"
    assert row.values["slowest_rank"] == 1


def test_no_rank_is_named_where_processes_do_not_agree_or_it_hardly_differs():
    first, second = (told(0), told(1, alone=0.10)), (told(0, alone=0.10), told(1))
    apart = [
        dataclasses.replace(m, ranks=ranks(*each))
        for m, each in zip(spread("ddp, 2 processes"), (first, second), strict=True)
    ]
    assert ranks_of(apart).slowest is None
    assert ranks_of(spread("x", each=(told(0), told(1, alone=0.082)))).slowest is None
    assert ranks_of(apart[:1]).slowest == 1


def test_one_process_alone_names_a_rank_with_a_mark():
    slow = (told(0), told(1, alone=0.10))
    record = run(*spread("ddp, 2 processes", (0.115,), slow), *HEALTHY[2:])
    assert rows(record)["ddp, 2 processes"].texts["slowest"] == "~rank 1 (+25 %)"


def test_exchange_is_what_a_step_takes_beyond_computing_and_the_optimizer():
    found = ranks_of(spread("x", (0.12, 0.12), fastest=0.108))
    assert found.exchange == pytest.approx(1 - 0.09 / 0.12)
    assert found.skew == pytest.approx(0.1)


def test_memory_is_shown_for_every_rank():
    each = (told(0), told(1, peak_bytes=2**31))
    row = rows(run(*spread("ddp, 2 processes", each=each), *HEALTHY[2:]))["ddp, 2 processes"]
    assert row.texts["memory"] == "1.00 GiB to 2.00 GiB"
    assert row.values["peak_memory_bytes_per_rank"] == [2**30, 2**31]


def test_what_a_rank_could_not_tell_is_a_note_and_no_figure():
    each = tuple({"rank": n, "alone_unread": "there is no room"} for n in range(2))
    record = run(*HEALTHY[:2], *spread("fsdp, 2 processes", each=each))
    row = rows(record)["fsdp, 2 processes"]
    assert (row.texts["slowest"], row.texts["exchange"]) == ("–", "–")
    assert any("there is no room" in note for note in pages(record)[0].notes)


def test_a_strategy_whose_losses_part_from_one_process_is_invalid():
    record = run(*HEALTHY, alone=(2.0, 1.9, 1.81))
    (cell,) = summarise(record, Subject("deit", "ddp, 2 processes"))
    assert cell.state == "invalid"
    assert cell.reason.startswith("its loss parts from one process over all batches by 0.56%")
    (fine,) = summarise(run(*HEALTHY), Subject("deit", "ddp, 2 processes"))
    assert fine.parity.holds


def test_a_strategy_without_a_process_of_its_own_is_not_checked_and_says_why():
    record = run(*HEALTHY, alone=())
    (cell,) = summarise(record, Subject("deit", "ddp, 2 processes"))
    assert cell.unchecked == "one process gave no losses"


def test_without_single_there_is_no_scaling_and_a_note_says_so():
    (_, *others) = STRATEGIES
    record = run(*HEALTHY, chosen=tuple(others))
    table = pages(record)[0]
    assert all(row.texts["efficiency"] == "–" for row in table.rows)
    assert any("--strategy single" in note for note in table.notes)


def test_ranks_that_hold_something_else_are_left_out():
    for odd in ("no list", [1, 2], [{"alone_seconds": "long"}], [{"busy": 3}], [{}]):
        odd_one = measurement(ranks={"each": odd, "fastest_step_seconds": [None]})
        assert ranks_of([odd_one]).slowest is None


def test_every_format_shows_the_table():
    tables = pages(run(*HEALTHY))
    for entry in FORMATS:
        assert "ddp, 2 processes" in renderer(entry.name)(tables)
    row = json.loads(renderer("json")(tables))["tables"][0]["rows"][1]
    assert row["ranks"] == 2
