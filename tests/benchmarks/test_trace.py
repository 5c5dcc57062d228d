"""A trace keeps what a machine did, and a replay of it is wrong as seldom as the gate promises."""

import dataclasses
import json

import pytest

pytest.importorskip("scipy")

import numpy as np

from benchmarks import replay as replays
from benchmarks import trace as traces
from benchmarks.operating_curve import HALF, TWICE
from benchmarks.replay import differences, rates, replay, stretches
from benchmarks.trace import Cell, Trace, Wanted, collect, record
from gpubench import codec
from gpubench.bench.record import read_record
from gpubench.bench.runner import Answer
from gpubench.errors import BadUsage, UnknownSchema, UnreadableInput
from gpubench.units import Seconds
from tests.fakes.records import measurement, write
from tests.fakes.sessions import header

pytestmark = pytest.mark.torch

CELL = Cell(suite="deit", mode="fp32", preset="smoke", window_seconds=1.5, device={"name": "A CPU"})
SIZE = 4_000


def trace(costs):
    """Processes whose logarithmic costs are those."""
    return Trace(cell=CELL, throughputs=tuple(np.exp(-np.asarray(costs)).tolist()))


def machine(seed=0, *, deviation=0.004, drift=0.0, processes=300):
    """A machine that wanders by ``drift`` over its trace, and comes back."""
    random = np.random.default_rng(seed)
    slow = drift * np.sin(np.linspace(0, 4 * np.pi, processes))
    return trace(slow + deviation * random.standard_normal(processes))


# -- the replay ---------------------------------------------------------------------------------


def test_pairs_are_neighbours_of_the_trace():
    random = np.random.default_rng(0)
    drawn = stretches(np.arange(200.0), 40, 50, random)
    assert (np.diff(drawn, axis=1) == 1).all()


def test_a_short_trace_is_drawn_in_blocks_of_neighbours():
    random = np.random.default_rng(0)
    steps = np.diff(stretches(np.arange(30.0), 40, 200, random), axis=1)
    within = np.arange(39) % replays.BLOCK != replays.BLOCK - 1
    assert (steps[:, within] == 1).all()
    assert (steps[:, ~within] != 1).any()


def test_pairs_change_their_order_so_that_a_steady_drift_cancels():
    random = np.random.default_rng(0)
    found = differences(np.arange(200.0), 0.0, 20, 100, random)
    assert (np.abs(found) == 1).all()
    assert (found[:, ::2] + found[:, 1::2] == 0).all()
    assert set(found[:, 0]) == {1.0, -1.0}  # a trace's rhythm falls on either side


def test_the_effect_is_what_the_candidate_costs_more():
    random = np.random.default_rng(0)
    assert differences(np.zeros(200), 0.06, 20, 5, random) == pytest.approx(np.log1p(0.06))


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("drift", [0.0, 0.05])
def test_the_promises_hold_on_a_quiet_trace_that_drifts(calibrated, drift):
    quiet = machine(drift=drift)
    at = {
        effect: rates(replay(quiet, effect, SIZE, calibrated=calibrated)[0])
        for effect in (0.0, HALF, TWICE)
    }
    assert at[0.0]["pass"] > 0.99
    assert at[HALF]["regression"] < 0.005
    assert at[TWICE]["pass"] < 0.005
    assert at[TWICE]["regression"] > 0.99


def test_a_noisy_trace_is_inconclusive_and_never_wrong():
    noisy = machine(deviation=0.09)
    assert rates(replay(noisy, HALF, SIZE)[0])["regression"] < 0.01
    slow = rates(replay(noisy, TWICE, SIZE)[0])
    assert slow["pass"] < 0.01
    assert slow["undecided"] > 0.9


def test_the_table_has_a_row_with_and_one_without_a_calibration():
    lines = replays.table([machine()], 500).splitlines()
    assert len(lines) == 4
    assert all("deit fp32 on A CPU" in line for line in lines[2:])


def test_a_few_processes_are_no_trace():
    with pytest.raises(BadUsage, match="9 processes are no trace"):
        replay(trace(np.zeros(9)), 0.0, 10)


# -- recording ----------------------------------------------------------------------------------

WANTED = Wanted(suite="deit", mode="fp32", preset="smoke", device="cpu", processes=4)


class Child:
    """Answers as a child does; the third process is invalid, and ``stop`` interrupts."""

    def __init__(self, stop=None, batch_size=8):
        self.kinds, self._stop, self._batch = [], stop, batch_size

    def __call__(self, job, *, cache):
        if len(self.kinds) == self._stop:
            raise KeyboardInterrupt
        self.kinds.append(job.kind)
        if job.kind == "describe":
            plain = codec.to_plain(job.workload)
            found = {"workload": plain, "batch_size": self._batch, "device": {"name": "A CPU"}}
            return Answer(result=found, seconds=Seconds(1))
        good = {"state": "ok", "window_seconds": 2.0, "step_seconds": [0.2] * 10}
        bad = {"state": "invalid", "reason": "x"}
        return Answer(result=bad if len(self.kinds) == 4 else good, seconds=Seconds(1))


