"""Two sides that were measured apart: what is judged, what is refused, and what is said."""

import dataclasses

import pytest

pytest.importorskip("pandas")

from gpubench.bench.feed import Feed
from gpubench.bench.job import Subject
from gpubench.gate.calibration import derive
from gpubench.gate.compare import Rules, compare
from gpubench.gate.machine import Machine
from gpubench.gate.sides import CellName, once, session_of
from tests.fakes import records
from tests.fakes.ceilings import PEAKS, with_ceilings
from tests.fakes.sessions import CELL, GPU, header, run, sessions

pytestmark = pytest.mark.torch

BASE = (1, 2, 3, 4)
NEW = (11, 12, 13, 14)


def word(comparison, metric="throughput"):
    return next(v.word for v in comparison.verdicts if v.metric == metric)


def reason(comparison, metric="throughput"):
    return next(v.reason for v in comparison.verdicts if v.metric == metric)


def changed(session, **changes):
    """A session with its cell changed."""
    return dataclasses.replace(
        session, cells={CELL: dataclasses.replace(session.cells[CELL], **changes)}
    )


# -- verdicts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slower", "said", "status"),
    [(0.0, "PASS", 0), (0.06, "REGRESSION", 1), (-0.06, "IMPROVED", 0)],
)
def test_several_sessions_a_side_are_judged(slower, said, status):
    found = compare(sessions(BASE), sessions(NEW, slower=slower))
    assert (word(found), word(found, "peak-memory")) == (said, "PASS")
    assert found.exit_status == status


def test_the_effect_is_the_share_of_time_that_is_added():
    found = compare(sessions(BASE), sessions(NEW, slower=0.06)).verdicts[0]
    assert found.low < found.effect < found.high
    assert found.effect == pytest.approx(0.06, abs=0.004)
    assert found.baseline == pytest.approx(80, rel=0.01)
    assert (found.baseline_processes, found.candidate_processes) == (20, 20)


@pytest.mark.parametrize("slower", [0.0, 0.06])
def test_noise_leads_to_inconclusive_with_what_would_settle_it(slower):
    found = compare(sessions(BASE, between=0.05), sessions(NEW, slower=slower, between=0.05))
    verdict = found.verdicts[0]
    assert (verdict.word, found.exit_status) == ("INCONCLUSIVE", 4)
    assert verdict.gates_at > 0.06
    assert verdict.needed is None or verdict.needed > 4


@pytest.mark.parametrize(
    ("metric", "more", "said"),
    [("peak-memory", 1.05, "REGRESSION"), ("peak-memory", 0.9, "IMPROVED"),
     ("peak-memory", 1.01, "PASS")],
)  # fmt: skip
def test_memory_has_a_tolerance_of_its_own(metric, more, said):
    peak = {"peak_bytes": round(more * 800 * 2**20)}
    assert word(compare(sessions(BASE), sessions(NEW, memory=peak)), metric) == said


def test_more_joules_for_a_sample_are_a_regression():
    old = sessions(BASE, telemetry={"energy_joules": 100.0})
    new = sessions(NEW, telemetry={"energy_joules": 110.0})
    assert word(compare(old, new), "energy") == "REGRESSION"
    assert word(compare(new, old), "energy") == "IMPROVED"


def test_cold_and_warm_compilation_are_told_apart():
    old = sessions(BASE, compile_seconds=30.0, compile_cache="cold")
    new = sessions(NEW, compile_seconds=40.0, compile_cache="cold")
    warm = sessions(NEW, compile_seconds=3.0, compile_cache="warm")
    assert word(compare(old, new), "compile-seconds") == "REGRESSION"
    assert not any(v.metric.startswith("compile") for v in compare(old, warm).verdicts)


def test_a_tolerance_that_is_asked_for_is_kept():
    found = compare(
        sessions(BASE), sessions(NEW, slower=0.06), Rules(tolerances={"throughput": 0.1})
    )
    assert (word(found), found.verdicts[0].tolerance) == ("PASS", 0.1)


def test_the_risk_is_shared_among_all_that_is_judged():
    one = compare(sessions(BASE), sessions(NEW))
    more = compare(
        sessions(BASE, telemetry={"energy_joules": 100.0}),
        sessions(NEW, telemetry={"energy_joules": 100.0}),
    )
    assert (one.family, more.family) == (2, 3)
    assert more.verdicts[0].high > one.verdicts[0].high


