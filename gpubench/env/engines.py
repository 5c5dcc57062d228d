"""Programs that start containers: what each is asked and told. Nothing here runs them.

Sources: docs.docker.com/reference/cli/docker/container/run, docs.podman.io (podman-run, with the
devices of the Container Device Interface), buildah-run(1) and buildah-from(1).
"""

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gpubench.errors import BadUsage

Command = tuple[str, ...]
"""The arguments of an engine's program, without the program."""

ROOT = "0:0"
"""Inside a container that is started without root, this is the user who started it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder or file of this machine, and where it is seen in the container."""

    source: Path
    target: Path
    is_writable: bool = False

    def __post_init__(self) -> None:
        """BadUsage for a path that would be read as another option of the mount."""
        odd = set(',"\n\r\0')
        for path in (self.source, self.target):
            if odd & set(str(path)):
                raise BadUsage(
                    f"{str(path)!r} cannot be shown to a container: "
                    "a comma, a quote or a line break is in it; rename it or link to it"
                )

    def words(self) -> str:
        """As every engine reads it; what they call writable differs."""
        return f"type=bind,source={self.source},target={self.target}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container to be started once; ``gpus`` are ``all``, or UUIDs, or none.

    ``image`` is an image's identity, or the name of what the engine holds of it.
    """

    name: str
    image: str
    command: tuple[str, ...]
    variables: Mapping[str, str]
    mounts: tuple[Mount, ...]
    folder: Path
    user: str
    shared_memory_bytes: int
    gpus: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An image in an engine's store: what names exactly this one, and its digest.

    ``volumes`` are folders that the image declares as volumes of its own.
    """

    identity: str
    digest: str
    volumes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One program that starts containers.

    ``ask`` succeeds where it works, and ``user`` reads from what it printed which user in a
    container owns what the user of this process owns. To ``pull`` and ``inspect`` a reference is
    added, to ``release`` and each of ``end`` a name. ``hold`` makes something to run in, once for
    many runs; without it every run makes a container of its own. ``end`` ends a container that
    outlived its client.
    """

    name: str
    gives_gpus: bool
    ask: Command
    user: Callable[[str], str]
    pull: Command
    inspect: Command
    found: Callable[[Any], Found]
    run: Callable[[Container], Command]
    end: tuple[Command, ...]
    hold: Callable[[Found, str], tuple[Command, ...]] | None = None
    release: Command = ()


def found_in(printed: str, engine: Engine) -> Found:
    """The image in what an inspection printed; ValueError where it is no such description."""
    told = json.loads(printed)
    try:
        return engine.found(told[0] if isinstance(told, list) else told)
    except (KeyError, IndexError, TypeError, AttributeError) as problem:
        raise ValueError(f"no description of an image: {problem!r}") from None


def _mounts(container: Container, *, read: str, write: str) -> Iterator[str]:
    """The mounts, each with the engine's own word for whether it may be written."""
    for mount in container.mounts:
        yield from ("--mount", mount.words() + (write if mount.is_writable else read))


def _variables(container: Container) -> Iterator[str]:
    for name, value in container.variables.items():
        yield from ("--env", f"{name}={value}")


# -- docker and podman --------------------------------------------------------------------------


def _docker_user(said: str) -> str:
    """Under a daemon without root, root is the user who started it."""
    return ROOT if "name=rootless" in said else f"{os.getuid()}:{os.getgid()}"


def _docker_gpus(wanted: tuple[str, ...]) -> Command:
    """By the NVIDIA container toolkit; the quotes keep a list of several in one piece."""
    if not wanted:
        return ()
    return ("--gpus", "all" if wanted == ("all",) else f'"device={",".join(wanted)}"')


def _podman_gpus(wanted: tuple[str, ...]) -> Command:
    """By the Container Device Interface."""
    return tuple(word for gpu in wanted for word in ("--device", f"nvidia.com/gpu={gpu}"))


def _docker_found(told: Any) -> Found:
    """The digest of its manifest where it was pulled, else that of its configuration."""
    identity = str(told["Id"])
    named = [str(name).partition("@")[2] for name in told.get("RepoDigests") or ()]
    own = str(told.get("Digest") or "")
    volumes = (told.get("Config") or {}).get("Volumes") or {}
    return Found(
        identity=identity,
        digest=own or next(filter(None, named), identity),
        volumes=tuple(volumes),
    )


def _docker_run(container: Container, gpus: Command) -> Command:
    """No network, no log, nothing pulled, and removed when it ends."""
    python, *rest = container.command
    return (
        "run", "--rm", "--interactive", "--name", container.name, "--label", "gpubench",
        "--pull=never", "--network", "none", "--log-driver", "none",
        "--security-opt", "label=disable", "--security-opt", "no-new-privileges",
        "--user", container.user, "--workdir", str(container.folder),
        "--shm-size", f"{container.shared_memory_bytes}b",
        *gpus, *_mounts(container, read=",readonly", write=""), *_variables(container),
        "--entrypoint", python, container.image, *rest,
    )  # fmt: skip


DOCKER = Engine(
    name="docker",
    gives_gpus=True,
    ask=("info", "--format", "{{json .SecurityOptions}}"),
    user=_docker_user,
    pull=("pull", "--quiet"),
    inspect=("image", "inspect", "--format", "{{json .}}"),
    found=_docker_found,
    run=lambda container: _docker_run(container, _docker_gpus(container.gpus)),
    end=(("rm", "--force", "--volumes"),),
)
PODMAN = dataclasses.replace(
    DOCKER,
    name="podman",
    ask=("info", "--format", "{{.Host.Security.Rootless}}"),
    user=lambda said: ROOT,
    run=lambda container: _docker_run(container, _podman_gpus(container.gpus)),
    # removing by force alone waits ten seconds for it to end by itself
    end=(("kill", "--signal", "KILL"), ("rm", "--force", "--ignore")),
)


# -- buildah ------------------------------------------------------------------------------------


def _buildah_found(told: Any) -> Found:
    identity = str(told["FromImageID"])
    volumes = ((told.get("OCIv1") or {}).get("config") or {}).get("Volumes") or {}
    return Found(
        identity=identity,
        digest=str(told["FromImageDigest"]) or identity,
        volumes=tuple(volumes),
    )


def _buildah_hold(found: Found, name: str) -> tuple[Command, ...]:
    """A working container; the image's own volumes would lie over folders mounted there."""
    made = ("from", "--quiet", "--pull=never", "--name", name, found.identity)
    return (made, *(("config", "--volume", f"{folder}-", name) for folder in found.volumes))


def _buildah_run(container: Container) -> Command:
    """The entry point is no part of it."""
    return (
        "run", "--user", container.user, "--workingdir", str(container.folder),
        *_mounts(container, read=",ro", write=",rw"), *_variables(container),
        container.image, "--", *container.command,
    )  # fmt: skip


BUILDAH = Engine(
    name="buildah",
    gives_gpus=False,
    ask=("info",),
    user=lambda said: ROOT,
    pull=("pull", "--quiet"),
    inspect=("inspect", "--type", "image"),
    found=_buildah_found,
    run=_buildah_run,
    end=(),
    hold=_buildah_hold,
    release=("rm",),
)
"""With its chroot isolation (BUILDAH_ISOLATION=chroot), which needs no other program, a container
has this machine's network, processes and shared memory, and no GPU."""

ENGINES = (DOCKER, PODMAN, BUILDAH)
"""In the order in which they are looked for."""
