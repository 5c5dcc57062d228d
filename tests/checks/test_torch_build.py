"""The torch build."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpubench.checks.outcome import Status
from gpubench.knowledge.tables import torch_builds
from tests.checks.healthy import (
    NO_GPU,
    QUICK,
    change,
    judge,
    results,
    with_distribution,
    with_distributions,
    with_driver_version,
    with_gpus,
    with_torch,
    with_torch_release,
    without_distribution,
)


def on(capability, architectures, driver="580.82.07", cuda="12.8", name="some GPU"):
    snapshot = with_gpus(QUICK, compute_capability=capability, name=name)
    snapshot = with_driver_version(snapshot, driver)
    return with_torch(snapshot, architectures=tuple(architectures.split()), cuda=cuda)


@pytest.mark.parametrize(
    ("capability", "architectures", "status"),
    [
        ("9.0", "sm_80 sm_90", Status.PASS),
        ("8.9", "sm_80 sm_86 sm_90", Status.PASS),  # same major: no wheel ever listed sm_89
        ("12.1", "sm_90 sm_100 sm_120", Status.PASS),
        ("10.3", "sm_100 sm_120", Status.PASS),
        ("12.0", "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90", Status.FAIL),
        ("7.0", "sm_75 sm_80 sm_90", Status.FAIL),  # no code for older GPUs
        ("8.0", "sm_86 sm_90", Status.FAIL),  # a lower minor is older, too
        ("10.0", "sm_90 compute_90", Status.NOTE),  # PTX, and this driver compiles it
        ("9.0", "sm_90a", Status.PASS),
        ("10.0", "sm_90a", Status.FAIL),
        ("10.3", "sm_100f", Status.PASS),
        ("10.3", "sm_100a", Status.FAIL),
    ],
)
def test_code_runs_where_the_rules_say(capability, architectures, status):
    assert judge("torch.arch", on(capability, architectures)).status is status


def test_ptx_alone_fails_under_a_driver_that_cannot_compile_it():
    assert judge("cuda.ptx_needed", on("10.0", "sm_90 compute_90", driver="535.104.05")).status is (
        Status.FAIL
    )


def test_one_gpu_without_code_among_eight_fails():
    gpus = (
        *QUICK.gpus[:7],
        dataclasses.replace(QUICK.gpus[7], name="Tesla K80", compute_capability="3.7"),
    )
    outcome = judge("torch.arch", change(QUICK, gpus=gpus))
    assert outcome.status is Status.FAIL
    assert outcome.evidence["gpus"] == [7]


def test_a_gpu_is_known_by_its_name_where_nvml_does_not_say():
    old = with_gpus(QUICK, compute_capability=None, name="Tesla P100-PCIE-16GB")
    assert judge("torch.arch", old).status is Status.FAIL


def test_a_gpu_that_is_not_on_record_is_unknown():
    new = with_gpus(QUICK, compute_capability=None, name="NVIDIA Z900")
    assert judge("torch.arch", new).status is Status.UNKNOWN


def test_the_table_of_releases_serves_where_the_files_do_not_say():
    silent = with_torch(QUICK, architectures=None)
    outcome = judge("torch.arch", silent)
    assert outcome.status is Status.PASS
    assert "by the table" in outcome.reason


def test_a_build_that_is_not_on_record_is_unknown():
    silent = with_torch(QUICK, architectures=None, version="9.9.0", cuda="12.8")
    assert judge("torch.arch", silent).status is Status.UNKNOWN


@settings(deadline=None)
@given(
    driver=st.sampled_from(
        ["450.80.02", "470.57.02", "525.60.13", "535.104.05", "570.26", "580.82.07", "595.58.03"]
    ),
    capability=st.sampled_from(
        ["6.0", "7.0", "7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "10.3", "12.0", "12.1"]
    ),
    python=st.sampled_from(["3.8.10", "3.9.1", "3.10.4", "3.11.9", "3.12.0", "3.13.1"]),
)
def test_a_remedy_passes_the_checks_that_asked_for_it(driver, capability, python):
    """Whatever line is printed, installing it leaves nothing for the same checks to find."""
    broken = on(capability, "sm_37", driver=driver, cuda="10.2")
    broken = change(broken, python=dataclasses.replace(broken.python, version=python))
    cured = [
        installed(broken, line)
        for check in ("torch.arch", "torch.cuda_build")
        for line in judge(
            check, with_torch(broken, cuda=None) if "cuda" in check else broken
        ).remedy
        if line.startswith("pip install torch==")
    ]
    for snapshot in cured:
        for check in ("cuda.floor", "torch.arch", "torch.cuda_build", "torch.python"):
            assert judge(check, snapshot).status is Status.PASS


def installed(snapshot, line):
    """The snapshot after the install line was typed."""
    version = line.split("torch==")[1].split()[0]
    tag = line.rpartition("/cu")[2] if "/cu" in line else None
    for build in torch_builds():
        same = str(build.torch) == version
        named = f"{build.cuda.major}{build.cuda.minor}" == tag if tag else build.is_default
        if same and named:
            return with_torch_release(snapshot, version, str(build.cuda), build.architectures)
    raise AssertionError(f"no such build: {line}")


def test_a_cpu_build_beside_a_gpu_fails_with_the_line_to_type():
    cpu = with_torch(QUICK, version="2.8.0+cpu", cuda=None)
    outcome = judge("torch.cuda_build", cpu)
    assert outcome.status is Status.FAIL
    assert outcome.remedy[0].startswith("pip uninstall -y torch")
    assert outcome.remedy[1].startswith("pip install torch==2.8.0 ")


def test_a_cpu_build_is_the_one_finding():
    cpu = with_torch_release(QUICK, "2.8.0", None, None)
    cpu = with_distribution(
        cpu, "torchvision", version="0.23.0", build="0.23.0+cu128", requires=("torch==2.8.0",)
    )
    found = results(cpu)
    assert [k for k, r in found.items() if r.status is Status.FAIL] == ["torch.cuda_build"]
    assert found["comp.vision_audio"].blocked_by == "torch.cuda_build"


def test_a_cpu_build_without_a_gpu_is_fine():
    assert judge("torch.cuda_build", with_torch(NO_GPU, cuda=None)).status is Status.SKIP


def test_a_build_that_could_not_be_read_is_unknown():
    dark = change(with_torch(QUICK, cuda=None), unread={"torch.cuda": "line cut off"})
    assert judge("torch.cuda_build", dark).status is Status.UNKNOWN


def test_two_torches_in_one_folder_fail_and_in_two_folders_warn():
    twice = with_distributions(
        QUICK,
        [
            *QUICK.python.distributions,
            dataclasses.replace(QUICK.python.distributions[0], version="2.6.0"),
        ],
    )
    assert judge("torch.duplicate", twice).status is Status.FAIL
    other = with_distributions(
        QUICK,
        [
            *QUICK.python.distributions,
            dataclasses.replace(QUICK.python.distributions[0], folder="/usr/lib/python3"),
        ],
    )
    assert judge("torch.duplicate", other).status is Status.WARN


def test_a_torch_that_is_not_the_one_of_the_metadata_is_the_one_finding():
    other = with_torch(QUICK, version="2.6.0+cu124", cuda="12.4")
    found = results(other)
    assert [k for k, r in found.items() if r.status is Status.FAIL] == ["torch.duplicate"]
    assert "2.8.0" in found["torch.duplicate"].outcome.reason


def test_no_torch_prints_the_line_that_installs_one():
    bare = change(without_distribution(QUICK, "torch"), torch=None)
    outcome = judge("torch.present", bare)
    assert outcome.status is Status.NOTE
    assert outcome.remedy[0].startswith("pip install torch==")
    assert judge("torch.arch", bare).status is Status.SKIP


def test_no_torch_on_a_machine_without_a_gpu_names_the_cpu_build():
    bare = change(without_distribution(NO_GPU, "torch"), torch=None)
    assert judge("torch.present", bare).remedy[0].endswith("/cpu")


def test_a_torch_for_another_python_is_a_note():
    new = change(QUICK, python=dataclasses.replace(QUICK.python, version="3.15.0"))
    assert judge("torch.python", new).status is Status.NOTE
