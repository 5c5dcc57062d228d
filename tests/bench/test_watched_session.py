"""From the driver to the record: a session on a GPU that the fake driver plays.

The sampler is a process of its own with the real NVML binding; only the training is made up.
"""

import time

import pytest

from gpubench.bench.record import read_record
from gpubench.env.sampler import sampling
from gpubench.gate.tables import comparison
from tests.bench.test_session import OnGpu, run
from tests.env.test_sampler import GPU, TRAINING
from tests.fakedriver import build

pytestmark = build.needs_cc


class Training(OnGpu):
    """Trains for a moment, with a window as a child reports it; then something may change."""

    def __init__(self, *meanwhile):
        super().__init__()
        self._meanwhile = list(meanwhile)

    def _healthy(self, job):
        answer = super()._healthy(job)
        if job.kind == "describe":
            answer["device"]["gpu"], answer["survey"] = GPU, {}
            answer["unsupported"]["amp-bf16"] = "one mode is enough"
        if job.kind == "measure":
            time.sleep(0.6)  # the sampler starts
            began = time.monotonic()
            time.sleep(0.4)
            answer["window_monotonic"] = [began, time.monotonic()]
            if self._meanwhile:
                self._meanwhile.pop(0)()
        return answer


@pytest.fixture
def driver(tmp_path, monkeypatch):
    def says(*lines):
        (tmp_path / "next").write_text(build.but(build.healthy(2), *lines, *TRAINING))
        (tmp_path / "next").replace(tmp_path / "scenario")

    for name, value in build.variables(tmp_path, "").items():
        monkeypatch.setenv(name, value)
    says()
    return says


def measured(folder, machine):
    """The processes of fp32 in the record, and its row and notes in the table."""
    run(folder, machine, sampling=sampling)
    record = read_record(folder)
    table = comparison(record)[0]
    of_mode = [m for m in record.measurements if m.mode == "fp32"]
    return of_mode, table.rows[0].texts["throughput"], "\n".join(table.notes)


def test_a_quiet_gpu_gives_plain_figures_with_telemetry(tmp_path, driver):
    processes, figure, _ = measured(tmp_path / "run", Training())
    assert [m.state for m in processes] == ["ok", "ok"]
    assert processes[0].telemetry["power_watts"] == 650.0
    assert not figure.startswith("~")


def test_held_clocks_are_in_the_record_and_marked_in_the_table(tmp_path, driver):
    driver("gpu.1.throttle 2", "gpu.1.clock.1 1200")
    processes, figure, notes = measured(tmp_path / "run", Training())
    assert [m.state for m in processes] == ["capped", "capped"]
    assert figure.startswith("~")
    assert "clocks held: application clocks hold the SM clock at 1 200 of 1 980 MHz" in notes


def test_an_xid_that_comes_once_costs_one_process(tmp_path, driver):
    driver("gpu.1.xid 94")
    processes, _, notes = measured(tmp_path / "run", Training(driver))
    assert [m.state for m in processes] == ["ok", "ok"]
    assert "1 process discarded and done again: Xid 94" in notes


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("gpu.1.xid 79", "Xid 79 (GPU has fallen off the bus) while it was measured"),
        ("gpu.1.processes 2", "1 other compute process(es) on the GPU"),
        ("gpu.1.throttle 64", "hardware thermal slow-down during 100% of the window"),
    ],
)
def test_a_fault_that_stays_gives_no_figure(tmp_path, driver, line, said):
    driver(line)
    processes, figure, notes = measured(tmp_path / "run", Training())
    assert [m.state for m in processes] == ["invalid", "invalid"]
    assert figure == "invalid"
    assert f"{said}, three times in a row" in notes