def test_the_sides_mirror_each_other():
    slow, fast = sessions(NEW, slower=0.06), sessions(BASE)
    there, back = compare(fast, slow).verdicts[0], compare(slow, fast).verdicts[0]
    assert (there.word, back.word) == ("REGRESSION", "IMPROVED")
    assert (1 + there.effect) * (1 + back.effect) == pytest.approx(1)
    assert (1 + there.low) * (1 + back.high) == pytest.approx(1)


# -- session variance -----------------------------------------------------------------------------


def test_one_session_a_side_is_shown_and_not_judged():
    found = compare(sessions([1]), sessions([11], slower=0.5))
    verdict = found.verdicts[0]
    assert (found.verdict, found.exit_status) == ("NOT-COMPARABLE", 5)
    assert verdict.effect == pytest.approx(0.5, abs=0.02)
    assert verdict.low is None
    assert "calibrate" in verdict.reason


def test_one_session_a_side_is_judged_with_a_calibration():
    known = derive(sessions(range(1, 9)))
    rules = Rules(calibration=known)
    assert word(compare(sessions([20]), sessions([21]), rules)) == "PASS"
    assert word(compare(sessions([20]), sessions([21], slower=0.06), rules)) == "REGRESSION"


@pytest.mark.parametrize("known", [1, 2])
def test_a_calibration_on_fewer_than_three_sessions_does_not_gate(known):
    rules = Rules(calibration=derive(sessions(range(1, known + 1))))
    assert word(compare(sessions([20]), sessions([21]), rules)) == "NOT-COMPARABLE"


def test_a_calibration_of_another_workload_does_not_gate():
    other = [changed(s, facts={"batch size": 99}) for s in sessions(range(1, 9))]
    rules = Rules(calibration=derive(other))
    assert word(compare(sessions([20]), sessions([21]), rules)) == "NOT-COMPARABLE"


def test_two_processes_a_side_are_too_few_even_with_a_calibration():
    rules = Rules(calibration=derive(sessions(range(1, 9))))
    found = compare(sessions([20], processes=2), sessions([21]), rules)
    assert word(found) == "NOT-COMPARABLE"
    assert "3 processes a side" in reason(found)


def test_a_baseline_of_many_sessions_knows_its_own_variance():
    assert word(compare(sessions(range(1, 9)), sessions([20], slower=0.06))) == "REGRESSION"


def test_sessions_that_lie_apart_by_themselves_are_no_regression():
    """Within a session all is quiet: who looks at processes alone sees a regression of 4 %."""
    known = derive(sessions(range(1, 9), between=0.02, within=0.0005))
    old, new = sessions([20], within=0.0005), sessions([21], slower=0.04, within=0.0005)
    assert word(compare(old, new, Rules(calibration=known))) == "INCONCLUSIVE"


def test_noise_that_has_grown_is_said():
    known = derive(sessions(range(1, 9), within=0.001))
    found = compare(sessions([20]), sessions([21], within=0.05), Rules(calibration=known))
    assert any("noise of throughput has grown" in note for note in found.notes)
    quiet = compare(sessions([20], within=0.001), sessions([21], within=0.001),
                    Rules(calibration=known))  # fmt: skip
    assert not any("has grown" in note for note in quiet.notes)


# -- what may not be compared ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ({**GPU, "name": "NVIDIA A100"}, "different models"),
        ({**GPU, "gpu": "bbbbbbbbbbbbbbbb"}, "different GPUs of one model"),
        ({**GPU, "gpu": None}, "did not tell its UUID"),
        ({"type": "cpu", "name": "A CPU"}, "cuda, the other on cpu"),
    ],
)
def test_another_gpu_is_not_comparable(device, said):
    found = compare(sessions(BASE, device=GPU), sessions(NEW, device=device))
    assert (found.verdict, found.exit_status) == ("NOT-COMPARABLE", 5)
    assert said in reason(found)
    assert found.verdicts[0].candidate == pytest.approx(80, rel=0.01)


def test_the_same_gpu_is_comparable():
    assert compare(sessions(BASE, device=GPU), sessions(NEW, device=GPU)).verdict == "PASS"


