"""Libraries and devices as they were found in the process that computed."""

import dataclasses

from gpubench.checks.outcome import Status
from tests.checks.healthy import (
    HEALTHY,
    SITE,
    change,
    judge,
    with_gpu,
    with_run,
)

OWN = f"{SITE}/nvidia/cudnn/lib/libcudnn.so.9"
FOREIGN = "/usr/lib/x86_64-linux-gnu/libcudnn_ops.so.9.1.0"


def mapped(*names, **fields):
    return with_run(HEALTHY, loaded=names, **fields)


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
