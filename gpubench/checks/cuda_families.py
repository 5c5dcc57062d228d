"""CUDA libraries of two CUDA releases side by side."""

from gpubench.checks.facts import is_released, torch_cuda, torch_known
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.checks.proofs import ran_right_on_gpu
from gpubench.checks.requirements import WHEEL, normalised, pin_of, requirements
from gpubench.env.snapshot import Distribution, Snapshot
from gpubench.versions import Version

_FAMILY = (
    "cublas", "cuda-cupti", "cuda-nvrtc", "cuda-runtime", "cudnn", "cufft", "curand", "cusolver",
    "cusparse", "cusparselt", "nccl", "nvjitlink", "nvshmem", "nvtx",
)  # fmt: skip
_NUMBERED_LIKE_CUDA = (
    "nvidia-cublas", "nvidia-cuda-cupti", "nvidia-cuda-nvrtc", "nvidia-cuda-runtime",
    "nvidia-nvjitlink", "nvidia-nvtx",
)  # fmt: skip
"""From CUDA 13 on these have no suffix, and the major release of CUDA."""
_PINNED_TO_CUDA = ("cuda-runtime", "cuda-nvrtc", "cuda-cupti", "nvtx")
_OF_CONDA = ("libcublas", "libcufft", "libcusolver", "libcusparse", "cuda-cudart", "cudatoolkit")
_SHARED = ("cudnn", "cusparselt", "nccl", "nvshmem")
"""Libraries whose distributions for CUDA 12 and 13 own the same files."""


def one_family(snapshot: Snapshot) -> Outcome:
    """The CUDA libraries are of one CUDA release.

    Why: distributions for two CUDA majors overwrite each other's files, and a process that
    loads both fails in ways that point elsewhere.
    Remedy: uninstall the family torch does not use, then install torch's own again.
    """
    missing = torch_known(snapshot)
    if missing is not None or snapshot.python is None:
        return _doubled(snapshot) or missing or unknown("the distributions could not be read")
    cuda = torch_cuda(snapshot)
    if cuda is None:
        return skip("this torch was built without CUDA")
    twice = _twice_by_conda(snapshot)
    if twice is not None:
        return twice
    strays = _strays(snapshot, cuda.major)
    if not strays:
        other = _of_another_minor(snapshot, cuda)
        if other is not None:
            return other
        return ok(f"every CUDA library installed is for CUDA {cuda.major}")
    names = [f"{entry.name} {entry.version}" for entry in strays]
    words = f"torch is built with CUDA {cuda}, but these are for another: {', '.join(names)}"
    libraries = {_library(entry.name) for entry in strays}
    remedy = f"pip uninstall -y {' '.join(entry.name for entry in strays)}"
    if ran_right_on_gpu(snapshot):
        return warn(f"{words}; torch computes right all the same", remedy, strays=names)
    if libraries & set(_SHARED) and cuda.major >= 12:
        one = _overlap_alone(strays) or _asked_for(strays) in ({"cudnn"}, {"nccl"})
        cause = _of_shared(libraries) if one else None
        return fail(words, remedy, _reinstall(snapshot, libraries), cause=cause, strays=names)
    if len(strays) < 3:  # a single helper of another package is no second family
        return note(words, strays=names)
    return warn(words, remedy, confidence="likely", strays=names)


def _of_another_minor(snapshot: Snapshot, cuda: Version) -> Outcome | None:
    """Libraries that torch pins to its own CUDA release, of another one, in a bare list.

    Where the requirements are known they are held one by one instead.
    """
    if snapshot.paste is None or not is_released(snapshot):
        return None
    pinned = [
        entry
        for entry in (snapshot.python.distributions if snapshot.python else ())
        if entry.name in tuple(f"nvidia-{name}-cu{cuda.major}" for name in _PINNED_TO_CUDA)
    ]
    other = [
        f"{entry.name} {entry.version}"
        for entry in pinned
        if (found := Version.find(entry.version)) and found.release(2) != cuda.release(2)
    ]
    if len(other) < 2:
        return None
    return fail(
        f"torch is built with CUDA {cuda}, but these are of another release: {', '.join(other)}",
        "pip install --force-reinstall torch, which brings its own",
        confidence="likely",
        strays=other,
    )