def test_a_recording_holds_every_process_and_counts_those_that_count(tmp_path):
    child = Child()
    found = record(tmp_path / "t.jsonl", WANTED, child)
    assert child.kinds == ["describe"] + ["measure"] * 4
    assert (found.throughputs, found.left_out) == ((40.0, 40.0, 40.0), 1)
    lines = (tmp_path / "t.jsonl").read_text().splitlines()
    states = [json.loads(line)["state"] for line in lines[1:]]
    assert states == ["ok", "ok", "invalid", "ok"]


def test_an_interrupted_recording_goes_on(tmp_path):
    path = tmp_path / "t.jsonl"
    with pytest.raises(KeyboardInterrupt):
        record(path, WANTED, Child(stop=3))
    assert len(path.read_text().splitlines()) == 3
    child = Child()
    record(path, WANTED, child)
    assert child.kinds.count("measure") == 2
    assert len(path.read_text().splitlines()) == 5


def test_a_recording_in_which_all_fails_ends_and_says_why(tmp_path):
    class Broken(Child):
        def __call__(self, job, *, cache):
            answer = super().__call__(job, cache=cache)
            if job.kind == "describe":
                return answer
            return Answer(result={"state": "failed", "reason": "no room"}, seconds=Seconds(1))

    child = Broken()
    with pytest.raises(BadUsage, match="3 processes in a row gave no figure: no room"):
        record(tmp_path / "t.jsonl", dataclasses.replace(WANTED, processes=50), child)
    assert child.kinds.count("measure") == 3


def test_a_recording_of_something_else_is_not_gone_on_with(tmp_path):
    path = tmp_path / "t.jsonl"
    record(path, WANTED, Child())
    other = dataclasses.replace(WANTED, window_seconds=3.0)
    with pytest.raises(BadUsage, match="recorded of something else"):
        record(path, other, Child())


def test_a_recording_is_of_the_cell_that_was_asked_for(tmp_path):
    asked = dataclasses.replace(WANTED, batch_size=2, image_size=32)

    class Asked(Child):
        def __call__(self, job, *, cache):
            self.workload = job.workload
            return super().__call__(job, cache=cache)

    child = Asked(batch_size=2)
    found = record(tmp_path / "t.jsonl", asked, child)
    assert (child.workload.batch_size, child.workload.image_size) == (2, 32)
    assert found.cell.title == "deit fp32 of 2 on A CPU"


def test_records_of_one_environment_are_one_trace_in_the_order_of_measuring(tmp_path):
    for side, seconds in (("a", (0, 3)), ("b", (1, 2))):
        found = [
            measurement("fp32", n, 0.1 * (1 + s), started=f"2026-11-21T00:00:0{s}+00:00")
            for n, s in enumerate(seconds)
        ]
        write(tmp_path / side, found, (), header())
    (found,) = collect(read_record(tmp_path / side) for side in "ab")
    assert found.throughputs == pytest.approx((80, 40, 80 / 3, 20))


def test_processes_that_began_in_one_second_keep_their_order(tmp_path):
    found = [
        measurement("fp32", n, 0.1 * s, started="2026-11-21T00:00:00+00:00")
        for n, s in enumerate((1, 4, 2))
    ]
    write(tmp_path / "a", found, (), header())
    (trace,) = collect([read_record(tmp_path / "a")])
    assert trace.throughputs == pytest.approx((80, 20, 40))


def test_a_trace_that_was_kept_is_read_as_it_was(tmp_path):
    kept = machine(processes=20)
    traces.write(tmp_path / "t.jsonl", kept)
    assert traces.read(tmp_path / "t.jsonl") == kept


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", UnreadableInput),
        ("{}\n", UnreadableInput),
        ('{"schema": "gpubench.trace/9"}\n', UnknownSchema),
        ('{"schema": "gpubench.trace/1"}\n', UnreadableInput),
    ],
)
def test_what_is_no_trace_is_refused(tmp_path, text, problem):
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    with pytest.raises(problem):
        traces.read(path)


@pytest.mark.parametrize("odd", ["-1", "0", '"x"', "1e300", "[}"])
def test_a_throughput_that_is_none_is_refused_with_its_line(tmp_path, odd):
    path = tmp_path / "t.jsonl"
    first = json.dumps(traces.head(CELL))
    path.write_text(f'{first}\n{{"state": "ok", "samples_per_second": {odd}}}\n')
    with pytest.raises(UnreadableInput, match="line 2"):
        traces.read(path)


def test_the_command_ends_with_one_line_and_its_status(tmp_path, capsys):
    assert traces.main(["replay", str(tmp_path / "none.jsonl")]) == 2
    assert "no such file" in capsys.readouterr().err
    kept = tmp_path / "t.jsonl"
    traces.write(kept, machine(processes=100))
    assert traces.main(["replay", str(kept), "--size", "200"]) == 0
    assert "REGRESSION at δ/2" in capsys.readouterr().out
