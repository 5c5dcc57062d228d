"""JSON of pytest-benchmark is read; one file is one process."""

import dataclasses
import json

import pytest

pytest.importorskip("pandas")

from gpubench.errors import UnreadableInput
from gpubench.gate.compare import compare
from gpubench.gate.machine import Machine
from gpubench.gate.pytest_benchmark import machine_section, session_in
from gpubench.gate.sides import read_side
from tests.fakes.pytest_benchmark import FILE, file

pytestmark = pytest.mark.torch

WOBBLE = (1.0, 1.003, 0.998, 1.001)


def side(folder, factor=1.0, first=1, files=4, **changes):
    folder.mkdir()
    for number, wobble in enumerate(WOBBLE[:files]):
        plain = file(first + number, factor * wobble, **changes)
        (folder / f"{number:04d}_run.json").write_text(json.dumps(plain))
    return read_side(folder)


def test_a_file_is_a_session_of_one_process_per_benchmark():
    session = session_in(file(), "file.json")
    rates = {n.subject.suite: c.values["throughput"] for n, c in session.cells.items()}
    assert rates == {
        "tests/test_speed.py::test_parse": (1.0,),
        "tests/test_speed.py::test_dump[10]": (5.0,),
    }


@pytest.mark.parametrize(
    ("factor", "said"), [(1.0, "PASS"), (1.06, "REGRESSION"), (0.9, "IMPROVED")]
)
def test_several_files_a_side_are_gated(tmp_path, factor, said):
    old, new = side(tmp_path / "a"), side(tmp_path / "b", factor, first=11)
    assert {verdict.word for verdict in compare(old, new).verdicts} == {said}


def test_one_file_a_side_is_inconclusive(tmp_path):
    old, new = side(tmp_path / "a", files=1), side(tmp_path / "b", 1.5, first=11, files=1)
    found = compare(old, new)
    assert (found.verdict, found.exit_status) == ("INCONCLUSIVE", 4)
    assert "3 files a side" in found.verdicts[0].reason
    assert found.verdicts[0].effect == pytest.approx(0.5)


def test_many_files_on_one_side_do_not_make_up_for_one_on_the_other(tmp_path):
    found = compare(side(tmp_path / "a"), side(tmp_path / "b", 1.5, first=11, files=1))
    assert found.verdict == "INCONCLUSIVE"


def test_another_host_is_not_comparable(tmp_path):
    old, new = side(tmp_path / "a"), side(tmp_path / "b", first=11, node="builder-8")
    assert compare(old, new).verdict == "NOT-COMPARABLE"
    assert "builder" not in str(compare(old, new))


def test_the_commit_is_listed_among_what_differs(tmp_path):
    old, new = side(tmp_path / "a"), side(tmp_path / "b", first=11)
    new[-1].software["commit"] = "another"
    assert [change.what for change in compare(old, new).changes] == ["commit"]


@pytest.mark.parametrize(
    "broken",
    [
        {**FILE, "benchmarks": []},
        {**FILE, "benchmarks": {}},
        {**FILE, "benchmarks": [1]},
        {**FILE, "benchmarks": [{"name": "x"}]},
        {**FILE, "benchmarks": [{"name": "x", "stats": {"median": 0}}]},
        {**FILE, "benchmarks": [{"name": "x", "stats": {"median": "1"}}]},
        {**FILE, "benchmarks": [{"name": "x", "stats": {"median": True}}]},
        {**FILE, "benchmarks": [{"name": "x", "stats": {"median": float("nan")}}]},
        {**FILE, "benchmarks": [{"name": 5, "stats": {"median": 1.0}}]},
        {**FILE, "benchmarks": [{"name": "x", "stats": {"median": 10**400}}]},
        {**FILE, "benchmarks": [{"name": "x", "stats": {"median": 5e-324}}]},
        {**FILE, "benchmarks": [{"name": "x" * 5000, "stats": {"median": 1.0}}]},
        {**FILE, "benchmarks": FILE["benchmarks"] * 2},
        {**FILE, "machine_info": []},
    ],
)
def test_a_broken_file_is_refused_in_one_line(broken):
    with pytest.raises(UnreadableInput, match=r"file\.json"):
        session_in(broken, "file.json")


MACHINE = Machine(
    device="cuda",
    name="NVIDIA H100 80GB HBM3",
    gpu="a" * 16,
    host="b" * 16,
    cpu_model="A CPU",
    cpu_count=8,
    memory_bytes=80 * 2**30,
)


def of_machine(machine, software=(), state="ok", **facts):
    plain = file()
    plain["machine_info"]["gpubench"] = machine_section(machine, dict(software))
    for entry in plain["benchmarks"]:
        entry["extra_info"]["gpubench"] = {"state": state, "facts": facts}
    return session_in(plain, "file.json")


def test_the_machine_is_read_back_as_it_was_written():
    session = of_machine(MACHINE, {"torch": "2.8.0"})
    assert {cell.machine for cell in session.cells.values()} == {MACHINE}
    assert session.software["torch"] == "2.8.0"


def test_another_gpu_of_the_same_host_is_not_comparable():
    other = of_machine(dataclasses.replace(MACHINE, gpu="c" * 16))
    assert "different GPUs" in compare([of_machine(MACHINE)], [other]).verdicts[0].reason


def test_another_batch_size_is_another_workload():
    olds, news = ([of_machine(MACHINE, **{"batch size": size})] for size in (8, 16))
    assert "batch size 8 and 16" in compare(olds, news).verdicts[0].reason


def test_one_file_of_a_gpu_is_inconclusive_too():
    assert compare([of_machine(MACHINE)], [of_machine(MACHINE)]).verdict == "INCONCLUSIVE"


@pytest.mark.parametrize("device", ["../../..", "///", 5, None, {"a": 1}])
def test_a_device_is_one_of_those_known(device):
    session = of_machine(dataclasses.replace(MACHINE, device=device))
    assert {cell.machine.device for cell in session.cells.values()} == {"other"}


def test_times_that_did_not_settle_on_one_side_alone_are_inconclusive():
    old = [dataclasses.replace(of_machine(MACHINE), created=str(n)) for n in range(3)]
    new = [of_machine(MACHINE, state="unstable") for _ in range(3)]
    found = compare(old, new)
    assert found.verdict == "INCONCLUSIVE"
    assert "did not settle" in found.verdicts[0].reason


@pytest.mark.parametrize("state", ["invalid", "not-measured", 7, None, ["ok"]])
def test_a_state_of_a_file_that_has_times_is_one_that_counts(state):
    session = of_machine(MACHINE, state=state)
    assert {cell.state for cell in session.cells.values()} == {"ok"}
