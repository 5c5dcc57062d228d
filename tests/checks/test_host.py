"""Shared memory."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import DOCKER, QUICK, change, judge


def shm(size, **fields):
    return change(QUICK, host=dataclasses.replace(QUICK.host, shm_bytes=size), **fields)


def test_the_docker_default_for_eight_gpus_fails_and_names_the_flag():
    outcome = judge("host.shm", shm(64 * 2**20, container=DOCKER))
    assert outcome.status is Status.FAIL
    assert "--shm-size=8g" in outcome.remedy[0]


@pytest.mark.parametrize(
    ("size", "status"),
    [(64 * 2**20, Status.WARN), (511 * 2**20, Status.WARN), (512 * 2**20, Status.PASS)],
)
def test_little_shared_memory_warns_outside_a_container(size, status):
    assert judge("host.shm", shm(size)).status is status
