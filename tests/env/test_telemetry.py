"""What a GPU did during a window, and what of it spoils a measurement."""

import hashlib
import io
import json
import os
import subprocess
import sys
import types

import pytest

from gpubench.env import telemetry_child
from gpubench.env.telemetry import Recorder, Telemetry, sampling, summarise
from tests.fakedriver import build


def sample(seconds=0.0, **changes):
    good = {
        "seconds": seconds,
        "sm_clock_mhz": 1980,
        "power_watts": 600.0,
        "temperature_c": 60,
        "energy_joules": 1000.0 + 600 * seconds,
        "throttle_reasons": 0x4,
        "processes": 1,
        "ecc_uncorrected": 0,
    }
    return {**good, **changes}


def recorder(*events):
    return Recorder(io.BytesIO("\n".join(map(json.dumps, events)).encode()))


def test_a_window_is_summarised_from_the_samples_inside_it():
    samples = [sample(at / 10, power_watts=100 if at < 10 else 600) for at in range(30)]
    seen = recorder(*samples).between(1.0, 2.0)
    assert seen.samples == 11
    assert seen.power_watts == 600
    assert seen.energy_joules == pytest.approx(600)
    assert seen.fault is None


def test_a_software_power_cap_is_recorded_and_no_fault():
    assert summarise([sample(), sample()]).throttled == {"software power cap": 1.0}


@pytest.mark.parametrize(
    ("mask", "name"),
    [(0x08, "hardware slow-down"), (0x40, "thermal"), (0x80, "power brake"), (0x49, "hardware")],
)
def test_one_sample_of_hardware_slow_down_is_a_fault(mask, name):
    seen = summarise([sample(), sample(throttle_reasons=mask), sample(), sample()])
    assert name in seen.fault
    assert "25%" in seen.fault


@pytest.mark.parametrize("mask", [0x0, 0x1, 0x2, 0x4, 0x5, 0x10, 0x20, 0x100])
def test_other_reasons_are_no_fault(mask):
    assert summarise([sample(throttle_reasons=mask)]).fault is None


def test_another_process_on_the_gpu_is_a_fault():
    assert "1 other compute process" in summarise([sample(), sample(processes=2)]).fault


def test_memory_errors_during_the_window_are_a_fault_and_older_ones_are_not():
    assert summarise([sample(ecc_uncorrected=3), sample(ecc_uncorrected=3)]).fault is None
    assert "2 uncorrected" in summarise([sample(), sample(ecc_uncorrected=2)]).fault


def test_what_the_gpu_does_not_tell_is_absent():
    assert summarise([{"seconds": 1.0}]) == Telemetry(samples=1)


def test_a_window_without_a_sample_says_so():
    assert recorder(sample(5.0)).between(1.0, 2.0).unavailable == "no reading fell into the window"


def test_a_last_line_still_being_written_is_passed_over():
    torn = Recorder(io.BytesIO(json.dumps(sample(1.0)).encode() + b'\n{"seco'))
    assert torn.between(0.0, 2.0).samples == 1


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


def test_a_machine_without_nvml_says_why_there_is_no_telemetry(tmp_path):
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
def test_the_real_binding_finds_the_gpu_by_its_hash_and_reads_it(tmp_path):
    uuid = b"GPU-00000000-0000-0000-0000-000000000001"
    program = "import sys; from gpubench.env.telemetry_child import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, hashlib.sha256(uuid).hexdigest()[:16]],
        env=build.variables(tmp_path, build.healthy(2)), input="",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (first, *_) = map(json.loads, done.stdout.splitlines())
    assert (first["power_watts"], first["temperature_c"]) == (70.0, 31)
    assert "sm_clock_mhz" not in first, "this driver has no such call, which is an absence"