def _twice_by_conda(snapshot: Snapshot) -> Outcome | None:
    """A CUDA library that conda lists in two major releases."""
    found: dict[str, set[int]] = {}
    for entry in snapshot.python.distributions if snapshot.python else ():
        version = Version.find(entry.version)
        if entry.name in _OF_CONDA and entry.folder is None and version is not None:
            found.setdefault(entry.name, set()).add(version.major)
    doubled = sorted(name for name, majors in found.items() if len(majors) > 1)
    if not doubled:
        return None
    return fail(
        f"two releases each of {', '.join(doubled)} are listed",
        "make a fresh environment and install torch alone into it",
        confidence="likely",
        doubled=doubled,
    )


def _reinstall(snapshot: Snapshot, libraries: set[str]) -> str:
    """The line that puts torch's own libraries back where the strays lay."""
    pins = [pin_of(snapshot, f"nvidia-{library}-cu") for library in sorted(libraries)]
    named = " ".join(f'"{pin.name}{pin.specifier}"' for pin in pins if pin is not None)
    return f"then: pip install --force-reinstall --no-deps {named or 'torch'}"


def _asked_for(strays: list[Distribution]) -> set[str]:
    """The libraries among the strays that did not just come along with another of them.

    cuDNN requires cuBLAS, which requires NVRTC; a report without requirements does not tell.
    """
    brought = {normalised(pin.name) for entry in strays for pin in requirements(entry)}
    libraries = {_library(entry.name) for entry in strays if entry.name not in brought}
    told = any(entry.requires for entry in strays)
    return libraries if told or "cudnn" not in libraries else libraries - {"cublas", "cuda-nvrtc"}


def _of_shared(libraries: set[str]) -> str | None:
    """The cause that names a library whose files were overwritten, cuDNN before NCCL."""
    return next((f"{name}-mismatch" for name in ("cudnn", "nccl") if name in libraries), None)


def _overlap_alone(strays: list[Distribution]) -> bool:
    """True where the strays share no file with torch's own but those of ``_SHARED``.

    The families for CUDA 12 and 13 lie in folders of their own, nvidia/cublas and nvidia/cu13;
    those for 11 and 12 lie in the same ones, so that every library is a mixture.
    """
    return all(_major(entry) in (12, 13) for entry in strays)


def _doubled(snapshot: Snapshot) -> Outcome | None:
    """Two distributions of one shared library, in a list that does not tell of torch."""
    found: dict[str, set[int]] = {}
    for entry in snapshot.python.distributions if snapshot.python else ():
        major, library = _major(entry), _library(entry.name)
        if major is not None and library in ("cudnn", "nccl"):
            found.setdefault(library, set()).add(major)
    doubled = {library for library, majors in found.items() if len(majors) > 1}
    if not doubled:
        return None
    names = ", ".join(f"nvidia-{name}-cu{n}" for name in sorted(doubled) for n in found[name])
    return fail(
        f"{names}: distributions that own the same files, of which the last one installed wins",
        "pip uninstall -y the one that torch does not require, then reinstall the other",
        cause=_of_shared(doubled),
        confidence="likely",
    )


def _strays(snapshot: Snapshot, major: int) -> list[Distribution]:
    found = snapshot.python.distributions if snapshot.python else ()
    return [
        entry
        for entry in found
        if _library(entry.name) in _FAMILY and _major(entry) not in (None, major)
    ]


def _library(name: str) -> str:
    return name.removeprefix("nvidia-").rsplit("-cu1", 1)[0]


def _major(entry: Distribution) -> int | None:
    """The CUDA major a distribution is for, by its name; from CUDA 13 on by its version."""
    stem, found, number = entry.name.rpartition("-cu")
    if found and stem and number.isdigit():
        return int(number[:2])
    version = Version.find(entry.version)
    return version.major if entry.name in _NUMBERED_LIKE_CUDA and version else None


CHECKS = (
    Check(
        id="torch.cuda_mix",
        judge=one_family,
        cause="cuda-mixed",
        needs=("torch.present", "torch.duplicate", "torch.cuda_build"),
        reference=WHEEL,
    ),
)