@pytest.mark.parametrize(
    ("field", "value"),
    [("cpu_model", "Another"), ("cpu_count", 64), ("memory_bytes", 64 * 2**30), ("host", "f00")],
)
def test_another_host_is_not_comparable(field, value):
    other = {"host": "ba5", field: value}
    old = [
        changed(s, machine=dataclasses.replace(s.cells[CELL].machine, host="ba5"))
        for s in sessions(BASE)
    ]
    new = [
        changed(s, machine=dataclasses.replace(s.cells[CELL].machine, **other))
        for s in sessions(NEW)
    ]
    assert word(compare(old, old)) == "PASS"
    assert word(compare(old, new)) == "NOT-COMPARABLE"


@pytest.mark.parametrize("key", ["batch size", "suite revision", "image_size", "preset", "tier"])
def test_another_parameter_is_not_comparable_and_named(key):
    new = [changed(s, facts={**s.cells[CELL].facts, key: "another"}) for s in sessions(NEW)]
    found = compare(sessions(BASE), new)
    assert found.exit_status == 5
    assert f"{key} " in reason(found)


def test_a_side_that_mixes_machines_is_not_comparable():
    mixed = [*sessions(BASE, device=GPU), *sessions([5], device={**GPU, "gpu": "cccccccccccccccc"})]
    assert word(compare(mixed, sessions(NEW, device=GPU))) == "NOT-COMPARABLE"


def test_a_parameter_that_only_a_newer_release_records_is_no_difference():
    new = [changed(s, facts={**s.cells[CELL].facts, "novel": 1}) for s in sessions(NEW)]
    assert word(compare(sessions(BASE), new)) == "PASS"


def test_a_cell_that_only_one_side_has_is_not_comparable():
    renamed = [
        dataclasses.replace(s, cells={CellName(Subject("deit"), "tf32"): s.cells[CELL]})
        for s in sessions(NEW)
    ]
    said = {v.mode: v.reason for v in compare(sessions(BASE), renamed).verdicts}
    assert "only the baseline" in said["fp32"]
    assert "only the candidate" in said["tf32"]


# -- cells without a figure -----------------------------------------------------------------------


def without(state, why="why", days=NEW):
    return [changed(s, state=state, reason=why, values={}) for s in sessions(days)]


@pytest.mark.parametrize(
    ("state", "said", "status"),
    [
        ("out-of-memory", "REGRESSION", 1),
        ("not-supported", "REGRESSION", 1),
        ("invalid", "INVALID", 6),
        ("failed", "INVALID", 6),
        ("timed-out", "INVALID", 6),
        ("not-measured", "NOT-COMPARABLE", 5),
    ],
)
def test_a_candidate_without_a_figure_never_passes(state, said, status):
    found = compare(sessions(BASE), without(state))
    assert (found.verdict, found.exit_status) == (said, status)
    assert "why" in reason(found)


@pytest.mark.parametrize("state", ["not-supported", "out-of-memory"])
def test_what_neither_side_can_do_is_not_gated(state):
    found = compare(without(state, days=BASE), without(state))
    assert not found.verdicts[0].gated


@pytest.mark.parametrize("state", ["not-supported", "out-of-memory"])
def test_a_baseline_without_a_figure_compares_with_nothing(state):
    assert word(compare(without(state, days=BASE), sessions(NEW))) == "NOT-COMPARABLE"


@pytest.mark.parametrize("side", [0, 1])
def test_losses_that_part_make_the_comparison_invalid(side):
    good = [session_of(records.record())]
    parted = [records.PARITIES[0], records.parity("amp-bf16", losses=(2.0, 1.9, 1.2))]
    bad = [session_of(records.record(parities=parted))]
    found = compare(*((bad, good) if side == 0 else (good, bad)))
    assert (found.verdict, found.exit_status) == ("INVALID", 6)
    assert "33.33%" in reason(found, "parity")


def test_a_loss_that_is_not_finite_is_said_as_a_table_says_it():
    lost = [records.PARITIES[0], records.parity("amp-bf16", losses=(2.0, None, 1.8))]
    found = compare([session_of(records.record())], [session_of(records.record(parities=lost))])
    assert "NaN or infinite at step 2" in reason(found, "parity")


def test_losses_that_hold_pass():
    good = [session_of(records.record())]
    assert word(compare(good, good), "parity") == "PASS"


def test_a_candidate_that_was_not_checked_is_inconclusive_in_parity():
    found = compare([session_of(records.record())], [session_of(records.record(parities=()))])
    assert word(found, "parity") == "INCONCLUSIVE"


