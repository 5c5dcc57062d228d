"""Every scenario of the fake driver, through the whole doctor and the real nvidia-ml-py."""

import json
import re

import pytest

from gpubench.cli.app import main
from gpubench.env import probe
from gpubench.env.sources import Sources
from tests.env.machine import OPEN, pci, tree
from tests.env.test_python_env import bare_python
from tests.fakedriver import build

pytestmark = build.needs_cc

SWITCHES = {
    f"0000:c{n}:00.0": {"device": "0x22a3", "kind": "0x068000"} for n in range(4)
}  # the NVSwitches of an HGX H100

HEALTHY = ("healthy", "throttle-idle", "mig-with-instances", "garbage")

QUICK = {
    "lost-gpu": ("gpu-hardware-fault", "gpu.handles"),
    "reset-required": ("gpu-hardware-fault", "gpu.handles"),
    "lost-while-read": ("gpu-hardware-fault", "gpu.handles"),
    "ecc-uncorrected": ("gpu-hardware-fault", "ecc.uncorrected"),
    "sram-threshold": ("gpu-hardware-fault", "ecc.sram_threshold"),
    "row-pending": ("gpu-hardware-fault", "rows.pending"),
    "row-failed": ("gpu-hardware-fault", "rows.failure"),
    "recovery-action": ("gpu-hardware-fault", "gpu.recovery_action"),
    "inforom": ("gpu-hardware-fault", "gpu.inforom"),
    "throttle-hardware": ("gpu-degraded", "clk.throttle_now"),
    "throttle-power-brake": ("gpu-degraded", "clk.throttle_now"),
    "throttle-thermal-and-cap": ("gpu-degraded", "clk.throttle_now"),
    "throttle-software-thermal": ("gpu-degraded", "clk.throttle_now"),
    "throttled-before": ("gpu-degraded", "clk.throttle_history"),
    "too-hot": ("gpu-degraded", "tmp.core"),
    "power-cap": ("gpu-degraded", "pwr.limit"),
    "clocks-set": ("gpu-degraded", "clk.limits"),
    "narrow-link": ("gpu-degraded", "pcie.width"),
    "mismatch": ("driver-library-mismatch", "drv.user_kernel_match"),
    "other-release": ("driver-library-mismatch", "drv.user_kernel_match"),
    "not-loaded": ("driver-absent", "nvml.load"),
    "init-blocked": ("device-access", "nvml.load"),
    "mig-without-instances": ("device-access", "gpu.mig"),
    "prohibited": ("device-access", "gpu.compute_mode"),
    "confidential-not-ready": ("device-access", "gpu.cc_mode"),
    "call-hangs": ("gpu-hardware-fault", "nvml.load"),
    "init-hangs": ("gpu-hardware-fault", "nvml.load"),
    "fabric-not-completed": ("fabric-manager", "fab.state"),
    "fabric-unhealthy": ("fabric-manager", "fab.state"),
    "nvlink-down": ("p2p-broken", "nvl.active"),
    "nvlink-recoveries": ("p2p-broken", "nvl.errors"),
    "p2p-chipset": ("p2p-broken", "nvl.p2p_status"),
    "fewer-than-bus": ("gpu-hardware-fault", "gpu.count"),
}

STANDARD = {
    "healthy": (None, None),
    "cuda-802": ("fabric-manager", "cuda.init"),
    "cuda-803": ("driver-library-mismatch", "cuda.init"),
    "cuda-804": ("driver-too-old", "cuda.init"),
    "cuda-999": ("device-access", "cuda.init"),
    "cuda-100": ("driver-absent", "cuda.init"),
    "cuda-34": ("library-path-shadowing", "cuda.init"),
    "fabric-not-completed": ("fabric-manager", "fab.state"),
    "mismatch": ("driver-library-mismatch", "drv.user_kernel_match"),
}


@pytest.fixture
def report(tmp_path, monkeypatch, capsys):
    """Asks the doctor of a machine whose files lie below a temporary root."""

    def ask(name, *without, level="quick", count=8, driver="580.82.07", switches=True, **files):
        scenario = build.named(name)
        place = {
            "/proc/driver/nvidia/version": OPEN.replace("580.82.07", driver),
            "/proc/modules": "nvidia_uvm 1 0\nnvidia 2 1 nvidia_uvm\n",
            "/proc/uptime": "86400.0 1.0\n",
            "/proc/1/comm": "systemd\n",
            "/proc/77/comm": "nv-fabricmanage\n",
            "/dev/kmsg": "",
            "/dev/nvidiactl": "",
            "/dev/nvidia-uvm": "",
        }
        for n in range(count):
            place |= {f"/dev/nvidia{n}": "", **pci(f"0000:{n + 1:02x}:00.0")}
        for address, kind in SWITCHES.items() if switches else ():
            place |= pci(address, **kind)
        place.update(files)
        tree(tmp_path / "root", place)
        variables = build.variables(tmp_path, scenario, *without)
        sources = Sources(root=tmp_path / "root", variables=variables)
        monkeypatch.setattr(probe, "Sources", lambda: sources)
        timeout = "20"
        if "hang" in name:
            monkeypatch.setattr(probe, "NVML_SECONDS", 2.0)
            timeout = "2"
        arguments = ["--level", level, "--python", bare_python(), "--timeout", timeout]
        status = main(["doctor", *arguments, "--format", "json"])
        found = json.loads(capsys.readouterr().out)
        assert (status == 1) is any(line["status"] == "fail" for line in found["checks"])
        return found

    return ask


