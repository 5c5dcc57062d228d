"""The snapshot, its digest and its way through JSON."""

import dataclasses
import json

import pytest

from gpubench import codec
from gpubench.env.snapshot import SCHEMA, Snapshot, digest
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU


@pytest.mark.parametrize("snapshot", [HEALTHY, NO_GPU, Snapshot()])
def test_a_snapshot_survives_json(snapshot):
    text = codec.to_json(snapshot)
    assert codec.from_plain(Snapshot, json.loads(text), "a test") == snapshot


def test_a_snapshot_of_a_later_minor_version_is_read():
    plain = codec.to_plain(HEALTHY)
    plain["a_new_field"] = 1
    plain["gpus"][0]["another"] = 2
    assert codec.from_plain(Snapshot, plain, "a test") == HEALTHY


@pytest.mark.parametrize(
    "same",
    [
        h.with_gpus(HEALTHY, temperature_c=70, memory_used_bytes=5, throttle_reasons=4),
        h.with_gpus(HEALTHY, pcie_generation=5, power_w=600.0, process_count=2),
        h.change(HEALTHY, taken_at="2030-01-01T00:00:00+00:00", level="quick"),
        h.change(HEALTHY, torch_run=None, cuda_init=None, kernel_events=None),
        h.change(HEALTHY, host=dataclasses.replace(HEALTHY.host, shm_free_bytes=1)),
        h.change(
            HEALTHY,
            toolchain=dataclasses.replace(
                HEALTHY.toolchain, cc_compiles=None, cc_release=None, ptxas_release=None
            ),
        ),
    ],
)
def test_what_passes_does_not_change_the_digest(same):
    assert digest(same) == digest(HEALTHY)


@pytest.mark.parametrize(
    "other",
    [
        h.with_driver_version(HEALTHY, "580.95.05"),
        h.with_distribution(HEALTHY, "numpy", version="2.2.2"),
        h.with_gpu(HEALTHY, 0, uuid="fedcba9876543210"),
        h.change(HEALTHY, environment={"NCCL_P2P_DISABLE": "1"}),
        h.with_torch(HEALTHY, git="another"),
    ],
)
def test_what_lasts_changes_the_digest(other):
    assert digest(other) != digest(HEALTHY)


def test_the_digest_does_not_change_between_releases_of_gpubench():
    assert digest(h.change(HEALTHY, gpubench_version="9.9")) == digest(HEALTHY)
    assert len(digest(HEALTHY)) == 64


def test_the_schema_is_named():
    assert SCHEMA == "gpubench.snapshot/1"
    assert codec.to_plain(HEALTHY)["schema"] == SCHEMA


def test_why_something_is_unread_is_found_by_its_path():
    dark = h.change(HEALTHY, unread={"driver.nvml": "it hung"})
    assert dark.why_unread("torch", "driver.nvml") == "driver.nvml: it hung"
    assert dark.why_unread("torch") is None
