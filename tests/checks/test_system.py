"""The operating system."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import DOCKER, HEALTHY, NO_GPU, QUICK, change, judge, with_driver
from tests.checks.healthy_host import TUNING


def host(snapshot=QUICK, **fields):
    return change(snapshot, host=dataclasses.replace(snapshot.host, **fields))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.PASS),
        ({"libc": "glibc 2.28"}, Status.PASS),
        ({"libc": "glibc 2.17"}, Status.NOTE),
        ({"libc": "musl 1.2"}, Status.NOTE),
        ({"kernel": "4.18.0-553.el8"}, Status.NOTE),
        ({"libc": None}, Status.SKIP),
    ],
)
def test_an_old_system_is_a_note(fields, status):
    assert judge("host.glibc_kernel", host(**fields)).status is status


def secure(snapshot, state=True):
    return host(snapshot, tuning=dataclasses.replace(TUNING, secure_boot=state))


NOT_LOADED = with_driver(QUICK, module_loaded=False, version=None)


@pytest.mark.parametrize(
    ("snapshot", "status"),
    [
        (secure(QUICK, False), Status.PASS),
        (secure(QUICK), Status.PASS),
        (secure(NOT_LOADED), Status.NOTE),
        (secure(QUICK, None), Status.SKIP),
        (secure(NO_GPU), Status.SKIP),
    ],
)
def test_secure_boot_is_told_where_the_module_is_missed(snapshot, status):
    assert judge("host.secure_boot", snapshot).status is status


def test_the_key_is_enrolled_on_the_host():
    inside = change(secure(NOT_LOADED), container=DOCKER)
    assert all(
        step.startswith("on the host: ") for step in judge("host.secure_boot", inside).remedy
    )


def wsl(snapshot, *files):
    return host(snapshot, is_wsl=True, tuning=dataclasses.replace(TUNING, linux_driver_files=files))


FILE = "/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15"


def test_a_linux_driver_inside_wsl_fails_unless_cuda_works():
    outcome = judge("host.wsl", wsl(QUICK, FILE))
    assert outcome.status is Status.FAIL
    assert FILE in outcome.reason
    assert judge("host.wsl", wsl(HEALTHY, FILE)).status is Status.NOTE
    assert judge("host.wsl", wsl(QUICK)).status is Status.PASS


def test_of_a_wsl_that_was_not_looked_into_nothing_is_said():
    assert judge("host.wsl", host(is_wsl=True, tuning=None)).status is Status.SKIP
