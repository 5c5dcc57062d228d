"""Room and caches."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import QUICK, change, judge, with_torch
from tests.checks.healthy_host import folder

GIB = 2**30


def folders(*found, **fields):
    host = dataclasses.replace(QUICK.host, folders=found)
    return change(QUICK, host=host, **fields)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"free_bytes": 499_000_000}, Status.FAIL),
        ({"free_files": 0}, Status.FAIL),
        ({"size_bytes": 400 * GIB, "free_bytes": 10 * GIB}, Status.WARN),
        ({"size_bytes": 8 * GIB, "free_bytes": 4 * GIB}, Status.PASS),
        ({"size_bytes": 2**44, "free_bytes": 2**40}, Status.PASS),
        ({"free_files": 500}, Status.WARN),
        ({"free_files": None}, Status.PASS),
        ({"free_bytes": None}, Status.SKIP),
        ({"is_writable": False, "free_bytes": 0}, Status.SKIP),
    ],
)
def test_a_disk_has_room_or_is_named(fields, status):
    assert judge("host.disk", folders(folder("home", "~", **fields))).status is status


def test_the_remedy_names_the_variable_that_moves_the_fullest_folder():
    full = folders(folder("HF_HOME", "/data/hf", free_bytes=0), folder("home", "~"))
    outcome = judge("host.disk", full)
    assert "/data/hf (HF_HOME)" in outcome.reason
    assert outcome.remedy[0].startswith("export HF_HOME=")


def test_a_disk_that_did_not_answer_is_unknown_unless_another_is_full():
    late = {"host.folders": "/nfs/home: no answer within 2 s"}
    assert judge("host.disk", folders(folder("home", "~"), unread=late)).status is Status.UNKNOWN
    full = folders(folder("home", "~", free_bytes=0), unread=late)
    assert judge("host.disk", full).status is Status.FAIL
    assert judge("host.disk", folders(unread=late)).status is Status.UNKNOWN
    assert judge("host.disk", folders()).status is Status.SKIP


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"is_writable": False}, "cannot be written to"),
        ({"runs_programs": False}, "noexec"),
        ({"free_bytes": 2**29}, "512 MiB free"),
        ({"file_system": "nfs4"}, "network disk (nfs4)"),
    ],
)
def test_a_cache_that_serves_no_compiler_warns(fields, words):
    outcome = judge("tc.cache", folders(folder("home", "~", **fields)))
    assert outcome.status is Status.WARN
    assert words in outcome.reason
    assert outcome.remedy == ("export TRITON_CACHE_DIR=/path/on/a/local/disk",)


def test_a_variable_moves_the_cache_away_from_what_does_not_serve():
    moved = folders(
        folder("home", "~", file_system="nfs4"),
        folder("TRITON_CACHE_DIR", "/scratch/triton"),
        folder("temporary files", "/tmp"),
    )
    assert judge("tc.cache", moved).status is Status.PASS


def test_torch_before_2_keeps_no_compiled_code():
    assert judge("tc.cache", with_torch(QUICK, version="1.13.1")).status is Status.SKIP
