"""A session of pairs: AB BA AB …, adjacent, until it is decided, whatever interrupts it."""

import contextlib
import dataclasses

import pytest

pytest.importorskip("scipy")
pytest.importorskip("pandas")

from gpubench.bench.job import Subject
from gpubench.bench.record import read_record
from gpubench.bench.session import CannotTrain, NotTheSame
from gpubench.env.telemetry import Telemetry
from gpubench.gate.pair_answer import compare_pairs
from gpubench.gate.sequential import LOOKS
from tests.fakes.pairs import Machine, Silent, asked, run

pytestmark = pytest.mark.torch

DEIT = Subject("deit")
BROKE = {"state": "failed", "reason": "killed by SIGSEGV"}
SMALL = {"state": "out-of-memory", "reason": "too large"}


def lines(folder, letter, mode="fp32"):
    """The processes of a side as they stand: number, attempt, state."""
    record = read_record(folder / letter)
    return [(m.process, m.attempt, m.state) for m in record.measured(DEIT, mode)]


def words(judge):
    return {(v.mode, v.metric): v.word for v in compare_pairs(judge.records).verdicts}


def test_pairs_go_ab_ba_ab(tmp_path):
    machine = Machine()
    run(tmp_path, machine)
    assert machine.order == "ABBAABBAAB".lower()


def test_both_sides_are_described_before_anything_is_measured(tmp_path):
    machine = Machine()
    run(tmp_path, machine, asked(("fp32", "amp-bf16")), suites=("deit", "bert-ner"))
    assert [entry[:2] for entry in machine.log[:4]] == [
        ("a", "describe"), ("b", "describe"), ("a", "describe"), ("b", "describe"),
    ]  # fmt: skip
    assert "describe" not in {kind for _, kind, _ in machine.log[4:]}


def test_both_processes_of_a_pair_are_adjacent_whatever_the_cells(tmp_path):
    machine = Machine(deviation=0.02)
    run(tmp_path, machine, asked(("fp32", "amp-bf16")))
    for first, second in zip(machine.measured[::2], machine.measured[1::2], strict=True):
        assert first[1] == second[1]
        assert {first[0], second[0]} == {"a", "b"}


def test_a_decided_cell_gets_no_further_pair_and_the_others_do(tmp_path):
    class Noisy(Machine):
        def _healthy(self, letter, job):
            self._deviation = 0.04 if job.mode.name == "amp-bf16" else 0.002
            return super()._healthy(letter, job)

    machine = Noisy()
    judge = run(tmp_path, machine, asked(("fp32", "amp-bf16")))
    assert machine.measured.count(("a", "fp32")) == 5
    assert machine.measured.count(("a", "amp-bf16")) == LOOKS[-1]
    assert words(judge)["fp32", "throughput"] == "PASS"
    assert words(judge)["amp-bf16", "throughput"] == "INCONCLUSIVE"


