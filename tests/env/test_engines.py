"""Command lines are held word for word: a container must get no more than was meant for it."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

from gpubench.env.engines import BUILDAH, DOCKER, ENGINES, PODMAN, Container, Mount, found_in
from gpubench.errors import BadUsage

CONTAINER = Container(
    name="gpubench-1",
    image="sha256:abc",
    command=("python3", "-c", "print('$(id)')", "--privileged"),
    variables={"HOME": "/scratch", "ODD": "a b=c\n--privileged"},
    mounts=(
        Mount(source=Path("/srv/real"), target=Path("/srv/data set")),
        Mount(source=Path("/scratch"), target=Path("/scratch"), is_writable=True),
    ),
    folder=Path("/scratch"),
    user="1000:1000",
    shared_memory_bytes=2**30,
)


def options(words, name):
    """The values of an option that may be given several times."""
    return [words[i + 1] for i, word in enumerate(words) if word == name]


@pytest.mark.parametrize("engine", [DOCKER, PODMAN], ids=lambda engine: engine.name)
def test_a_container_gets_no_network_nothing_pulled_and_no_user_of_its_own(engine):
    words = engine.run(CONTAINER)
    assert words[:3] == ("run", "--rm", "--interactive")
    assert options(words, "--network") == ["none"]
    assert "--pull=never" in words
    assert options(words, "--user") == ["1000:1000"]
    assert options(words, "--shm-size") == [f"{2**30}b"]
    assert not {"--privileged", "-v", "--volume"} & set(words[: words.index("--entrypoint")])


@pytest.mark.parametrize("engine", [DOCKER, PODMAN], ids=lambda engine: engine.name)
def test_the_entry_point_is_python_and_the_rest_follows_the_image(engine):
    words = engine.run(CONTAINER)
    at = words.index("--entrypoint")
    assert words[at:] == (
        "--entrypoint", "python3", "sha256:abc", "-c", "print('$(id)')", "--privileged",
    )  # fmt: skip


def test_what_is_not_written_is_mounted_for_reading_alone():
    assert options(DOCKER.run(CONTAINER), "--mount") == [
        "type=bind,source=/srv/real,target=/srv/data set,readonly",
        "type=bind,source=/scratch,target=/scratch",
    ]
    assert options(BUILDAH.run(CONTAINER), "--mount") == [
        "type=bind,source=/srv/real,target=/srv/data set,ro",
        "type=bind,source=/scratch,target=/scratch,rw",
    ]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_a_variable_is_one_word_whatever_is_in_it(engine):
    assert options(engine.run(CONTAINER), "--env") == [
        "HOME=/scratch", "ODD=a b=c\n--privileged",
    ]  # fmt: skip


@pytest.mark.parametrize("odd", ["/a,readonly=false", '/a"b', "/a\nb", "/a,target=/etc"])
def test_a_path_that_would_be_read_as_an_option_is_refused(odd):
    with pytest.raises(BadUsage, match="cannot be shown to a container"):
        Mount(source=Path(odd), target=Path("/data"))
    with pytest.raises(BadUsage, match="cannot be shown to a container"):
        Mount(source=Path("/data"), target=Path(odd))


def gpus(engine, *wanted):
    return engine.run(dataclasses.replace(CONTAINER, gpus=wanted))


def test_docker_hands_out_gpus_by_its_toolkit():
    assert options(gpus(DOCKER), "--gpus") == []
    assert options(gpus(DOCKER, "all"), "--gpus") == ["all"]
    assert options(gpus(DOCKER, "GPU-1", "GPU-2"), "--gpus") == ['"device=GPU-1,GPU-2"']


def test_podman_hands_out_gpus_by_the_device_interface():
    assert options(gpus(PODMAN, "all"), "--device") == ["nvidia.com/gpu=all"]
    assert options(gpus(PODMAN, "GPU-1", "GPU-2"), "--device") == [
        "nvidia.com/gpu=GPU-1", "nvidia.com/gpu=GPU-2",
    ]  # fmt: skip


def test_who_writes_in_a_container_is_who_started_it():
    assert DOCKER.user('["name=seccomp"]') == f"{os.getuid()}:{os.getgid()}"
    assert DOCKER.user('["name=seccomp","name=rootless"]') == "0:0"
    assert PODMAN.user("true") == BUILDAH.user("") == "0:0"


def test_buildah_runs_in_what_it_holds_of_the_image():
    found = found_in(json.dumps({"FromImageID": "abc", "FromImageDigest": "sha256:d"}), BUILDAH)
    assert BUILDAH.hold(found, "gpubench-1") == (
        ("from", "--quiet", "--pull=never", "--name", "gpubench-1", "abc"),
    )
    assert BUILDAH.run(CONTAINER)[-6:] == (
        "sha256:abc", "--", "python3", "-c", "print('$(id)')", "--privileged",
    )  # fmt: skip


def test_an_image_s_own_volumes_do_not_lie_over_what_is_mounted():
    told = {
        "FromImageID": "abc",
        "FromImageDigest": "",
        "OCIv1": {"config": {"Volumes": {"/w": {}}}},
    }
    found = found_in(json.dumps(told), BUILDAH)
    assert BUILDAH.hold(found, "n")[1:] == (("config", "--volume", "/w-", "n"),)


@pytest.mark.parametrize(
    ("told", "digest"),
    [
        ({"Id": "sha256:1", "RepoDigests": ["r/n@sha256:2"]}, "sha256:2"),
        ({"Id": "sha256:1", "RepoDigests": []}, "sha256:1"),
        ({"Id": "1", "Digest": "sha256:3", "RepoDigests": ["r/n@sha256:2"]}, "sha256:3"),
        ([{"Id": "sha256:1", "RepoDigests": None}], "sha256:1"),
    ],
)
def test_the_digest_is_the_manifest_s_where_there_is_one(told, digest):
    assert found_in(json.dumps(told), DOCKER).digest == digest


@pytest.mark.parametrize("told", ["{}", "[]", "null", "3", '"x"', "{", ""])
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_what_describes_no_image_is_no_image(engine, told):
    with pytest.raises(ValueError, match=r"."):
        found_in(told, engine)