def trouble(found):
    """Cause and first check of the diagnosis; what crashed is never overlooked."""
    assert [line for line in found["checks"] if line["status"] == "crash"] == []
    first = found["diagnosis"][0] if found["diagnosis"] else None
    return (first["cause"], first["because"][0]) if first else (None, None)


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_scenario_has_an_empty_diagnosis(report, name):
    assert trouble(report(name)) == (None, None)


@pytest.mark.parametrize("name", ["geforce", "geforce-pair", "a100-pcie"])
def test_what_a_card_does_not_have_is_no_fault(report, name):
    found = report(name, count=1 if name == "geforce" else 2, switches=False)
    assert trouble(found) == (None, None)
    assert found["verdict"] == "healthy"


@pytest.mark.parametrize(("name", "expected"), QUICK.items())
def test_a_fault_is_the_one_cause(report, name, expected):
    found = report(name)
    assert trouble(found) == expected
    assert [cause["cause"] for cause in found["diagnosis"]] == [expected[0]]


@pytest.mark.parametrize(("name", "expected"), STANDARD.items())
def test_what_cuda_answers_has_its_cause(report, name, expected):
    assert trouble(report(name, level="standard")) == expected


@pytest.mark.parametrize("name", ["cuda-hangs", "cuda-crashes"])
def test_a_cuda_that_does_not_come_back_takes_nothing_down(report, name):
    found = report(name, level="standard")
    lines = {line["id"]: line["status"] for line in found["checks"]}
    assert lines["cuda.init"] in ("fail", "unknown")
    assert lines["gpu.handles"] == "pass"


def test_an_older_library_answers_what_it_can(report):
    found = report("old-driver", "NEWER", "EVENT_REASONS", "REMAPPED_ROWS", driver="470.57.02")
    assert trouble(found) == (None, None)
    gpu = found["snapshot"]["gpus"][7]
    assert gpu["name"] == "NVIDIA H100 80GB HBM3"
    assert gpu["throttle_reasons"] == 1
    absent = ("rows_pending", "fabric_state", "ecc_sram_threshold_exceeded", "gsp_firmware")
    assert [gpu[field] for field in absent] == [None] * 4
    assert not any(path.startswith("gpus.") for path in found["snapshot"]["unread"])


def test_a_page_that_waits_is_found_on_a_gpu_before_ampere(report):
    found = report("v100-pages", count=1, switches=False)
    assert trouble(found) == ("gpu-hardware-fault", "pages.retired")


def test_another_vbios_is_said_and_makes_no_server_ill(report):
    found = report("mixed-vbios")
    assert trouble(found) == (None, None)
    (said,) = [f for f in found["findings"] if f["check"] == "gpu.homogeneous"]
    assert "GPU 6: 96.00.61.00.01" in said["summary"]


def test_a_library_that_crashes_is_unknown_and_not_a_fault(report):
    found = report("init-crashes")
    lines = {line["id"]: line for line in found["checks"]}
    assert lines["nvml.load"]["status"] == "unknown"
    assert "SIGABRT" in lines["nvml.load"]["reason"]
    assert trouble(found) == (None, None)


def test_a_lost_gpu_leaves_the_others_described(report):
    gpus = report("lost-gpu")["snapshot"]["gpus"]
    assert [gpu["error_code"] for gpu in gpus] == [None] * 7 + [15]
    assert gpus[6]["p2p_read"] == ["OK"] * 6 + ["X"]


def test_a_module_that_is_not_there_is_named_before_nvml(report):
    gone = {"/proc/driver/nvidia/version": "", "/proc/modules": ""}
    found = report("not-loaded", **gone)
    assert trouble(found)[0] == "driver-absent"


def test_a_fabric_without_its_manager_is_named(report):
    found = report("fabric-not-completed", **{"/proc/77/comm": "sshd"})
    assert trouble(found) == ("fabric-manager", "fab.manager")


def test_garbage_is_no_number_and_no_terminal_code(report):
    found = report("garbage")
    text = json.dumps(found, ensure_ascii=False)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    gpus = found["snapshot"]["gpus"]
    assert len(gpus) == 8
    assert found["snapshot"]["driver"]["nvml"]["device_count"] is None
    assert gpus[0]["name"] == "H100"
    assert gpus[1]["name"].startswith("H100")
    for index, field in ((4, "pcie_width"), (4, "pcie_replays"), (5, "ecc_uncorrected_volatile")):
        assert gpus[index][field] is None
    assert gpus[6]["compute_mode"] == "unknown (77)"
    assert len(gpus[7]["nvlinks"]) <= 64


def test_every_scenario_is_played():
    played = {*HEALTHY, *QUICK, *STANDARD, "cuda-hangs", "cuda-crashes", "old-driver"}
    played |= {"v100-pages", "mixed-vbios", "init-crashes", "geforce", "geforce-pair", "a100-pcie"}
    assert played == {path.stem for path in build.SCENARIOS.glob("*.txt")} - {"gpu"}