def test_a_cell_ends_at_a_look_and_never_between(tmp_path):
    for seed in range(8):
        machine = Machine(deviation=0.012, seed=seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        run(folder, machine)
        assert machine.order.count("a") in LOOKS


def test_a_slower_candidate_is_found(tmp_path):
    judge = run(tmp_path, Machine(slower=0.25, deviation=0.02))
    found = compare_pairs(judge.records)
    assert (found.verdict, found.exit_status) == ("REGRESSION", 1)
    throughput = found.verdicts[0]
    assert (throughput.unit, throughput.needed) == ("pairs", None)
    assert throughput.low < 0.25 < throughput.high


def test_parity_is_measured_once_a_side_after_the_first_pairs(tmp_path):
    machine = Machine()
    run(tmp_path, machine, asked(("fp32", "amp-bf16")))
    kinds = [(letter, mode) for letter, kind, mode in machine.log if kind == "parity"]
    assert kinds == [(s, mode) for s in "ab" for mode in ("fp32", "amp-bf16")]
    first = machine.log.index(("a", "parity", "fp32"))
    assert [entry[1] for entry in machine.log[:first]].count("measure") == 4


def test_float32_alone_has_no_parity(tmp_path):
    machine = Machine()
    run(tmp_path, machine)
    assert "parity" not in {kind for _, kind, _ in machine.log}


# -- what one side cannot do ----------------------------------------------------------------------


def test_a_mode_that_neither_side_can_do_costs_no_process_and_no_verdict(tmp_path):
    machine = Machine()
    judge = run(tmp_path, machine, asked(("fp32", "tf32")))
    assert ("a", "tf32") not in machine.measured
    assert compare_pairs(judge.records).verdict == "PASS"


def test_a_mode_that_the_candidate_alone_cannot_do_is_a_regression(tmp_path):
    machine = Machine()
    machine.facts["a"] = {"unsupported": {}}
    judge = run(tmp_path, machine, asked(("fp32", "tf32")))
    found = {v.mode: v for v in compare_pairs(judge.records).verdicts if v.metric == "throughput"}
    assert found["tf32"].word == "REGRESSION"
    assert "no TF32 here" in found["tf32"].reason


def test_other_parameters_are_not_comparable_and_nothing_is_measured(tmp_path):
    machine = Machine()
    machine.facts["b"] = {"parameters": 7}
    judge = run(tmp_path, machine)
    found = compare_pairs(judge.records)
    assert machine.measured == []
    assert (found.verdict, found.exit_status) == ("NOT-COMPARABLE", 5)
    assert "parameters 1000000 and 7" in found.verdicts[0].reason


def test_a_candidate_that_does_not_fit_is_a_regression_and_is_not_tried_again(tmp_path):
    machine = Machine(special={("b", "measure", "fp32", 0): SMALL})
    judge = run(tmp_path, machine)
    assert machine.order == "ab"
    assert words(judge) == {("fp32", "throughput"): "REGRESSION"}


def test_a_candidate_that_breaks_once_is_invalid(tmp_path):
    machine = Machine(special={("b", "measure", "fp32", 2): BROKE})
    judge = run(tmp_path, machine)
    assert machine.order == "abbaab"
    found = compare_pairs(judge.records)
    assert (found.verdict, found.exit_status) == ("INVALID", 6)


def test_a_pair_whose_baseline_broke_is_left_out_and_said(tmp_path):
    machine = Machine(special={("a", "measure", "fp32", 2): BROKE})
    judge = run(tmp_path, machine)
    assert machine.order == "abbaabbaabba"
    found = compare_pairs(judge.records)
    assert found.verdicts[0].baseline_processes == 5
    assert any("a process of the baseline broke" in note for note in found.notes)


def test_a_side_that_cannot_train_at_all_ends_the_session(tmp_path):
    machine = Machine(special={("b", "describe", "fp32", 0): BROKE})
    with pytest.raises(CannotTrain, match="killed by SIGSEGV"):
        run(tmp_path, machine)


# -- time -----------------------------------------------------------------------------------------


class Clock:
    """A clock that goes on by ten seconds a process."""

    def __init__(self, machine):
        self._machine = machine

    def __call__(self):
        return 10.0 * len(self._machine.log)


def test_no_pair_is_begun_that_would_end_after_the_budget(tmp_path):
    machine = Machine(deviation=0.05)
    judge = run(tmp_path, machine, budget=100.0, clock=Clock(machine))
    assert len(machine.log) == 2 + 2 * 4
    found = compare_pairs(judge.records)
    assert (found.verdict, found.exit_status) == ("INCONCLUSIVE", 4)
    assert "there are 4 pairs" in found.verdicts[0].reason
    assert found.verdicts[0].needed > 4
    assert found.verdicts[0].gates_at > 0.03


def test_a_cell_whose_pairs_are_too_long_leaves_the_time_to_the_others(tmp_path):
    class Slow(Machine):
        def side(self, letter):
            ask = super().side(letter)

            def slow(job, **rest):
                seconds = 400.0 if job.mode.name == "amp-bf16" else 10.0
                return dataclasses.replace(ask(job, **rest), seconds=seconds)

            return slow

    machine = Slow()
    run(tmp_path, machine, asked(("fp32", "amp-bf16")), budget=500.0, clock=Clock(machine))
    assert machine.measured.count(("a", "amp-bf16")) == 2  # then it is known how long they take
    assert machine.measured.count(("a", "fp32")) == 5


def test_every_cell_gets_one_pair_and_parity_whatever_the_budget(tmp_path):
    machine = Machine()
    run(tmp_path, machine, asked(("fp32", "amp-bf16")), budget=1.0, clock=Clock(machine))
    assert machine.measured == [("a", "fp32"), ("b", "fp32"), ("a", "amp-bf16"), ("b", "amp-bf16")]
    assert [kind for _, kind, _ in machine.log].count("parity") == 4


def test_a_session_whose_time_was_spent_goes_on_with_more(tmp_path):
    machine = Machine()
    run(tmp_path, machine, budget=50.0, clock=Clock(machine))
    again = Machine()
    run(tmp_path, again)
    assert machine.order + again.order == "abbaabbaab"


# -- interruptions --------------------------------------------------------------------------------


def finished(folder):
    """A folder of pairs that nothing interrupted: what its sides hold."""
    machine = Machine(deviation=0.0)
    judge = run(folder, machine, asked(("fp32", "amp-bf16")))
    return len(machine.log), words(judge)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("whole"))


