"""Libraries and devices as they were found in the process that computed."""

import dataclasses

from gpubench.checks.outcome import Status
from tests.checks.healthy import (
    HEALTHY,
    QUICK,
    SITE,
    change,
    judge,
    with_gpu,
    with_run,
    without_distribution,
)
from tests.checks.proved import PROOFS, but

OWN = f"{SITE}/nvidia/cudnn/lib/libcudnn.so.9"
FOREIGN = "/usr/lib/x86_64-linux-gnu/libcudnn_ops.so.9.1.0"


def mapped(*names, **fields):
    return with_run(HEALTHY, loaded=names, **fields)


def test_parts_of_cudnn_from_two_folders_fail_where_a_convolution_does():
    broken = mapped(OWN, FOREIGN, proofs=but(PROOFS, "conv", error=None, problem="x"))
    outcome = judge("torch.cudnn_sublibs", broken)
    assert (outcome.status, outcome.evidence["files"]) == (Status.FAIL, [OWN, FOREIGN])


def test_parts_of_cudnn_from_two_folders_that_compute_right_are_a_warning():
    assert judge("torch.cudnn_sublibs", mapped(OWN, FOREIGN)).status is Status.WARN


def test_nothing_mapped_says_nothing():
    assert judge("torch.cudnn_sublibs", mapped()).status is Status.SKIP
    assert judge("torch.loaded_libs", mapped(ended="signal")).status is Status.SKIP
    assert judge("torch.loaded_libs", QUICK).status is Status.SKIP


def test_a_library_from_outside_is_named_with_the_variable_that_does_it():
    shadowed = change(mapped(OWN, FOREIGN), environment={"LD_LIBRARY_PATH": "/usr/lib"})
    outcome = judge("torch.loaded_libs", shadowed)
    assert outcome.status is Status.WARN
    assert outcome.evidence["files"] == [FOREIGN]
    assert outcome.remedy == ("unset LD_LIBRARY_PATH",)


def test_a_library_from_outside_that_computes_right_is_a_note():
    assert judge("torch.loaded_libs", mapped(OWN, FOREIGN)).status is Status.NOTE


def test_the_drivers_own_library_is_nothing_foreign():
    driver = "/usr/lib/x86_64-linux-gnu/libcuda.so.580.82.07"
    assert judge("torch.loaded_libs", mapped(OWN, driver)).status is Status.PASS


def test_a_torch_that_brings_no_libraries_takes_those_of_the_system():
    built = without_distribution(mapped(FOREIGN), "torch")
    assert judge("torch.loaded_libs", built).status is Status.SKIP


def test_missing_memory_warns():
    outcome = judge("torch.device_props", with_gpu(HEALTHY, 3, memory_bytes=2**37))
    assert outcome.status is Status.WARN
    assert "cuda:3" in outcome.reason


def test_a_slice_of_a_gpu_is_not_compared():
    gpus = [dataclasses.replace(gpu, mig_enabled=True) for gpu in HEALTHY.gpus]
    assert judge("torch.device_props", change(HEALTHY, gpus=tuple(gpus))).status is Status.SKIP


def test_gpus_are_told_apart_by_their_uuid_and_not_by_their_order():
    devices = tuple(
        dataclasses.replace(device, uuid=f"hash-{7 - n}")
        for n, device in enumerate(HEALTHY.torch_run.devices)
    )
    gpus = [dataclasses.replace(gpu, uuid=f"hash-{gpu.index}") for gpu in HEALTHY.gpus]
    gpus[0] = dataclasses.replace(gpus[0], memory_bytes=2**37)
    swapped = change(with_run(HEALTHY, devices=devices), gpus=tuple(gpus))
    assert judge("torch.device_props", swapped).reason.startswith("cuda:7 has")


def test_gpus_that_cannot_be_told_apart_are_unknown():
    fewer = with_run(HEALTHY, devices=HEALTHY.torch_run.devices[:2])
    assert judge("torch.device_props", fewer).status is Status.UNKNOWN
