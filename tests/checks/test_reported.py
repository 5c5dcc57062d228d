"""What a pasted report says of its own trouble, and what that leads to."""

import pytest

from gpubench.checks.outcome import Status
from gpubench.checks.report import exit_status, make_report
from gpubench.checks.running import run_checks
from gpubench.env.readers.registry import read_report
from gpubench.errors import ExitStatus, UnreadableInput
from tests.checks.healthy import HEALTHY, judge

HEAD = """PyTorch version: {torch}
CUDA used to build PyTorch: {cuda}
OS: Ubuntu 22.04.4 LTS (x86_64)
Python version: 3.10.12 (main) [GCC 11.4.0] (64-bit runtime)
Is CUDA available: {available}
GPU models and configuration: {gpu}
Nvidia driver version: {driver}
"""
GOOD = {
    "torch": "2.6.0+cu124",
    "cuda": "12.4",
    "available": "True",
    "gpu": "GPU 0: NVIDIA A100-SXM4-80GB",
    "driver": "550.144.03",
}


def examined(text):
    snapshot = read_report(text.encode(), "paste")
    return make_report(snapshot, run_checks(snapshot))


def paste(symptom="", **changes):
    return examined(HEAD.format(**{**GOOD, **changes}) + f"\n{symptom}\n")


def causes(report):
    return [entry.cause for entry in report.diagnosis]


def test_a_report_that_fits_together_is_healthy():
    report = paste()
    assert report.verdict == "healthy"
    assert causes(report) == []


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"driver": "470.82.01", "available": "False"}, "driver-too-old"),
        ({"driver": "Could not collect", "gpu": "Could not collect", "available": "False"},
         "driver-absent"),
        ({"torch": "2.6.0+cpu", "cuda": "None", "available": "False"}, "torch-cpu-build"),
        ({"gpu": "GPU 0: NVIDIA GeForce RTX 5090"}, "gpu-arch-unsupported"),
        ({"available": "False"}, "device-access"),
    ],
)  # fmt: skip
def test_what_stands_in_the_report_is_enough(changes, cause):
    report = paste(**changes)
    assert causes(report) == [cause]
    assert exit_status(report, fail_on="error") is ExitStatus.NO


def test_a_build_without_cuda_is_no_fault_until_somebody_misses_the_gpu():
    plain = "PyTorch version: 2.6.0+cpu\nCUDA used to build PyTorch: None\n"
    assert causes(examined(plain)) == []
    assert causes(examined(plain + "\ntorch.cuda.is_available() returns False\n")) == [
        "torch-cpu-build"
    ]


def test_the_symptom_leads_what_the_report_shows_beside_it():
    report = paste("ImportError: libtorch_cuda.so: undefined symbol: ncclCommSplit",
                   gpu="GPU 0: NVIDIA GeForce RTX 5090")  # fmt: skip
    assert causes(report) == ["nccl-mismatch", "gpu-arch-unsupported"]


def test_a_line_that_another_cause_explains_is_folded_under_it():
    report = paste("RuntimeError: No CUDA GPUs are available", driver="470.82.01",
                   available="False")  # fmt: skip
    assert causes(report) == ["driver-too-old"]
    line = next(line for line in report.checks if line.id == "log.error")
    assert (line.status, line.reason) == ("skip", "blocked by cuda.floor")


def test_a_mere_possibility_does_not_lead():
    report = paste("training hangs with 2 GPUs", driver="470.82.01", available="False")
    assert causes(report) == ["driver-too-old", "p2p-broken"]


def test_a_driver_older_than_the_toolkit_of_its_major_is_no_alarm():
    assert causes(paste(driver="535.183.01", cuda="12.8", torch="2.10.0+cu128")) == []