class Ended(Machine):
    """Ends like Ctrl-C in the job of that number."""

    def __init__(self, job, **more):
        super().__init__(deviation=0.0, **more)
        self._job = job

    def side(self, letter):
        ask = super().side(letter)

        def ended(job, **rest):
            if len(self.log) == self._job:
                raise KeyboardInterrupt
            return ask(job, **rest)

        return ended


@pytest.mark.parametrize("job", range(26))
def test_a_session_ended_in_any_job_goes_on_to_the_same_pairs(tmp_path, whole, job):
    jobs, said = whole
    assert job < jobs == 26
    first, second = Ended(job), Machine(deviation=0.0)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, first, asked(("fp32", "amp-bf16")))
    judge = run(tmp_path, second, asked(("fp32", "amp-bf16")))
    assert words(judge) == said
    for mode in ("fp32", "amp-bf16"):
        assert lines(tmp_path, "a", mode) == lines(tmp_path, "b", mode)
        assert [number for number, _, _ in lines(tmp_path, "a", mode)] == list(range(5))


def test_a_half_pair_is_measured_anew_as_a_whole(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Ended(2 + 3))  # both described, a pair, and the second's first process
    assert (len(lines(tmp_path, "a")), len(lines(tmp_path, "b"))) == (1, 2)
    machine = Machine()
    run(tmp_path, machine)
    assert machine.order == "baabbaab"
    assert lines(tmp_path, "b")[1] == (1, 1, "ok")


def test_a_pair_begun_anew_on_one_side_alone_is_no_pair(tmp_path):
    first = Machine(special={("a", "measure", "fp32", 0): BROKE})
    run(tmp_path, first, budget=1.0, clock=Clock(first))
    with pytest.raises(KeyboardInterrupt):  # the baseline is measured again, the candidate is not
        run(tmp_path, Ended(3))
    assert lines(tmp_path, "a")[0] == (0, 1, "ok")
    assert lines(tmp_path, "b")[0] == (0, 0, "ok")
    machine = Machine()
    judge = run(tmp_path, machine)
    assert machine.order.startswith("ab")
    assert lines(tmp_path, "a")[0] == lines(tmp_path, "b")[0] == (0, 2, "ok")
    assert len(judge.records.pairs(judge.records.names[0])) == 5


def test_a_finished_session_asks_nothing_more(tmp_path):
    run(tmp_path, Machine(), asked(("fp32", "amp-bf16")))
    machine = Machine()
    judge = run(tmp_path, machine, asked(("fp32", "amp-bf16")))
    assert machine.log == []
    assert compare_pairs(judge.records).verdict == "PASS"


def test_a_pair_that_broke_is_measured_again_by_a_resumed_session(tmp_path):
    run(tmp_path, Machine(special={("b", "measure", "fp32", 1): BROKE}))
    machine = Machine()
    judge = run(tmp_path, machine)
    assert machine.order == "baabbaab"
    assert words(judge)["fp32", "throughput"] == "PASS"


