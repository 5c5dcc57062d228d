"""The sampler reads what a driver says while a job runs, and ends with it."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
import types

import pytest

from gpubench.env import telemetry_child
from gpubench.env.sampler import Recorder, sampling
from tests.env.test_telemetry import sample
from tests.fakedriver import build

UUID = b"GPU-00000000-0000-0000-0000-000000000001"
GPU = hashlib.sha256(UUID).hexdigest()[:16]

TRAINING = (
    "gpu.1.clock.1 1950", "gpu.1.clock_max.1 1980", "gpu.1.clock_boost.1 1980",
    "gpu.1.power_mw 650000", "gpu.1.energy_mw 650000", "gpu.1.throttle 4", "gpu.1.processes 1",
    "gpu.1.utilization 99 60", "gpu.1.temperature 61",
)  # fmt: skip
"""A GPU at full load, as the second of two."""


@pytest.fixture
def recorder(tmp_path):
    with (tmp_path / "events").open("w+b") as output:

        def of(*events):
            output.write("\n".join(map(json.dumps, events)).encode())
            output.flush()
            return Recorder(output)

        yield of


def test_a_window_is_summarised_from_the_samples_inside_it(recorder):
    samples = [sample(at / 10, power_watts=100 if at < 10 else 600) for at in range(30)]
    seen = recorder(*samples).between(1.0, 2.0)
    assert seen.samples == 11
    assert seen.power_watts == 600
    assert seen.energy_joules == pytest.approx(600)
    assert seen.fault is None


def test_a_window_without_a_sample_says_so(recorder):
    seen = recorder(sample(5.0)).between(1.0, 2.0)
    assert seen.unavailable == "no reading fell into the window"


def test_a_last_line_still_being_written_is_passed_over(recorder, tmp_path):
    torn = recorder(sample(1.0), sample(1.5))
    os.truncate(tmp_path / "events", (tmp_path / "events").stat().st_size - 9)
    assert torn.between(0.0, 2.0).samples == 1


def test_the_latest_reading_is_the_last_whole_one(recorder):
    assert recorder({"limits": {}}).latest() is None
    assert recorder("", *[sample(at / 10) for at in range(200)]).latest()["seconds"] == 19.9


def test_looking_does_not_move_where_the_sampler_writes(recorder, tmp_path):
    taken = recorder(sample(1.0), "")
    taken.latest()
    taken.between(0.0, 2.0)
    assert os.lseek(taken._output.fileno(), 0, os.SEEK_CUR) == (tmp_path / "events").stat().st_size


def test_an_xid_at_any_time_of_the_job_is_kept(recorder):
    told = {"limits": {}, "xid_watch": "NVML"}
    seen = recorder(told, {"xid": 13}, sample(1.5), {"xid": 79}).between(1.0, 2.0)
    assert (seen.xids, seen.xid_watch) == ((13, 79), "NVML")
    assert recorder().xids() == (13, 79)


class NVMLError(Exception):
    pass


def fake_nvml():
    def missing(*arguments):
        raise NVMLError("not supported")

    return types.SimpleNamespace(
        NVMLError=NVMLError,
        NVML_CLOCK_SM=1,
        NVML_TEMPERATURE_GPU=0,
        nvmlDeviceGetClockInfo=lambda gpu, kind: 1755,
        nvmlDeviceGetPowerUsage=lambda gpu: 350_000,
        nvmlDeviceGetTemperature=lambda gpu, kind: 55,
        nvmlDeviceGetTotalEnergyConsumption=missing,
        nvmlDeviceGetCurrentClocksEventReasons=missing,
        nvmlDeviceGetCurrentClocksThrottleReasons=lambda gpu: 4,
        nvmlDeviceGetComputeRunningProcesses=lambda gpu: [1, 2],
    )


def test_a_sample_leaves_out_what_is_not_supported_and_takes_the_older_call():
    found = telemetry_child.sample(fake_nvml(), gpu=object())
    del found["seconds"]
    assert found == {
        "sm_clock_mhz": 1755,
        "power_watts": 350.0,
        "temperature_c": 55,
        "throttle_reasons": 4,
        "processes": 2,
    }


def test_a_machine_without_nvml_says_why_there_is_no_telemetry():
    if os.path.exists("/proc/driver/nvidia"):  # noqa: PTH110
        pytest.skip("this machine has a driver")
    program = "import sys; from gpubench.env.telemetry_child import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "0" * 16], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["unavailable"].startswith("NVML: ")


def test_a_sampler_ends_with_its_block():
    with sampling(hashlib.sha256(b"GPU-none").hexdigest()[:16]) as taken:
        assert taken.between(0.0, 1.0).samples == 0


@build.needs_cc
def test_a_sampler_ends_with_the_process_that_started_it(tmp_path):
    program = (
        "import os, pathlib, signal, sys, time\n"
        "from gpubench.env.sampler import sampling\n"
        "with sampling(sys.argv[1]) as recorder:\n"
        "    while recorder.latest() is None: time.sleep(0.02)\n"
        "    me = os.getpid()\n"
        "    print(pathlib.Path(f'/proc/{me}/task/{me}/children').read_text(), flush=True)\n"
        "    os.kill(me, signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, GPU], stdout=subprocess.PIPE, check=False, timeout=60,
        env=build.variables(tmp_path, build.healthy(2)),
    )  # fmt: skip
    ends = time.monotonic() + 10
    while os.path.exists(f"/proc/{int(done.stdout)}"):  # noqa: PTH110
        assert time.monotonic() < ends
        time.sleep(0.05)


@contextlib.contextmanager
def driven(tmp_path, monkeypatch, *lines):
    """The real sampler on the real binding over the fake driver, as soon as it has read."""
    for name, value in build.variables(tmp_path, build.but(build.healthy(2), *lines)).items():
        monkeypatch.setenv(name, value)
    with sampling(GPU) as recorder:
        ends = time.monotonic() + 20
        while (first := recorder.latest()) is None:
            assert time.monotonic() < ends
            time.sleep(0.02)
        yield recorder, first["seconds"]


def window(tmp_path, monkeypatch, *lines, seconds=0.6):
    with driven(tmp_path, monkeypatch, *lines, *TRAINING) as (recorder, began):
        time.sleep(seconds)
        return recorder.between(began, began + seconds)


@build.needs_cc
def test_the_real_binding_finds_the_gpu_by_its_hash_and_reads_it(tmp_path, monkeypatch):
    seen = window(tmp_path, monkeypatch)
    assert seen.samples >= 3
    assert (seen.sm_clock_mhz, seen.sm_clock_mhz_most, round(seen.utilization, 2)) == (
        1950, 1980, 0.99,
    )  # fmt: skip
    assert (seen.power_watts, seen.temperature_c, seen.processes) == (650.0, 61, 1)
    assert seen.energy_joules == pytest.approx(650 * 0.6, rel=0.05)
    assert (seen.fault, seen.cap, seen.xids, seen.xid_watch) == (None, None, (), "NVML")
    assert seen.series["power_watts"] == (650.0,)


@build.needs_cc
@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("gpu.1.xid 79", "Xid 79 (GPU has fallen off the bus) while it was measured"),
        ("gpu.1.processes 3", "2 other compute process(es) on the GPU"),
        ("gpu.1.throttle 72", "hardware slow-down during 100% of the window"),
    ],
)
def test_a_fault_that_the_driver_tells_is_one(tmp_path, monkeypatch, line, fault):
    assert window(tmp_path, monkeypatch, line).fault == fault


@build.needs_cc
def test_an_xid_of_another_gpu_is_none_of_this_one(tmp_path, monkeypatch):
    assert window(tmp_path, monkeypatch, "gpu.0.xid 79").xids == ()


@build.needs_cc
def test_every_xid_is_told_once(tmp_path, monkeypatch):
    assert window(tmp_path, monkeypatch, "gpu.1.xid 13 48").xids == (13, 48)


@build.needs_cc
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("gpu.1.throttle 2", "gpu.1.clock.1 1200"), "application clocks hold the SM clock at"),
        (("gpu.1.throttle 0", "gpu.1.clock.1 1500"), "locked clocks? SM clock at 1 500 of 1 980"),
    ],
)
def test_a_cap_that_the_driver_tells_or_does_not_is_found(tmp_path, monkeypatch, lines, said):
    seen = window(tmp_path, monkeypatch, *lines)
    assert seen.cap.startswith(said)
    assert seen.fault is None


@build.needs_cc
def test_memory_errors_that_come_during_the_window_are_counted(tmp_path, monkeypatch):
    with driven(tmp_path, monkeypatch, *TRAINING) as (recorder, began):
        time.sleep(0.3)
        scenario = build.but(build.healthy(2), "gpu.1.ecc.1.0 4", *TRAINING)
        (tmp_path / "changed").write_text(scenario)
        (tmp_path / "changed").replace(tmp_path / "scenario")
        time.sleep(0.4)
        assert recorder.between(began, began + 5).fault.startswith("4 uncorrected memory errors")