def test_losses_that_neither_side_checked_are_said():
    unchecked = [session_of(records.record(parities=()))]
    found = compare(unchecked, unchecked)
    assert not any(verdict.metric == "parity" for verdict in found.verdicts)
    said = [note for note in found.notes if "not held against float32's" in note]
    assert len(said) == 2
    assert all("amp-bf16: the" in note and "no parity run of fp32" in note for note in said)


def test_one_regression_among_many_passes_is_the_report_s_verdict():
    old, new = sessions(BASE), sessions(NEW, slower=0.06)
    extra = CellName(Subject("deit", "batch 16"), "fp32")
    old = [dataclasses.replace(s, cells={**s.cells, extra: s.cells[CELL]}) for s in old]
    new = [
        dataclasses.replace(s, cells={**s.cells, extra: t.cells[CELL]})
        for s, t in zip(new, sessions(NEW), strict=True)
    ]
    found = compare(old, new)
    assert [v.word for v in found.verdicts if v.metric == "throughput"] == ["REGRESSION", "PASS"]
    assert found.verdict == "REGRESSION"


# -- what is said beside it -----------------------------------------------------------------------


def test_what_differs_is_ranked_by_what_likely_matters():
    def with_packages(day, **versions):
        found = sessions([day])[0]
        packages = [{"name": name, "version": v} for name, v in versions.items()]
        plain = {"python": {"executable": "python", "distributions": packages}}
        return [dataclasses.replace(found, snapshot={**found.snapshot, **plain})]

    old = with_packages(1, idna="1", torch="2.6.0", triton="3.2.0", timm="1.0")
    new = with_packages(9, idna="2", torch="2.8.0", triton="3.4.0", timm="1.1")
    found = compare(old, new).changes
    assert [change.what for change in found] == ["torch", "triton", "timm", "idna"]
    assert (found[0].before, found[0].after, found[0].rank) == ("2.6.0", "2.8.0", 1)


def test_clocks_and_power_caps_come_before_the_rest_of_a_gpu():
    def with_gpu(day, **changes):
        found = sessions([day], device=GPU)[0]
        gpu = {"index": 0, "uuid": "aaaaaaaaaaaaaaaa", **changes}
        return [dataclasses.replace(found, snapshot={**found.snapshot, "gpus": [gpu]})]

    old = with_gpu(1, ecc_enabled=True, power_limit_w=700.0, clock_graphics_applications_mhz=1980)
    new = with_gpu(9, ecc_enabled=False, power_limit_w=500.0, clock_graphics_applications_mhz=1400)
    words = [change.what.rpartition(": ")[2] for change in compare(old, new).changes]
    assert words == ["clock_graphics_applications_mhz", "power_limit_w", "ecc_enabled"]


def test_blocks_in_time_are_pointed_out():
    assert any("wholly before" in note for note in compare(sessions(BASE), sessions(NEW)).notes)
    back = compare(sessions(NEW), sessions(BASE)).notes
    assert any("the candidate was measured wholly before the baseline" in note for note in back)
    single = compare(sessions([20]), sessions([21]), Rules(calibration=derive(sessions(BASE))))
    assert any("wholly before" in note for note in single.notes)
    turns = compare(sessions((1, 3, 5)), sessions((2, 4, 6)))
    assert not any("wholly before" in note for note in turns.notes)


def test_a_run_held_against_itself_is_pointed_out():
    assert any("the same run" in note for note in compare(sessions([1]), sessions([1])).notes)


def test_a_mode_that_was_read_back_otherwise_is_pointed_out():
    new = [changed(s, effective={"sdpa": "math", "tflops": 1.5}) for s in sessions(NEW)]
    old = [changed(s, effective={"sdpa": "flash", "tflops": 1.4}) for s in sessions(BASE)]
    notes = compare(old, new).notes
    assert any("sdpa was flash" in note for note in notes)
    assert not any("tflops" in note for note in notes)


@pytest.mark.parametrize("state", ["capped", "unstable"])
@pytest.mark.parametrize(("side", "said"), [(0, "the baseline"), (1, "the candidate")])
def test_a_mark_that_one_side_carries_leaves_its_times_open(state, side, said):
    """Held clocks make a candidate slower, and a baseline easy to beat: no effect of a change."""
    both = [sessions(BASE), sessions(NEW, slower=0.5)]
    both[side] = (
        sessions(BASE, state=state) if side == 0 else sessions(NEW, slower=0.5, state=state)
    )
    found = compare(*both)
    assert (word(found), word(found, "peak-memory")) == ("INCONCLUSIVE", "PASS")
    assert found.verdicts[0].effect == pytest.approx(0.5, abs=0.02)
    assert f"only {said}'s" in reason(found)
    assert f"deit fp32: {said}: {state}" in found.notes


