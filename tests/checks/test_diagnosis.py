"""From results to a diagnosis."""

import dataclasses

import pytest

from gpubench.checks.diagnosis import CAUSES, diagnose
from gpubench.checks.report import exit_status, make_report
from gpubench.checks.running import run_checks
from gpubench.env.snapshot import Driver, Host, Snapshot
from gpubench.errors import ExitStatus
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK
from tests.checks.test_container import NOT_HANDED_IN
from tests.checks.test_driver import NOT_LOADED


def diagnosis(snapshot, **options):
    return diagnose(snapshot, run_checks(snapshot, **options))


def causes(snapshot):
    return [cause.cause for cause in diagnosis(snapshot).causes]


@pytest.mark.parametrize("snapshot", [HEALTHY, QUICK])
def test_a_healthy_machine_has_an_empty_diagnosis(snapshot):
    assert causes(snapshot) == []
    assert diagnosis(snapshot).verdict == "healthy"
    assert diagnosis(snapshot).findings == ()


def test_a_machine_without_a_gpu_is_no_gpu_and_not_ill():
    assert causes(NO_GPU) == []
    assert diagnosis(NO_GPU).verdict == "no-gpu"


@pytest.mark.parametrize("cuda", ["12.8", "13.0", None])
def test_a_machine_without_a_gpu_is_not_ill_whatever_the_build(cuda):
    snapshot = h.with_torch_release(NO_GPU, "2.10.0", cuda, None)
    assert diagnosis(snapshot).verdict == "no-gpu"


def test_a_broken_environment_is_broken_without_a_gpu_too():
    broken = h.with_distribution(NO_GPU, "nvidia-cudnn-cu12", version="9.1.0.70")
    assert causes(broken) == ["cudnn-mismatch"]
    assert diagnosis(broken).verdict == "broken"


@pytest.mark.parametrize(
    ("snapshot", "cause"),
    [
        (NOT_LOADED, "driver-absent"),
        (NOT_HANDED_IN, "container-no-gpu"),
        (h.with_driver(HEALTHY, version="570.86.15"), "driver-library-mismatch"),
        (h.with_driver_version(QUICK, "470.57.02"), "driver-too-old"),
        (h.with_torch_release(QUICK, "2.8.0", None, None), "torch-cpu-build"),
        (h.with_torch(QUICK, architectures=("sm_70", "sm_80")), "gpu-arch-unsupported"),
        (h.with_distribution(QUICK, "nvidia-nccl-cu12", version="2.21.5"), "nccl-mismatch"),
        (
            h.with_distribution(QUICK, "torchvision", version="0.18.0", requires=("torch==2.3.0",)),
            "torch-companion-mismatch",
        ),
        (h.with_gpu(QUICK, 3, error_code=15), "gpu-hardware-fault"),
        (h.with_gpu(HEALTHY, 3, throttle_reasons=0x40), "gpu-degraded"),
        (h.change(QUICK, environment={"CUDA_VISIBLE_DEVICES": "-1"}), "devices-hidden"),
        (
            h.change(QUICK, toolchain=dataclasses.replace(QUICK.toolchain, cc=None, cxx=None)),
            "compiler-missing",
        ),
    ],
)
def test_one_defect_gives_one_cause(snapshot, cause):
    assert causes(snapshot) == [cause]


def test_a_governor_does_not_make_a_server_ill():
    tuned = h.with_gpus(HEALTHY, persistence=False)
    assert causes(tuned) == []
    assert diagnosis(tuned).verdict == "healthy"
    assert [finding.severity for finding in diagnosis(tuned).findings] == ["warning"]


def test_errors_go_before_warnings_and_the_machine_before_the_environment():
    worse = h.change(
        h.with_distribution(QUICK, "nvidia-nccl-cu12", version="2.21.5"),
        toolchain=dataclasses.replace(QUICK.toolchain, cc=None, cxx=None),
    )
    worse = h.with_gpu(worse, 0, rows_failed=True)
    assert causes(worse) == ["gpu-hardware-fault", "nccl-mismatch", "compiler-missing"]


def test_a_note_never_enters_a_diagnosis():
    found = diagnosis(h.with_driver_version(QUICK, "535.104.05"))
    assert found.causes == ()
    assert "note" in {finding.severity for finding in found.findings}


def test_535_with_cuda_12_4_is_no_fault():
    """torch's CUDA newer than what nvidia-smi prints: minor-version compatibility."""
    stack = h.with_torch_release(QUICK, "2.6.0", "12.4", ("sm_80", "sm_90"))
    stack = h.with_driver_version(stack, "535.104.05")
    assert causes(stack) == []
    assert exit_status(report(stack), fail_on="error") is ExitStatus.YES


