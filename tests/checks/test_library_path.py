"""What LD_LIBRARY_PATH and LD_PRELOAD put before torch's own libraries."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import LibraryFile
from tests.checks.healthy import HEALTHY, QUICK, SITE, judge, results, with_run, with_torch


def failed(snapshot):
    return [key for key, result in results(snapshot).items() if result.status is Status.FAIL]


def foreign(version):
    return LibraryFile(
        name="cudnn", path="/opt/cudnn/lib/libcudnn.so.9", version=version, origin="LD_LIBRARY_PATH"
    )


def test_a_foreign_library_on_the_path_is_named_as_a_possibility():
    files = (*QUICK.torch.libraries, foreign("9.1.0"))
    outcome = judge("env.ld_paths", with_torch(QUICK, libraries=files))
    assert outcome.status is Status.WARN
    assert "/opt/cudnn/lib/libcudnn.so.9" in outcome.reason
    assert SITE not in outcome.reason
    assert "may be loaded" in outcome.reason


def test_the_same_release_on_the_path_is_a_note():
    files = (*QUICK.torch.libraries, foreign("9.10.2"))
    assert judge("env.ld_paths", with_torch(QUICK, libraries=files)).status is Status.NOTE


def test_a_library_on_the_path_that_is_not_the_one_loaded_is_a_note():
    shadow = with_torch(HEALTHY, libraries=(*HEALTHY.torch.libraries, foreign("9.1.0")))
    assert judge("env.ld_paths", shadow).status is Status.NOTE
    assert failed(shadow) == []


def test_a_library_from_the_path_that_is_loaded_fails_unless_it_was_seen_to_work():
    shadow = with_torch(HEALTHY, libraries=(*HEALTHY.torch.libraries, foreign("9.1.0")))
    loaded = with_run(shadow, loaded=("/opt/cudnn/lib/libcudnn.so.9",))
    assert judge("env.ld_paths", loaded).status is Status.WARN
    assert judge("env.ld_paths", with_run(loaded, ended="signal")).status is Status.FAIL


def test_a_library_on_the_path_fails_where_torch_does_not_import():
    shadow = with_torch(HEALTHY, libraries=(*HEALTHY.torch.libraries, foreign("9.1.0")))
    dead = with_run(shadow, version=None, ended="exception", loaded=(), proofs=())
    assert judge("env.ld_paths", dead).status is Status.FAIL


def test_a_library_on_the_path_warns_where_the_parts_of_cudnn_were_not_opened_yet():
    """Without a GPU torch opens one part of cuDNN; the others are looked for when used."""
    shadow = with_torch(HEALTHY, libraries=(*HEALTHY.torch.libraries, foreign("9.1.0")))
    outcome = judge("env.ld_paths", with_run(shadow, proofs=()))
    assert outcome.status is Status.WARN
    assert f"{SITE}/nvidia/cudnn/lib/libcudnn.so.9" in outcome.reason


def test_an_nccl_on_the_path_is_a_note_where_torch_loaded_its_own():
    other = LibraryFile(
        name="nccl", path="/opt/nccl/libnccl.so.2", version="2.19.3", origin="LD_LIBRARY_PATH"
    )
    shadow = with_torch(HEALTHY, libraries=(*HEALTHY.torch.libraries, other))
    own = with_run(shadow, proofs=(), loaded=(f"{SITE}/nvidia/nccl/lib/libnccl.so.2",))
    assert judge("env.ld_paths", own).status is Status.NOTE


def test_what_ld_preload_loads_is_named_with_its_variable():
    first = dataclasses.replace(foreign("9.1.0"), origin="LD_PRELOAD")
    snapshot = with_torch(QUICK, libraries=(*QUICK.torch.libraries, first))
    outcome = judge("env.ld_paths", snapshot)
    assert outcome.status is Status.WARN
    assert outcome.remedy == ("unset LD_PRELOAD",)


def linker(version, origin):
    return LibraryFile(
        name="nvjitlink", path=f"/{origin}/libnvJitLink.so.12", version=version, origin=origin
    )


@pytest.mark.parametrize(
    ("version", "status"), [("12.1", Status.WARN), ("12.8", Status.PASS), ("12.9", Status.PASS)]
)
def test_an_nvjitlink_on_the_path_matters_where_it_is_older(version, status):
    """An older one lacks symbols that cuSPARSE is linked with; a newer one has them all."""
    files = (linker("12.8", "wheel"), linker(version, "LD_LIBRARY_PATH"))
    assert judge("env.ld_paths", with_torch(QUICK, libraries=files)).status is status


def test_a_toolkits_other_libraries_on_the_path_are_no_matter():
    runtime = LibraryFile(
        name="cudart", path="/usr/local/cuda/lib64/libcudart.so.12", version="12.1",
        origin="LD_LIBRARY_PATH",
    )  # fmt: skip
    files = (*QUICK.torch.libraries, runtime)
    assert judge("env.ld_paths", with_torch(QUICK, libraries=files)).status is Status.PASS
