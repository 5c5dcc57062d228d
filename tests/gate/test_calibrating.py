"""A machine's noise grows with its sessions: pooled, never counted twice, never of another."""

import dataclasses
import math
import random
import statistics

import pytest

pytest.importorskip("scipy")
pytest.importorskip("pandas")

from gpubench.errors import NotComparable
from gpubench.gate.calibrating import added, changed, noise_of, session_in, table
from gpubench.gate.calibration import derive
from gpubench.gate.compare import Rules
from gpubench.gate.metrics import metric_named
from gpubench.gate.pairs import PairRecords
from gpubench.gate.sequential import gates_at
from tests.fakes.records import PLAN, broken, measurement, record
from tests.fakes.sessions import CELL, header, sessions

pytestmark = pytest.mark.torch


def session(day=1, deviation=0.01, between=0.0, count=20, memory=800 * 2**20):
    """The pairs of an A/A session."""
    noise = random.Random(day)
    shift = noise.gauss(0, between)

    def side():
        own = header(day)
        return record(
            measurements=[
                measurement("fp32", n, 0.1 * math.exp(shift + noise.gauss(0, deviation)),
                            memory={"peak_bytes": memory})
                for n in range(count)
            ],
            parities=(),
            header=dataclasses.replace(own, plan=dataclasses.replace(PLAN, modes=("fp32",))),
        )  # fmt: skip

    return PairRecords(baseline=side(), candidate=side(), rules=Rules())


MACHINE = session().sessions[0].cells[CELL].machine


def calibrated(*records):
    found = None
    for each in records:
        found = added(found, session_in(each), MACHINE)
    return found


def throughput(calibration):
    (noise,) = [cell for cell in calibration.cells if cell.metric == "throughput"]
    return noise


def logs(records):
    cost = metric_named("throughput").cost
    return [(cost(a.throughput), cost(b.throughput)) for a, b in records.pairs(CELL)]


def test_one_session_knows_its_processes_and_its_pairs():
    own = session()
    noise = throughput(calibrated(own))
    differences = [b - a for a, b in logs(own)]
    assert noise.pair_deviation == pytest.approx(statistics.stdev(differences))
    assert noise.process_deviation == pytest.approx(
        statistics.stdev([value for pair in logs(own) for value in pair])
    )
    assert (noise.pair_freedom, noise.process_freedom, noise.sessions) == (19, 39, 1)
    assert noise.between is None


def test_pairs_of_several_sessions_are_pooled_about_each_one_s_mean():
    own = [session(day, count=6) for day in (1, 2, 3)]
    noise = throughput(calibrated(*own))
    groups = [[b - a for a, b in logs(each)] for each in own]
    expected = statistics.fmean(statistics.variance(group) for group in groups)
    assert noise.pair_deviation == pytest.approx(math.sqrt(expected))
    assert noise.pair_freedom == 3 * 5


def test_three_sessions_know_how_far_sessions_lie_apart():
    noise = throughput(calibrated(*(session(day, 0.002, 0.05) for day in range(1, 5))))
    assert noise.between is not None
    assert noise.session_freedom == 3
    assert noise.session_deviation > 5 * noise.process_deviation


def test_a_session_that_is_gone_on_with_is_counted_once():
    once, twice = calibrated(session(1)), calibrated(session(1, count=10), session(1))
    assert twice == once


def test_a_later_call_keeps_the_sessions_before_it_in_order():
    found = calibrated(session(3), session(1), session(2))
    assert [each.created[:10] for each in found.sessions] == [
        "2026-11-01", "2026-11-02", "2026-11-03",
    ]  # fmt: skip
    assert found.created.startswith("2026-11-03")


def test_what_was_derived_from_records_stays_beside_other_figures():
    derived = derive(sessions([1, 2, 3]))
    other = dataclasses.replace(
        derived, cells=tuple(dataclasses.replace(c, mode="amp-bf16") for c in derived.cells)
    )
    found = added(other, session_in(session(4)), MACHINE)
    assert {cell.mode for cell in found.cells} == {"fp32", "amp-bf16"}


def test_sessions_of_another_machine_are_refused():
    with pytest.raises(NotComparable, match="another machine"):
        added(
            calibrated(session(1)),
            session_in(session(2)),
            dataclasses.replace(MACHINE, cpu_model="Z80"),
        )


@pytest.mark.parametrize(
    ("before", "now", "said"), [(0.01, 0.01, None), (0.01, 0.04, "grown"), (0.04, 0.01, "fallen")]
)
def test_noise_that_changed_is_said(before, now, said):
    known = calibrated(session(1, before), session(2, before))
    words = list(changed(known, session_in(session(3, now))))
    assert len(words) == (said is not None)
    assert said is None or f"the noise has {said} since it was calibrated" in words[0]


def test_a_session_is_not_held_against_itself():
    known = calibrated(session(1))
    assert list(changed(known, session_in(session(1)))) == []


def test_fewer_than_three_pairs_are_no_figure():
    assert session_in(session(count=2)).figures == ()
    assert len(session_in(session(count=3)).figures) == 2


def test_a_cell_that_broke_is_no_figure():
    own = session()
    lines = (*own.candidate.measurements[:-1], broken("failed", "killed", process=19))
    worse = dataclasses.replace(
        own, candidate=dataclasses.replace(own.candidate, measurements=lines)
    )
    assert session_in(worse).figures == ()


def test_the_table_says_at_which_tolerance_this_host_can_gate():
    found = calibrated(session(1, 0.001))
    noise = throughput(found)
    assert noise.gates_at == pytest.approx(gates_at(noise.pair_deviation**2))
    quiet, loud = table(found), table(calibrated(session(1, 0.05)), ["a note"])
    assert "this host can gate its throughput at 0.1 %" in quiet.notes[0]
    assert loud.notes[0].endswith("not at the usual 3.0 %")
    assert "calibrate in 2 more sessions" in quiet.notes[1]
    assert loud.notes[-1] == "a note"
    assert quiet.rows[0].values["pair_deviation"] == noise.pair_deviation


def test_equal_figures_have_no_noise():
    found = noise_of([session_in(session())])
    memory = next(cell for (_, metric, _), cell in found.items() if metric == "peak-memory")
    assert (memory.pair_deviation, memory.gates_at) == (0.0, 0.0)
