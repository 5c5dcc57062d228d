"""A whole snapshot of this machine."""

import subprocess
import sys

import pytest

from gpubench.checks.diagnosis import diagnose
from gpubench.checks.running import run_checks
from gpubench.env import probe
from gpubench.env.nvml import NvmlAnswer
from gpubench.env.probe import interpreter, take_snapshot
from gpubench.env.python_env import PythonAnswer
from gpubench.env.snapshot import CudaInit, Torch, TorchDevice, TorchRun, digest
from gpubench.env.sources import Sources
from gpubench.errors import BadUsage
from tests.checks.healthy import results
from tests.env.machine import OPEN, pci, tree
from tests.env.test_python_env import bare_python
from tests.fakedriver import build
from tests.fakedriver.build import but, healthy


def test_a_quick_snapshot_describes_this_interpreter_and_imports_no_torch():
    script = """
import sys
from gpubench.env.probe import take_snapshot
snapshot = take_snapshot()
assert "torch" not in sys.modules and "pynvml" not in sys.modules
print(snapshot.python.version)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.strip() == ".".join(map(str, sys.version_info[:3]))


def test_two_snapshots_of_one_machine_have_one_digest():
    assert digest(take_snapshot()) == digest(take_snapshot())


def test_another_interpreter_is_examined_where_it_is_named():
    snapshot = take_snapshot(python=bare_python())
    assert snapshot.torch is None
    assert snapshot.python.kind == "venv"


@pytest.mark.parametrize("python", ["/no/such/python", "no-such-python", "/dev/null", "/"])
def test_an_interpreter_that_is_no_program_is_refused(python):
    with pytest.raises(BadUsage, match="no such program"):
        interpreter(python)


FILES = {
    "/proc/driver/nvidia/version": OPEN,
    "/proc/modules": "nvidia_uvm 1 0\nnvidia 2 1 nvidia_uvm\n",
    "/dev/kmsg": "",
    **{f"/dev/nvidia{n}": "" for n in range(8)},
    "/dev/nvidiactl": "",
    "/dev/nvidia-uvm": "",
}


def machine(tmp_path, scenario, level="quick", timeout=20.0):
    """A machine with a fake driver below a temporary root, without torch."""
    files = dict(FILES)
    for n in range(8):
        files.update(pci(f"0000:{n + 1:02x}:00.0"))
    tree(tmp_path / "root", files)
    sources = Sources(root=tmp_path / "root", variables=build.variables(tmp_path, scenario))
    return take_snapshot(level=level, python=bare_python(), timeout=timeout, sources=sources)


@build.needs_cc
def test_a_server_without_torch_is_described_and_healthy(tmp_path):
    snapshot = machine(tmp_path, healthy(), level="standard")
    found = results(snapshot, left_out=["host"])  # shared memory is this machine's own
    assert {k: r.outcome.reason for k, r in found.items() if r.outcome.is_trouble} == {}
    assert len(snapshot.gpus) == 8
    assert snapshot.cuda_init.device_count == 8


def patience(monkeypatch, line):
    """The time limit, for NVML too: short where the fault is that it does not come back."""
    if "hang" not in line:
        return 20.0
    monkeypatch.setattr(probe, "NVML_SECONDS", 2.0)
    return 2.0


SCENARIOS = {
    "gpu.7.handle error 15": "gpu.handles",
    "init error 18\ncuda.init error 803": "drv.user_kernel_match",
    "init error 17\ncuda.init error 100": "nvml.load",
    "driver_version 570.86.15": "drv.user_kernel_match",
    "gpu.3.ecc.1.0 1": "ecc.uncorrected",
    "gpu.0.rows 0 1 1 0": "rows.pending",
    "gpu.0.rows 0 1 0 1": "rows.failure",
    "gpu.5.throttle 0x40": "clk.throttle_now",
    "count 7\ncuda.count 7": "gpu.count",
    "gpu.1.compute_mode 2": "gpu.compute_mode",
    "gpu.2.mig 1 1": "gpu.mig",
    "cuda.init error 802": "cuda.init",
    "gpu.4.name hang\ncuda.init error 999": "nvml.load",
}


@build.needs_cc
@pytest.mark.parametrize(("line", "check"), SCENARIOS.items())
def test_every_fault_of_the_driver_gives_one_finding(tmp_path, monkeypatch, line, check):
    timeout = patience(monkeypatch, line)
    if line.startswith("gpu.2.mig"):
        line += "\ngpu.2.mig_slots 7"
    snapshot = machine(tmp_path, but(healthy(), line), level="standard", timeout=timeout)
    failed = [k for k, r in results(snapshot).items() if r.status.value == "fail"]
    assert failed == [check]


@build.needs_cc
@pytest.mark.parametrize(
    ("line", "check"),
    [
        (line, check)
        for line, check in SCENARIOS.items()  # the others show between two sources
        if check not in ("gpu.count", "cuda.init") and not line.startswith("driver_version")
    ],
)
def test_a_fault_is_found_where_nvml_alone_shows_the_gpus(tmp_path, monkeypatch, line, check):
    """No PCI bus, no /proc/driver/nvidia, no device nodes: what answered is believed."""
    timeout = patience(monkeypatch, line)
    if line.startswith("gpu.2.mig"):
        line += "\ngpu.2.mig_slots 7"
    tree(tmp_path / "root", {"/proc/modules": "", "/sys/bus/pci/devices/x/vendor": "0x8086"})
    variables = build.variables(tmp_path, but(healthy(), line))
    sources = Sources(root=tmp_path / "root", variables=variables)
    snapshot = take_snapshot(python=bare_python(), timeout=timeout, sources=sources)
    failed = [k for k, r in results(snapshot).items() if r.status.value == "fail"]
    assert failed == [check]


class Asked:
    """Stands for the children: what each was asked with, and what it answers."""

    def __init__(self, monkeypatch, *, devices=(), hip=None):
        self.cuda, self.nvml_seconds = 0, None
        torch = Torch(version="2.8.0", hip=hip)
        monkeypatch.setattr(probe, "ask_nvml", self.ask_nvml)
        monkeypatch.setattr(probe, "start_cuda", self.start_cuda)
        monkeypatch.setattr(probe, "inspect_python", lambda *_, **__: PythonAnswer(torch=torch))
        run = TorchRun(ended="done", devices=devices)
        monkeypatch.setattr(probe, "run_torch", lambda *_, **__: run)

    def ask_nvml(self, _sources, *, timeout, identify):
        self.nvml_seconds = timeout
        return NvmlAnswer(unread={"driver.nvml": "nvidia-ml-py: no module"})

    def start_cuda(self, *_, **__):
        self.cuda += 1
        return CudaInit(code=0, device_count=1)


H100 = TorchDevice(name="NVIDIA H100", capability="9.0", memory_bytes=80)


@pytest.mark.parametrize(
    ("files", "seen", "asked"),
    [
        ({"/dev/nvidia0": ""}, {}, 1),
        ({}, {"devices": (H100,)}, 1),
        ({}, {"devices": (H100,), "hip": "6.3"}, 0),
        ({}, {}, 0),
    ],
)
def test_cuda_is_asked_where_anything_shows_a_gpu_of_nvidia(
    tmp_path, monkeypatch, files, seen, asked
):
    children = Asked(monkeypatch, **seen)
    sources = tree(tmp_path, {"/proc/modules": "", **files})
    take_snapshot(level="standard", timeout=5.0, sources=sources)
    assert children.cuda == asked


def test_a_short_time_limit_does_not_shorten_that_of_nvml(tmp_path, monkeypatch):
    children = Asked(monkeypatch)
    take_snapshot(timeout=5.0, sources=tree(tmp_path))
    assert children.nvml_seconds == probe.NVML_SECONDS == 30.0


def test_a_sandbox_without_a_bus_has_no_gpu(tmp_path, monkeypatch):
    Asked(monkeypatch)
    snapshot = take_snapshot(sources=tree(tmp_path, {"/proc/modules": "", "/dev/null": ""}))
    assert snapshot.driver.pci_devices is None
    assert diagnose(snapshot, run_checks(snapshot)).verdict == "no-gpu"