@pytest.mark.parametrize("state", ["capped", "unstable"])
def test_a_mark_on_both_sides_is_judged_and_said(state):
    found = compare(sessions(BASE, state=state), sessions(NEW, slower=0.5, state=state))
    assert word(found) == "REGRESSION"
    assert f"deit fp32: both sides: {state}" in found.notes


def out_of_memory(days):
    return without("out-of-memory", "no room", days)


def test_some_sessions_out_of_memory_leave_it_open():
    """One of four did not fit: neither lost nor proven as fast as before."""
    found = compare(sessions(BASE), [*out_of_memory([11]), *sessions(NEW[1:])])
    assert (word(found), found.verdicts[0].effect) == ("INCONCLUSIVE", None)
    assert reason(found) == "1 of 4 sessions of the candidate: out of memory: no room"


def test_a_session_without_a_figure_among_others_is_said():
    found = compare([*out_of_memory([5]), *sessions(BASE)], sessions(NEW))
    assert word(found) == "PASS"
    assert "deit fp32: 1 of 5 sessions of the baseline have no figure" in found.notes


# -- what a run would not show --------------------------------------------------------------------


def amp(step, lines=PEAKS):
    """A session of two modes whose amp-bf16 has steps of so many seconds."""
    fast = [records.measurement("amp-bf16", process, step) for process in (0, 1, 2)]
    return session_of(with_ceilings(*lines, measurements=[*records.HEALTHY[:2], *fast]))


@pytest.mark.parametrize("side", [0, 1])
def test_an_implausible_figure_makes_the_comparison_invalid(side):
    both = [[amp(0.05)], [amp(0.05)]]
    both[side] = [amp(0.01)]
    found = compare(*both)
    said = next(v for v in found.verdicts if (v.mode, v.metric) == ("amp-bf16", "throughput"))
    assert (said.word, found.exit_status) == ("INVALID", 6)
    assert "implausible" in said.reason
    assert (said.baseline, said.candidate)[side] is None


def with_fault(day):
    """A session one of whose processes was killed."""
    found = run(day)
    killed = records.broken("failed", "killed", process=9)
    return session_of(dataclasses.replace(found, measurements=(*found.measurements, killed)))


def test_a_process_of_the_candidate_that_broke_makes_it_invalid():
    found = compare(sessions(BASE), [with_fault(11), *sessions(NEW[1:])])
    assert (found.verdict, found.exit_status) == ("INVALID", 6)
    assert reason(found) == "a process of the candidate broke: killed"


def test_a_process_of_the_baseline_that_broke_is_said():
    found = compare([with_fault(1), *sessions(BASE[1:])], sessions(NEW))
    assert found.verdict == "PASS"
    assert "deit fp32: a process of the baseline broke: killed" in found.notes


def test_times_that_are_missing_are_invalid():
    empty = [records.measurement("fp32", 0, step_seconds=())]
    found = compare(sessions(BASE), [session_of(records.record(empty, (), header(11)))])
    assert word(found) == "INVALID"


def test_a_mode_that_only_another_version_knows_is_not_comparable():
    plan = dataclasses.replace(records.PLAN, modes=("fp8",))
    head = dataclasses.replace(header(11), plan=plan)
    other = session_of(records.record([records.measurement("fp8")], (), head))
    found = compare([other], [other])
    assert not found.verdicts[0].gated
    assert "does not know the mode" in reason(found)
    assert not any(cell.values for cell in other.cells.values())


# -- what was never begun -------------------------------------------------------------------------


def planned(day, *suites):
    """A session that trained deit alone of some suites."""
    found = run(day)
    plan = dataclasses.replace(found.header.plan, suites=suites)
    head = dataclasses.replace(found.header, plan=plan)
    return session_of(dataclasses.replace(found, header=head))


