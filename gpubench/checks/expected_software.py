"""What a contract may expect of the environment: torch, its libraries, Python."""

from collections.abc import Callable

from gpubench.checks.expected import RELEASE, Key, Release, pinned, release_is, unreadable
from gpubench.checks.facts import (
    capabilities,
    companions,
    driver_version,
    has_gpu,
    python_version,
    torch_known,
    torch_version,
)
from gpubench.checks.outcome import Outcome, Status, fail, unknown
from gpubench.checks.remedies import install_torch
from gpubench.env.snapshot import Snapshot
from gpubench.knowledge.compatibility import WHEELS, install_line, runs_here
from gpubench.knowledge.tables import Build, torch_builds
from gpubench.versions import Version


def _without_torch(snapshot: Snapshot, wanted: Release, what: str) -> Outcome | None:
    """The outcome where there is no torch to ask; None where there is one."""
    missing = torch_known(snapshot)
    if missing is None:
        return None
    if missing.status is Status.UNKNOWN or snapshot.source != "live":
        return unreadable(snapshot, what, "torch", "python")
    remedy = (
        _install(snapshot, wanted)
        if what == "torch"
        else install_torch(snapshot) or "install torch"
    )
    return fail(f"torch is not installed, expected {what} {wanted.text}", remedy)


def _install(snapshot: Snapshot, wanted: Release) -> str:
    """The line for the newest torch of that release which runs here."""
    if snapshot.torch is not None and snapshot.torch.cuda is None and not has_gpu(snapshot):
        return f'pip install "{pinned("torch", wanted)}" --index-url {WHEELS}/cpu'
    return _line(snapshot, _builds(snapshot, lambda build: wanted.holds(str(build.torch))), wanted)


def _builds(snapshot: Snapshot, suits: Callable[[Build], bool]) -> list[Build]:
    """The builds on record that suit and run on this driver, these GPUs and this Python."""
    return [
        build
        for build in torch_builds()
        if suits(build)
        and not build.is_experimental
        and runs_here(
            build,
            driver=driver_version(snapshot),
            capabilities=capabilities(snapshot),
            python=python_version(snapshot),
        )
    ]


def _line(snapshot: Snapshot, builds: list[Build], wanted: Release) -> str:
    if builds:
        return install_line(builds[0], companions(snapshot))
    return f"no torch build on record of {wanted.text} runs here: correct the contract"


def torch_release(snapshot: Snapshot, wanted: Release) -> Outcome:
    """The torch here is of a release the contract accepts.

    Why: numbers, kernels and defaults differ from one release to the next.
    Remedy: pip install that release.
    """
    missing = _without_torch(snapshot, wanted, "torch")
    if missing is not None or snapshot.torch is None:
        return missing or unknown("torch could not be read")
    return release_is("torch", snapshot.torch.version, wanted, _install(snapshot, wanted))


def torch_cuda_release(snapshot: Snapshot, wanted: Release) -> Outcome:
    """This torch was built with a CUDA release the contract accepts.

    Why: that release decides which drivers and GPUs it runs on.
    Remedy: install the build of torch for that CUDA: pip install torch --index-url .../whl/cuXYZ.
    """
    missing = _without_torch(snapshot, wanted, "torch with CUDA")
    if missing is not None or snapshot.torch is None:
        return missing or unknown("torch could not be read")
    remedy = _install_build(snapshot, wanted)
    if snapshot.torch.cuda is None:
        if "torch.cuda" in snapshot.unread:
            return unreadable(snapshot, "torch's CUDA release", "torch.cuda")
        words = f"torch {snapshot.torch.version} was built without CUDA, expected {wanted.text}"
        return fail(words, remedy, cause="torch-cpu-build")
    return release_is("CUDA of torch", snapshot.torch.cuda, wanted, remedy)


def _install_build(snapshot: Snapshot, wanted: Release) -> str:
    """The line for the build with that CUDA, of this torch release where there is one."""
    own = torch_version(snapshot)
    builds = _builds(snapshot, lambda build: wanted.holds(str(build.cuda)))
    same = [build for build in builds if own and build.torch.release(2) == own.release(2)]
    return _line(snapshot, same or builds, wanted)


