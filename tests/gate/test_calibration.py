"""A machine's own noise: derived from A/A records, kept in a file, refused elsewhere."""

import dataclasses
import datetime
import json
import statistics

import pytest

pytest.importorskip("pandas")

from gpubench import codec
from gpubench.errors import ExitStatus, NotComparable, UnknownSchema, UnreadableInput
from gpubench.gate.calibration import (
    SCHEMA,
    age_warning,
    cell_noise,
    derive,
    find,
    path_of,
    read,
    refuse_other,
    workload_digest,
    write,
)
from gpubench.gate.metrics import metric_named
from tests.fakes.sessions import CELL, GPU, sessions

pytestmark = pytest.mark.torch

DAYS = range(1, 7)


def noise_of(found, metric="throughput"):
    return next(cell for cell in found.cells if cell.metric == metric)


def test_processes_and_sessions_are_told_apart():
    runs = sessions(DAYS, within=0.01, between=0.05, processes=8)
    noise = noise_of(derive(runs))
    assert noise.process_deviation == pytest.approx(0.01, rel=0.3)
    assert noise.session_deviation == pytest.approx(0.05, rel=0.7)
    assert (noise.process_freedom, noise.session_freedom) == (6 * 7, 5)
    assert (noise.sessions, noise.processes) == (6, 48)


def test_the_noise_of_sessions_is_that_of_their_means():
    runs = sessions(DAYS)
    cost = metric_named("throughput").cost
    means = [statistics.fmean(map(cost, s.cells[CELL].values["throughput"])) for s in runs]
    assert noise_of(derive(runs)).session_deviation == pytest.approx(statistics.stdev(means))


def test_every_metric_has_its_own_noise():
    noise = noise_of(derive(sessions(DAYS)), "peak-memory")
    assert (noise.process_deviation, noise.session_deviation) == (0.0, 0.0)


def test_pairs_have_the_noise_of_two_processes_unless_they_were_measured():
    derived = noise_of(derive(sessions(DAYS)))
    assert derived.of_pairs.variance == pytest.approx(2 * derived.process_deviation**2)
    measured = cell_noise(CELL, "throughput", "w", [[0.0, 0.1]], (0.01, -0.01, 0.02))
    assert measured.of_pairs.variance == pytest.approx(statistics.variance((0.01, -0.01, 0.02)))
    assert measured.of_pairs.freedom == 2


def test_it_says_at_which_tolerance_the_host_can_gate():
    quiet, loud = (noise_of(derive(sessions(DAYS, within=w))) for w in (0.002, 0.05))
    assert quiet.gates_at < 0.01 < 0.05 < loud.gates_at


@pytest.mark.parametrize("known", [1, 2])
def test_fewer_than_three_sessions_know_no_session_noise(known):
    assert noise_of(derive(sessions(range(1, known + 1)))).between is None
    assert noise_of(derive(sessions(range(1, 4)))).between is not None


def test_it_is_read_as_it_was_written(tmp_path):
    found = derive(sessions(DAYS, device=GPU))
    path = path_of(tmp_path, found.machine)
    write(path, found)
    assert read(path) == found
    assert find(tmp_path, found.machine) == found
    assert path.name.startswith("nvidia-h100-80gb-hbm3-")


def test_another_machine_has_another_file(tmp_path):
    machine = derive(sessions(DAYS, device=GPU)).machine
    assert path_of(tmp_path, machine) != path_of(tmp_path, dataclasses.replace(machine, gpu="b"))
    assert find(tmp_path, machine) is None


def test_a_calibration_of_another_machine_is_refused():
    mine, other = (
        derive(sessions(DAYS, device={**GPU, "gpu": gpu})) for gpu in ("a" * 16, "b" * 16)
    )
    refuse_other(mine, mine.machine)
    with pytest.raises(NotComparable, match="another machine") as refused:
        refuse_other(mine, other.machine)
    assert refused.value.status == ExitStatus.NOT_COMPARABLE


def test_sessions_of_two_machines_make_no_calibration():
    mixed = [*sessions([1], device=GPU), *sessions([2], device={**GPU, "gpu": "b" * 16})]
    with pytest.raises(NotComparable, match="one machine"):
        derive(mixed)


def test_the_noise_is_of_one_workload():
    found = derive(sessions(DAYS))
    facts = sessions([1])[0].cells[CELL].facts
    assert found.of(CELL, "throughput", workload_digest(facts)) is not None
    assert found.of(CELL, "throughput", workload_digest({**facts, "batch size": 64})) is None


@pytest.mark.parametrize(("days", "said"), [(1, False), (29, False), (31, True)])
def test_an_old_calibration_is_said(days, said):
    found = derive(sessions(DAYS))
    now = datetime.datetime.fromisoformat(found.created) + datetime.timedelta(days=days)
    assert (age_warning(found, now) is not None) == said


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", UnreadableInput),
        ("[]", UnreadableInput),
        ('{"schema": "gpubench.calibration/2"}', UnknownSchema),
        ('{"schema": "gpubench.calibration/1"}', UnreadableInput),
        ('{"schema": "gpubench.calibration/1", "created": 1}', UnreadableInput),
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path, content, error):
    path = tmp_path / "calibration.json"
    path.write_text(content)
    with pytest.raises(error):
        read(path)


def test_no_name_of_a_host_is_kept(tmp_path):
    found = derive(sessions(DAYS))
    plain = json.loads(codec.to_json(found))
    assert plain["schema"] == SCHEMA
    assert plain["machine"]["host"] is None


def test_nothing_measured_makes_no_calibration():
    with pytest.raises(UnreadableInput, match="nothing to calibrate"):
        derive([dataclasses.replace(sessions([1])[0], cells={})])


@pytest.mark.parametrize("value", [-0.1, 1e200, float("nan")])
def test_a_deviation_that_cannot_be_one_is_refused(tmp_path, value):
    found = derive(sessions(DAYS))
    cell = dataclasses.replace(found.cells[0], pair_deviation=value)
    plain = codec.to_plain(dataclasses.replace(found, cells=(cell,)))
    (tmp_path / "noise.json").write_text(json.dumps(plain))
    with pytest.raises(UnreadableInput, match="no standard deviation"):
        read(tmp_path / "noise.json")


@pytest.mark.parametrize("pairs", [[], [[1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]]])
def test_sessions_without_noise_are_refused(tmp_path, pairs):
    figure = {"suite": "deit", "mode": "fp32", "metric": "throughput", "workload": "x"}
    session = {"created": "2026-11-21T00:00:00+00:00", "environment": "0"}
    plain = codec.to_plain(derive(sessions(DAYS)))
    plain["sessions"] = [{**session, "figures": [{**figure, "pairs": pairs}]}]
    (tmp_path / "noise.json").write_text(json.dumps(plain))
    with pytest.raises(UnreadableInput, match="no pairs of positive numbers"):
        read(tmp_path / "noise.json")