def test_accelerates_cpu_setting_hides_a_gpu_that_is_there():
    report = examined(
        "- `Accelerate` version: 0.34.2\n- PyTorch version (GPU?): 2.4.0+cu121 (True)\n"
        "- `Accelerate` default config:\n        - use_cpu: True\n"
    )
    assert causes(report) == ["devices-hidden"]


def test_a_setting_on_a_machine_without_a_gpu_is_a_note():
    report = examined(
        "- `Accelerate` version: 0.34.2\n- PyTorch version (GPU?): 2.4.0+cpu (False)\n"
        "- `Accelerate` default config:\n        - use_cpu: True\n"
    )
    assert causes(report) == []


def test_in_a_container_an_absent_driver_is_one_that_was_not_handed_in():
    report = examined("docker run -it torch bash\nFound no NVIDIA driver on your system\n")
    assert causes(report) == ["container-no-gpu"]


def test_an_error_line_alone_is_enough():
    report = examined("AssertionError: Torch not compiled with CUDA enabled")
    assert causes(report) == ["torch-cpu-build"]


@pytest.mark.parametrize(
    "text", ["", "   \n\n", "hello world", "x" * 10_000, "# a heading\n\ntext"]
)
def test_a_paste_without_a_line_on_record_could_not_be_asked(text):
    with pytest.raises(UnreadableInput):
        examined(text)


@pytest.mark.parametrize("check", ["log.report", "log.error", "env.launcher", "cuda.available"])
def test_a_live_machine_is_not_asked(check):
    assert judge(check, HEALTHY).status is Status.SKIP


def test_what_is_missing_is_said():
    report = examined("PyTorch version: 2.6.0+cu124\n")
    line = next(line for line in report.checks if line.id == "log.report")
    assert "the driver's release" in line.reason
    assert report.verdict == "undetermined"


def test_a_driver_of_windows_is_held_to_the_floor_of_windows():
    old = {"torch": "1.5.0+cu101", "cuda": "10.1", "available": "False", "gpu": "GPU 0: GTX 1080"}
    linux = paste(**old, driver="418.50")
    windows = HEAD.replace("OS: Ubuntu 22.04.4 LTS (x86_64)", "OS: Microsoft Windows 10 Pro")
    assert "driver-too-old" not in causes(linux)
    assert causes(examined(windows.format(**old, driver="418.50"))) == ["driver-too-old"]


def test_what_was_available_was_not_too_old():
    assert causes(paste(driver="470.82.01")) == []


@pytest.mark.parametrize("version", ["2.6.0a0+git1234567", "2.6.0a0+df5bbc09d1.nv24.12"])
def test_a_torch_built_from_source_is_in_no_table(version):
    assert causes(paste(torch=version, gpu="GPU 0: NVIDIA GeForce RTX 5090")) == []


def test_a_library_of_another_release_than_the_table_has_is_named():
    listed = "[pip3] torch==2.6.0\n[pip3] nvidia-cudnn-cu12=={}\n"
    assert causes(paste(listed.format("9.1.0.70"))) == []
    assert causes(paste(listed.format("8.9.2.26"))) == ["cudnn-mismatch"]
    assert causes(paste("[pip3] torch==2.6.0\n")) == []


@pytest.mark.parametrize(
    ("symptom", "available", "hidden"),
    [
        ("CUDA_VISIBLE_DEVICES=3 python x.py\nRuntimeError: No CUDA GPUs are available", "N/A",
         ["devices-hidden"]),
        ("CUDA_VISIBLE_DEVICES=3 python x.py\nValueError: shapes differ", "True", []),
        ("CUDA_VISIBLE_DEVICES=1 python x.py\nValueError: shapes differ", "True", []),
        ("CUDA_VISIBLE_DEVICES='' python x.py", "False", ["devices-hidden"]),
    ],
)  # fmt: skip
def test_a_mask_counts_where_gpus_are_missed(symptom, available, hidden):
    found = causes(paste(symptom, available=available))
    assert [cause for cause in found if cause == "devices-hidden"] == hidden