def test_a_workload_that_has_changed_is_not_gone_on_with(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Ended(6))
    other = Machine()
    other.facts["b"] = {"parameters": 7}
    with pytest.raises(NotTheSame, match="parameters differ"):
        run(tmp_path, other)


def test_missing_parity_is_made_up_for(tmp_path):
    modes = asked(("fp32", "amp-bf16"))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Ended(2 + 4 + 1), modes)
    machine = Machine()
    run(tmp_path, machine, modes)
    kinds = [(letter, mode) for letter, kind, mode in machine.log if kind == "parity"]
    assert kinds == [("a", "amp-bf16"), ("b", "fp32"), ("b", "amp-bf16")]


# -- a GPU that is disturbed ----------------------------------------------------------------------


class Watched:
    """A GPU whose windows went as told, one after the other."""

    def __init__(self, *faults):
        self._faults = list(faults)

    @contextlib.contextmanager
    def __call__(self, gpu):
        yield self

    def latest(self):
        return None

    def xids(self):
        return ()

    def between(self, began, ended):
        return Telemetry(samples=9, **(self._faults.pop(0) if self._faults else {}))


class OnGpu(Machine):
    def _healthy(self, letter, job):
        self._device = {"type": "cuda", "name": "H100", "gpu": "hashed"}
        answer = super()._healthy(letter, job)
        return answer | ({"window_monotonic": [1.0, 2.0]} if job.kind == "measure" else {})


SLOWED = {"throttled": {"hardware slow-down": 0.5}}


def test_a_disturbed_pair_is_measured_again_as_a_whole(tmp_path):
    machine = OnGpu()
    run(tmp_path, machine, sampling=Watched({}, SLOWED))
    assert machine.order == "ab" + "abbaabbaab"
    assert lines(tmp_path, "a")[0] == lines(tmp_path, "b")[0] == (0, 1, "ok")


def test_a_gpu_that_stays_disturbed_makes_the_cell_invalid_after_three_tries(tmp_path):
    machine = OnGpu()
    judge = run(tmp_path, machine, sampling=Watched({}, SLOWED, {}, SLOWED, {}, SLOWED))
    assert machine.order == "ababab"
    assert words(judge) == {("fp32", "throughput"): "INVALID"}
    record = read_record(tmp_path / "b")
    assert record.measured(DEIT, "fp32")[0].reason == "hardware slow-down during 50% of the window"


# -- caches ---------------------------------------------------------------------------------------


def caches(folder, letter, mode):
    return [m.compile_cache for m in read_record(folder / letter).measured(DEIT, mode)]


def test_the_first_process_of_each_side_compiles_cold_and_all_later_ones_warm(tmp_path):
    run(tmp_path, Machine(), asked(("fp32", "fp32+compile")))
    assert caches(tmp_path, "a", "fp32+compile") == ["cold", "warm", "warm", "warm", "warm", "warm"]
    assert caches(tmp_path, "a", "fp32+compile") == caches(tmp_path, "b", "fp32+compile")


def test_where_compiling_chooses_kernels_every_process_does(tmp_path):
    run(tmp_path, Machine(), asked(("fp32", "fp32+compile-max")))
    assert set(caches(tmp_path, "b", "fp32+compile-max")) == {"cold"}


def test_compile_times_are_compared_between_processes_of_one_warmth(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Ended(2 + 4 + 4 + 2), asked(("fp32", "fp32+compile")))
    judge = run(tmp_path, Machine(), asked(("fp32", "fp32+compile")))
    found = {v.metric: v for v in compare_pairs(judge.records).verdicts if "+" in v.mode}
    assert found["compile-seconds"].baseline_processes < 3
    assert not found["compile-seconds"].gated
    assert found["compile-seconds-warm"].gated
    assert found["compile-seconds-warm"].word == "PASS"


def test_a_watcher_hears_of_every_process_and_every_pair(tmp_path):
    watcher = Silent()
    run(tmp_path, Machine(), watcher=watcher)
    assert watcher.pairs == [("deit", "fp32")] * 5
    assert "".join(letter for letter, kind, _ in watcher.ends if kind == "measure") == "abbaabbaab"