def test_a_server_without_torch_is_judged_by_its_driver_and_gpus():
    bare = h.change(h.without_distribution(QUICK, "torch"), torch=None)
    found = diagnosis(bare)
    assert (found.verdict, found.causes) == ("healthy", ())
    assert any("pip install torch==" in step for f in found.findings for step in f.remedy)


def test_what_is_not_known_is_undetermined():
    dark = Snapshot(source="collect_env", torch=HEALTHY.torch)
    assert diagnosis(dark).verdict == "undetermined"


@pytest.mark.parametrize("machine", [NO_GPU, QUICK])
def test_an_interpreter_that_does_not_answer_is_the_one_finding(machine):
    mute = h.change(machine, python=None, torch=None, toolchain=None, unread={"python": "it died"})
    found = diagnosis(mute)
    assert found.verdict == "broken"
    assert [finding.check for finding in found.findings] == ["torch.present"]
    assert found.findings[0].summary == "it died"


def report(snapshot, **options):
    return make_report(snapshot, run_checks(snapshot, **options))


WARNED = h.with_gpus(HEALTHY, persistence=False)
FAILED = h.with_gpu(HEALTHY, 0, rows_failed=True)


@pytest.mark.parametrize(
    ("snapshot", "fail_on", "status"),
    [
        (HEALTHY, "warning", ExitStatus.YES),
        (WARNED, "error", ExitStatus.YES),
        (WARNED, "warning", ExitStatus.NO),
        (FAILED, "error", ExitStatus.NO),
        (FAILED, "never", ExitStatus.YES),
        (NO_GPU, "error", ExitStatus.YES),
    ],
)
def test_the_exit_status_follows_the_gravest_finding(snapshot, fail_on, status):
    assert exit_status(report(snapshot), fail_on=fail_on) is status


def test_a_required_gpu_fails_where_there_is_none_and_is_open_where_it_could_not_be_read():
    assert exit_status(report(NO_GPU, require_gpu=True), fail_on="error", require_gpu=True) is (
        ExitStatus.NO
    )
    blind = Snapshot(
        host=Host(), driver=Driver(), unread={"driver.nvml": "x", "driver.pci_devices": "x"}
    )
    assert exit_status(report(blind, require_gpu=True), fail_on="error", require_gpu=True) is (
        ExitStatus.INCONCLUSIVE
    )
    assert exit_status(report(HEALTHY, require_gpu=True), fail_on="error", require_gpu=True) is (
        ExitStatus.YES
    )


def test_causes_are_unique_and_every_trouble_names_one():
    assert len(set(CAUSES)) == len(CAUSES)


def test_a_gpu_of_amd_is_none_of_nvidia():
    amd = dataclasses.replace(
        NO_GPU,
        torch=dataclasses.replace(HEALTHY.torch, cuda=None, hip="6.3.42131"),
        torch_run=dataclasses.replace(HEALTHY.torch_run, cuda=None),
    )
    causes = [cause.cause for cause in diagnose(amd, run_checks(amd)).causes]
    assert "driver-absent" not in causes
    assert "torch-cpu-build" not in causes


@pytest.mark.parametrize(
    "unread",
    [
        {"driver": dataclasses.replace(HEALTHY.driver, nvml=None), "gpus": (),
         "unread": {"driver.nvml": "it was ended by SIGSEGV"}},
        {"torch_run": dataclasses.replace(
            HEALTHY.torch_run, ended="timeout", phase="import", version=None, proofs=(), seconds=1.0
        )},
    ],
    ids=["NVML", "torch"],
)  # fmt: skip
def test_what_could_not_be_read_at_its_root_is_not_healthy(unread):
    assert diagnosis(h.change(HEALTHY, **unread)).verdict == "undetermined"


def test_a_check_that_broke_leaves_the_verdict_open(monkeypatch):
    from gpubench.checks.registry import CHECKS

    broken = dataclasses.replace(CHECKS[0], judge=lambda snapshot: 1 / 0)
    results = run_checks(HEALTHY, checks=(broken, *CHECKS[1:]))
    assert diagnose(HEALTHY, results).verdict == "undetermined"


@pytest.mark.parametrize("chosen", [{"only": ["torch"]}, {"left_out": ["drv"]}])
def test_a_required_gpu_is_asked_for_whatever_is_chosen(chosen):
    results = run_checks(NO_GPU, require_gpu=True, **chosen)
    report = make_report(NO_GPU, results)
    assert exit_status(report, fail_on="error", require_gpu=True) is ExitStatus.NO
