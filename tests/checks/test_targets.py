"""An environment judged for machines that are not here."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.checks.registry import CHECKS
from gpubench.checks.report import make_report
from gpubench.checks.running import run_checks
from gpubench.checks.targets import aim, aimed, known_gpus, read_target
from gpubench.env.snapshot import CudaInit, Proof
from gpubench.errors import BadUsage
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU

ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")


def on_cpu(snapshot=HEALTHY):
    """The environment on a machine without a GPU, where torch computed on the CPU."""
    run = dataclasses.replace(
        HEALTHY.torch_run,
        cuda_available=False,
        devices=(),
        proofs=(Proof(what="gemm", device="cpu", dtype="fp32", error=1e-7, limit=1e-4),),
    )
    return h.change(snapshot, driver=NO_GPU.driver, gpus=(), cuda_init=None, torch_run=run)


def report(snapshot, gpus=(), driver=None):
    target = read_target(gpus, driver)
    results = run_checks(aim(snapshot, target), checks=aimed(CHECKS, target))
    return make_report(snapshot, results, target=target)


def line(found, check_id):
    return next(line for line in found.checks if line.id == check_id)


def failed(found):
    return [line.id for line in found.checks if line.status == "fail"]


def test_an_image_that_runs_on_its_targets_is_healthy_where_there_is_no_gpu():
    found = report(on_cpu(), ("H100", "A100", "L4"), "580.65.06")
    assert found.verdict == "healthy"
    assert line(found, "torch.arch").status == "pass"
    assert line(found, "cuda.floor").status == "pass"
    assert line(found, "fn.gemm").status == "pass"


def test_what_looks_at_the_machine_is_skipped_and_says_for_whom_it_was_judged():
    found = report(on_cpu(), ("H100",), "580.65.06")
    for check_id in ("drv.module", "nvml.load", "gpu.count", "ecc.mode", "cuda.init", "host.shm"):
        assert line(found, check_id).status == "skip"
        assert "H100 (9.0), driver 580.65.06, which is not here" in line(found, check_id).reason


def test_each_target_is_judged_and_the_one_without_code_is_named():
    old = h.with_torch(on_cpu(), architectures=("sm_80", "sm_86", "sm_90"))
    old = h.with_run(old, architectures=())
    found = report(old, ("H100", "B200"), "580.65.06")
    assert failed(found) == ["torch.arch"]
    assert "B200 (10.0)" in line(found, "torch.arch").reason
    assert "no code for B200 (10.0)" in line(found, "torch.arch").reason


def test_the_remedy_is_a_build_that_runs_on_every_target():
    old = h.with_run(h.with_torch(on_cpu(), architectures=("sm_80",)), architectures=())
    finding = report(old, ("V100", "H100"), "580.65.06").findings[0]
    assert any(step.split(" -m ")[-1].startswith("pip install torch==") for step in finding.remedy)


def test_a_driver_that_is_too_old_is_found_before_the_image_is_built_in():
    found = report(on_cpu(), ("H100",), "515.65.01")
    assert failed(found) == ["cuda.floor"]
    assert found.verdict == "broken"
    assert "for H100 (9.0), driver 515.65.01" in line(found, "cuda.floor").reason


def test_a_cpu_build_is_an_error_for_a_machine_with_a_gpu():
    cpu = h.with_torch(on_cpu(), version="2.8.0+cpu", cuda=None, libraries=())
    for gpus, driver in ((("H100",), None), ((), "580.65.06")):
        found = report(cpu, gpus, driver)
        assert failed(found) == ["torch.cuda_build"]
        assert line(found, "torch.cuda_build").reason.startswith("for ")


def test_trouble_that_has_nothing_to_do_with_the_target_does_not_name_it():
    broken = h.with_distribution(on_cpu(), "nvidia-nccl-cu12", version="2.21.5")
    found = report(broken, ("H100",), "580.65.06")
    assert failed(found) == ["torch.nccl"]
    assert not line(found, "torch.nccl").reason.startswith("for ")


@pytest.mark.parametrize(
    ("gpus", "driver", "open_check", "words"),
    [
        (("H100",), None, "cuda.floor", "no --target-driver was named"),
        ((), "580.65.06", "torch.arch", "no --target-gpu was named"),
    ],
)
def test_half_a_target_leaves_the_verdict_open(gpus, driver, open_check, words):
    found = report(on_cpu(), gpus, driver)
    assert found.verdict == "undetermined"
    assert line(found, open_check).reason == words


def test_what_worked_on_the_gpus_here_proves_nothing_about_the_target():
    """Eight H100 compute; the target is a card for which this torch holds no code."""
    here = h.with_run(h.with_torch(HEALTHY, architectures=("sm_90",)), architectures=("sm_90",))
    assert failed(report(here, ("A100",), "580.65.06")) == ["torch.arch"]


def test_what_is_broken_on_the_gpus_here_says_nothing_about_the_target():
    sick = h.with_gpus(HEALTHY, ecc_uncorrected_volatile=7)
    sick = h.with_driver_version(sick, "470.57.02")
    sick = h.change(sick, cuda_init=CudaInit(code=802), environment={"CUDA_VISIBLE_DEVICES": ""})
    sick = h.with_run(sick, cuda_available=False, cuda_problem="no", devices=())
    found = report(sick, ("H100",), "580.65.06")
    assert failed(found) == []


def test_the_report_holds_the_machine_that_is_here():
    found = report(HEALTHY, ("B200",), "580.65.06")
    assert found.snapshot == HEALTHY
    assert [gpu.name for gpu in found.target.gpus] == ["B200"]


def test_no_check_breaks_on_a_target():
    for snapshot in (HEALTHY, NO_GPU, on_cpu()):
        found = report(snapshot, ("H100", "12.0"), "580.65.06")
        assert found.count(Status.CRASH) == 0


@pytest.mark.parametrize("name", known_gpus())
def test_every_gpu_on_record_may_be_a_target(name):
    assert read_target((name,), None).gpus[0].capability


def test_a_target_is_written_as_people_write_it():
    target = read_target(("h100", "rtx 4090", "12.1"), None)
    assert [gpu.capability for gpu in target.gpus] == ["9.0", "8.9", "12.1"]
    assert target.words == "h100 (9.0), rtx 4090 (8.9), a GPU of capability 12.1"


@pytest.mark.parametrize(
    ("gpus", "driver", "words"),
    [
        (("H1000",), None, "did you mean H100"),
        (("Voodoo",), None, "such as 9.0"),
        (("9",), None, "such as 9.0"),
        (("9.0a",), None, "such as 9.0"),
        ((), "580", "such as 580.65.06"),
        ((), "newest", "such as 580.65.06"),
        ((), "580.", "such as 580.65.06"),
    ],
)
def test_a_target_that_is_not_on_record_is_refused_with_what_to_give(gpus, driver, words):
    with pytest.raises(BadUsage, match=words):
        read_target(gpus, driver)


def test_without_a_target_there_is_none():
    assert read_target((), None) is None
