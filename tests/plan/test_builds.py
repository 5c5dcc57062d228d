"""Which builds run where, and why the others do not."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gpubench.knowledge.tables import driver_branches, torch_builds
from gpubench.plan.builds import best, judge_builds, matching
from gpubench.plan.machine import Machine, Target, of_snapshot, target, with_flags
from gpubench.plan.question import ask
from gpubench.versions import Version
from tests.checks.healthy import HEALTHY, NO_GPU

V = Version.parse
DRIVERS = ["450.80.02", "470.57.02", "525.60.13", "535.104.05", "570.26", "580.65.06", "615.1"]
GPUS = ["6.1", "7.0", "7.5", "8.0", "8.9", "9.0", "10.0", "12.0", "12.1"]


def machine(driver=None, gpu=None, python=None):
    return with_flags(Machine(), driver=driver, gpu=gpu, python=python)


def ruled_out(found, torch, cuda):
    return next(c for c in found if c.torch.startswith(torch) and c.cuda == cuda).reasons


def test_builds_are_listed_newest_first():
    found = [(V(c.torch), V(c.cuda)) for c in judge_builds(machine())]
    assert found == sorted(found, reverse=True)
    assert len(found) == len(torch_builds())


@pytest.mark.parametrize(
    ("driver", "gpu", "python", "torch", "cuda", "reason"),
    [
        ("535.104.05", "9.0", None, "2.9", "13.0", "driver 535.104.05 is older than 580.65.06"),
        ("580.65.06", "7.0", None, "2.9", "13.0", "no code for compute capability 7.0"),
        ("580.65.06", "9.0", "3.8", "2.8", "12.8", "built for Python 3.9 to 3.13, not for 3.8"),
        ("580.65.06", "13.0", None, "2.9", "13.0", "only PTX for compute capability 13.0"),
        ("615.1", "9.0", None, "2.12", "13.2", "experimental"),
        (None, "9.0", None, "2.8", "12.8", "the driver is not known; it takes 525.60.13"),
        ("580.65.06", None, None, "2.8", "12.8", "the GPU is not known"),
    ],
)
def test_each_build_that_is_ruled_out_has_its_reason(driver, gpu, python, torch, cuda, reason):
    found = judge_builds(machine(driver, gpu, python))
    assert reason in "; ".join(ruled_out(found, torch, cuda))


@settings(deadline=None)
@given(st.sampled_from(DRIVERS), st.sampled_from(DRIVERS), st.sampled_from(GPUS))
def test_a_newer_driver_runs_no_fewer_builds(one, other, gpu):
    older, newer = sorted((one, other), key=V)
    served = driver_branches(V(gpu))
    assume(served is None or served[1] is None)  # a newer driver leaves old cards behind

    def running(driver):
        found = judge_builds(machine(driver, gpu))
        return {(c.torch, c.cuda) for c in found if c.verdict == "runs"}

    assert running(older) <= running(newer)


@settings(deadline=None)
@given(st.sampled_from(DRIVERS), st.sampled_from(GPUS), st.sampled_from([None, "3.9", "3.12"]))
def test_the_best_choice_is_answered_with_yes(driver, gpu, python):
    asked = machine(driver, gpu, python)
    choice = best(judge_builds(asked))
    if choice is None:
        assert ask(asked, None, None).answer == ("unknown" if asked.knows_few_builds else "no")
    else:
        assert choice.verdict == "runs"
        assert ask(asked, V(choice.torch), V(choice.cuda)).answer == "yes"


@pytest.mark.parametrize(
    ("flags", "torch", "cuda", "status", "words"),
    [
        (("550.54.14", "H100"), "2.6", "12.1", 1, "its builds are for cu118, cu124, cu126"),
        (("550.54.14", "H100"), "2.6", "12.4", 0, "runs here"),
        (("470.57.02", "V100"), "2.8", "12.8", 1, "older than 525.60.13"),
        (("580.65.06", "RTX 5090"), "2.6", "12.4", 1, "no code for compute capability 12.0"),
        (("550.54.14", None), "2.6", "12.4", 4, "the GPU is not known"),
        ((None, "H100"), "2.6", "12.4", 4, "the driver is not known"),
        ((None, "RTX 5090"), "2.6", "12.4", 1, "no code"),
        ((None, None), "2.6", "12.4", 2, "neither driver nor GPU is known"),
        ((None, None), "2.6", "12.1", 1, "has no build for CUDA 12.1"),
        (("615.1", "H100"), "99.1", "13.2", 4, "not on record"),
        (("615.1", "H100"), "2.6.9", "12.4", 4, "newest patch of it on record is 2.6.0"),
        (("615.1", "H100"), "0.4", "9.0", 4, "not on record"),
        (("535.54.03", "13.0"), "2.9", "13.0", 1, "older than 580.65.06"),
        (("580.65.06", "13.0"), "2.9", "13.0", 0, "only PTX"),
        (("615.1", "H100"), "2.12", "13.2", 0, "experimental"),
    ],
)
def test_one_build_is_answered_with_yes_no_or_unknown(flags, torch, cuda, status, words):
    report = ask(machine(*flags), V(torch), V(cuda))
    assert report.status == status
    assert words in report.summary


def test_a_build_that_does_not_exist_comes_with_the_nearest_ones():
    report = ask(machine("550.54.14", "H100"), V("2.6"), V("12.1"))
    assert [c.cuda for c in report.builds] == ["12.4", "12.6", "11.8"]
    assert report.builds[0].install == "pip install torch==2.6.0"
    assert "2.5.1 have one for CUDA 12.1" in report.summary


def test_a_build_that_does_not_run_comes_with_one_that_does():
    report = ask(machine("470.57.02", "V100"), V("2.8"), V("12.8"))
    assert report.best.cuda == "11.8"
    assert report.best.verdict == "runs"


def test_a_gpu_newer_than_any_on_record_is_not_ruled_out():
    assert ask(machine("615.1", "20.0"), None, None).status == 0
    assert ask(machine(None, "20.0"), None, None).status == 4
    assert ask(machine("450.80.02", "12.0"), None, None).status == 1


def test_a_named_patch_release_is_the_one_installed():
    report = ask(machine("580.65.06", "H100"), V("2.7.0"), V("12.6"))
    assert report.best.install == "pip install torch==2.7.0"


def test_a_cuda_that_no_torch_was_built_for_is_a_no_with_neighbours():
    report = ask(machine("580.65.06", "H100"), None, V("12.2"))
    assert (report.status, report.builds[0].cuda) == (1, "12.1")


def test_a_machine_without_a_gpu_gets_the_line_for_the_cpu():
    report = ask(of_snapshot(NO_GPU), None, None)
    assert report.status == 0
    assert report.cpu_install.endswith("/whl/cpu")
    assert "no NVIDIA GPU" in report.summary


def test_a_snapshot_gives_driver_gpus_and_python():
    found = of_snapshot(HEALTHY)
    assert found.driver
    assert found.gpus
    assert found.python
    assert ask(found, None, None).status == 0


def test_flags_go_before_the_snapshot():
    found = with_flags(of_snapshot(HEALTHY), driver="470.57.02", gpu="V100, T4", python="3.9")
    assert found.driver == "470.57.02"
    assert [gpu.capability for gpu in found.gpus] == ["7.0", "7.5"]
    assert found.named == ("driver", "gpu", "python")


def test_an_architecture_without_a_build_on_record_is_not_judged():
    report = ask(Machine(architecture="riscv64", driver="580.65.06"), None, None)
    assert report.status == 4
    assert "riscv64" in report.summary


def test_arm_machines_are_judged_by_their_own_builds():
    grace = Machine(
        architecture="aarch64", driver="580.65.06", gpus=(Target(name="GH200", capability="9.0"),)
    )
    report = ask(grace, None, None)
    assert report.status == 0
    assert {build.cuda.major for build in matching(architecture="aarch64")} == {13}
    assert ask(grace, V("2.8"), V("12.8")).status == 4  # no such wheel is on record


@pytest.mark.parametrize("gpu", ["GH200", "GB200", "GB300", "GB10", "Thor", "12.1"])
def test_a_gpu_that_comes_with_an_arm_processor_is_planned_for_it(gpu):
    machine = with_flags(Machine(), driver="595.45", gpu=gpu, python=None)
    assert machine.architecture == "aarch64"
    report = ask(machine, None, None)
    assert report.status == 0
    assert all(V(build.torch) >= V("2.11") for build in report.builds)
    assert "planned for an Arm processor (aarch64)" in report.notes


def test_what_the_table_of_arm_builds_lacks_is_not_ruled_out():
    grace = with_flags(Machine(), driver="550.54.14", gpu="GH200", python=None)
    assert ask(grace, None, None).answer == "unknown"
    assert ask(grace, V("2.11"), V("12.6")).answer == "unknown"
    assert ask(grace, V("2.11"), V("13.0")).answer == "no"


def test_a_gpu_of_both_kinds_of_host_leaves_the_processor_as_it_was():
    assert with_flags(Machine(), driver=None, gpu="H100", python=None).architecture is None
    assert with_flags(Machine(), driver=None, gpu="H100,GH200", python=None).architecture is None


@pytest.mark.parametrize("gpu", ["Orin", "Xavier", "Jetson Nano", "Jetson TX2", "8.7"])
def test_a_jetson_is_left_to_the_wheels_of_jetpack(gpu):
    jetson = with_flags(Machine(), driver="540.4.0", gpu=gpu, python=None)
    report = ask(jetson, V("2.6"), V("12.6"))
    assert report.status == 4
    assert "JetPack" in report.summary


def test_a_gpu_that_is_not_on_record_leaves_the_answer_open():
    unknown = Machine(driver="580.65.06", gpus=(Target(name="Banana"),))
    assert "capability of Banana is not on record" in ask(unknown, V("2.8"), V("12.8")).summary
    assert ask(unknown, V("2.8"), V("12.8")).status == 4


@pytest.mark.parametrize(
    ("text", "capability"),
    [("9.0", "9.0"), ("sm_90", "9.0"), ("120", "12.0"), ("12.0", "12.0"), ("h100", "9.0"),
     ("RTX 4090", "8.9"), ("compute_86", "8.6")],
)  # fmt: skip
def test_a_gpu_is_named_by_name_or_by_capability(text, capability):
    assert target(text).capability == capability


def test_one_number_of_cuda_stands_for_its_whole_major():
    assert {build.cuda.major for build in matching(cuda=V("12"))} == {12}