def _library(snapshot: Snapshot, name: str, written: str, wanted: Release) -> Outcome:
    """A CUDA library: what was loaded, else what its file says, else its distribution."""
    missing = _without_torch(snapshot, wanted, written)
    if missing is not None or snapshot.torch is None:
        return missing or unknown("torch could not be read")
    found = _fullest(snapshot, name)
    if found is None:
        return unreadable(snapshot, f"the release of {written}", "torch.libraries", "torch")
    return release_is(
        written,
        found,
        wanted,
        f"install the torch that brings {written} {wanted.text}, or that release of its wheel",
    )


def _fullest(snapshot: Snapshot, name: str) -> str | None:
    """The release of a library, with the fourth number that only its distribution has."""
    run, torch, python = snapshot.torch_run, snapshot.torch, snapshot.python
    loaded = run.cudnn if run and name == "cudnn" else None
    files = [entry for entry in (torch.libraries if torch else ()) if entry.name == name]
    own = [entry.version for entry in files if entry.origin != "LD_LIBRARY_PATH" and entry.version]
    seen = loaded or next(iter(own), None)
    wheels = python.distributions if python else ()
    wheel = next((e.version for e in wheels if e.name.startswith(f"nvidia-{name}-cu")), None)
    if seen is None or wheel is None:
        return seen or wheel
    same = Version.parse(wheel).release(3) == Version.parse(seen).release(3)
    return wheel if same else seen


def cudnn_release(snapshot: Snapshot, wanted: Release) -> Outcome:
    """The cuDNN here is of a release the contract accepts.

    Why: speed and results of convolutions and attention differ from one cuDNN to the next.
    Remedy: install the torch that brings it, or that release of its wheel.
    """
    return _library(snapshot, "cudnn", "cuDNN", wanted)


def nccl_release(snapshot: Snapshot, wanted: Release) -> Outcome:
    """The NCCL here is of a release the contract accepts.

    Why: machines of one job need one NCCL; two of them hang or refuse each other.
    Remedy: install the torch that brings it, or that release of its wheel.
    """
    return _library(snapshot, "nccl", "NCCL", wanted)


def python_release(snapshot: Snapshot, wanted: Release) -> Outcome:
    """The Python here is of a release the contract accepts.

    Why: wheels are compiled for one minor release of Python.
    Remedy: make the environment with that Python.
    """
    found = snapshot.python.version if snapshot.python else None
    if found is None:
        return unreadable(snapshot, "the release of Python", "python")
    return release_is("Python", found, wanted, f"make the environment with Python {wanted.text}")


_TORCH = ("torch.duplicate", "torch.cuda_build")

_ABOVE = ("expect.torch.version", "expect.torch.cuda")
"""Another torch brings other libraries: that is said once."""

KEYS = (
    Key(
        name="torch.version",
        kind=RELEASE,
        meets=torch_release,
        cause="framework-incompatible",
        needs=_TORCH[:1],
    ),
    Key(
        name="torch.cuda",
        kind=RELEASE,
        meets=torch_cuda_release,
        cause="framework-incompatible",
        needs=(*_TORCH, "expect.torch.version"),
    ),
    Key(
        name="cudnn.version",
        kind=RELEASE,
        meets=cudnn_release,
        cause="cudnn-mismatch",
        needs=(*_TORCH, *_ABOVE, "torch.cuda_mix", "torch.cudnn", "env.ld_paths"),
    ),
    Key(
        name="nccl.version",
        kind=RELEASE,
        meets=nccl_release,
        cause="nccl-mismatch",
        needs=(*_TORCH, *_ABOVE, "torch.cuda_mix", "torch.nccl", "env.ld_paths"),
    ),
    Key(
        name="python.version",
        kind=RELEASE,
        meets=python_release,
        cause="python-unsupported",
        needs=("torch.present",),
    ),
)