def test_a_suite_that_was_never_begun_does_not_pass():
    bert = CellName(Subject("bert-ner"), "fp32")
    old = [dataclasses.replace(s, cells={**s.cells, bert: s.cells[CELL]}) for s in sessions(BASE)]
    found = compare(old, [planned(day, "deit", "bert-ner") for day in NEW])
    said = {v.suite: v.word for v in found.verdicts if v.metric == "throughput"}
    assert said == {"deit": "PASS", "bert-ner": "NOT-COMPARABLE"}
    assert found.exit_status == 5
    assert "the candidate has no figure: not measured" in found.verdicts[-1].reason


def test_ceilings_beside_a_suite_are_no_cell():
    assert set(planned(1, "ceilings", "deit").cells) == {CELL}


# -- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["out-of-memory", "not-supported", "failed"])
@pytest.mark.parametrize(
    "changes", [{"facts": {"batch size": 64}}, {"machine": Machine(device="cuda")}]
)
def test_what_broke_under_other_conditions_is_not_comparable(state, changes):
    """Eight times the batch on a machine that has no room for it is no regression."""
    new = [changed(s, **changes) for s in without(state)]
    found = compare(sessions(BASE), new)
    assert (found.verdict, found.exit_status) == ("NOT-COMPARABLE", 5)


def of_record(day, plan=(), **facts):
    """A session with changes to its plan and to what was surveyed; its processes fed by two."""
    found = run(day)
    head = dataclasses.replace(
        found.header, plan=dataclasses.replace(found.header.plan, **dict(plan))
    )
    known = {s: dataclasses.replace(w, **facts) for s, w in found.workloads.items()}
    return session_of(dataclasses.replace(found, header=head, workloads=known))


@pytest.mark.parametrize(
    ("one", "other", "key"),
    [
        ({}, {"accumulation": 8}, "accumulation 1 and 8"),
        ({"survey": {"images_found": 10}}, {"survey": {"images_found": 20}}, "images_found"),
        ({"plan": {"feed": Feed(augment=True)}}, {}, "augment True and False"),
        (
            {"plan": {"tier": "end-to-end", "feed": Feed(workers=0)}},
            {"plan": {"tier": "end-to-end", "feed": Feed(workers=8)}},
            "workers 0 and 8",
        ),
        (
            {"plan": {"tier": "end-to-end", "feed": Feed(pinned=False)}, "device": GPU},
            {"plan": {"tier": "end-to-end"}, "device": GPU},
            "pinned False and True",
        ),
    ],
)
def test_another_step_or_other_data_is_not_comparable(one, other, key):
    old = [of_record(day, **one) for day in BASE]
    found = compare(old, [of_record(day, **other) for day in NEW])
    assert found.exit_status == 5
    assert key in reason(found)
    assert compare(old, [of_record(day, **one) for day in NEW]).verdict == "PASS"


def test_how_far_a_survey_got_is_no_difference():
    old, new = ([of_record(day, survey={"images_decoded": n}) for day in days]
                for days, n in ((BASE, 10), (NEW, 20)))  # fmt: skip
    assert compare(old, new).verdict == "PASS"


def test_a_parameter_that_the_first_session_does_not_know_is_held_against_the_others():
    old = [changed(sessions([1])[0], facts={"preset": "smoke"}), *sessions(BASE[1:])]
    new = [changed(s, facts={**s.cells[CELL].facts, "batch size": 99}) for s in sessions(NEW)]
    assert word(compare(old, new)) == "NOT-COMPARABLE"


# -- copies ---------------------------------------------------------------------------------------


def test_copies_of_a_run_are_one_session():
    """Three copies have no variance: any difference would be proven."""
    copies = once(sessions([1]) * 3)
    assert len(copies) == 1
    assert any("given 3 times" in note for note in copies[0].notes)
    assert once(sessions(BASE)) == sessions(BASE)


def test_of_a_copy_made_meanwhile_the_longer_one_stays():
    (kept,) = once([session_of(run(1, processes=2)), session_of(run(1, processes=5))])
    assert len(kept.cells[CELL].values["throughput"]) == 5


def test_baselines_of_two_suites_from_one_run_are_no_copies():
    assert len(once([planned(1, "deit"), planned(1, "bert-ner")])) == 2


@pytest.mark.parametrize(("side", "tolerance"), [(0, 0.05), (1, 0.03)])
def test_only_a_baseline_that_waits_for_data_loosens_the_gate(side, tolerance):
    both = [sessions(BASE), sessions(NEW)]
    both[side] = [changed(s, waits=True) for s in both[side]]
    assert compare(*both).verdicts[0].tolerance == tolerance
