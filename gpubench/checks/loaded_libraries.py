"""The CUDA libraries a process with torch really had: whose they were, and from how many places."""

import re
from pathlib import PurePosixPath

from gpubench.checks.facts import torch_cuda, torch_known
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, warn
from gpubench.checks.proofs import ran_right_on_gpu
from gpubench.checks.torch_libraries import VARIABLES, is_own
from gpubench.env.snapshot import Snapshot

_WHEELS = {
    "cublas": "nvidia-cublas",
    "cudart": "nvidia-cuda-runtime",
    "cudnn": "nvidia-cudnn",
    "nccl": "nvidia-nccl",
    "nvrtc": "nvidia-cuda-nvrtc",
    "nvJitLink": "nvidia-nvjitlink",
}
"""What a library's name begins with → what the name of the wheel begins with that brings it."""
_PACKAGES = re.compile(r"/(?:site|dist)-packages/")


def loaded_are_own(snapshot: Snapshot) -> Outcome:
    """The CUDA libraries that were loaded with torch are those of its wheels.

    Why: another copy, of a system package or of a toolkit, may be found first; what is loaded
    then is not what is installed, and its release is not the one torch was built with.
    Remedy: unset the variable that leads there, or take the copy away from ld.so's folders.
    """
    missing = _not_run(snapshot)
    if missing is not None:
        return missing
    foreign = [name for name in _loaded(snapshot) if _has_wheel(snapshot, name)]
    foreign = [name for name in foreign if not _belongs(snapshot, name)]
    if not foreign:
        return ok("every CUDA library that was loaded is the environment's own")
    words = f"{', '.join(foreign)}: loaded in the place of the wheels' own"
    if ran_right_on_gpu(snapshot):
        return note(f"{words}; torch computes right all the same", loaded=foreign)
    leading = [name for name in VARIABLES if snapshot.environment.get(name)]
    return warn(
        words,
        f"unset {' '.join(leading)}" if leading else "see /etc/ld.so.conf.d, and: ldconfig -p",
        confidence="likely",
        loaded=foreign,
    )


def cudnn_from_one_folder(snapshot: Snapshot) -> Outcome:
    """All parts of cuDNN that were loaded lie in one folder.

    Why: cuDNN opens its parts when they are first used; a part of another release ends the
    computation with CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH.
    Remedy: unset the variable that leads to the other folder, or remove the other cuDNN.
    """
    missing = _not_run(snapshot)
    if missing is not None:
        return missing
    parts = [name for name in _loaded(snapshot) if PurePosixPath(name).name.startswith("libcudnn")]
    folders = sorted({str(PurePosixPath(name).parent) for name in parts})
    if not parts:
        return skip("no cuDNN was loaded")
    if len(folders) == 1:
        return ok(f"every part of cuDNN that was loaded comes from {folders[0]}")
    words = f"parts of cuDNN come from {' and '.join(folders)}"
    judge = warn if ran_right_on_gpu(snapshot) else fail
    return judge(
        words,
        "unset LD_LIBRARY_PATH and LD_PRELOAD, or remove the cuDNN that is not torch's",
        loaded=parts,
    )


def _not_run(snapshot: Snapshot) -> Outcome | None:
    missing = torch_known(snapshot)
    if missing is not None:
        return missing
    if torch_cuda(snapshot) is None:
        return skip("this torch was built without CUDA")
    if snapshot.torch_run is None:
        return skip("what is loaded shows at --level standard")
    if not snapshot.torch_run.loaded:
        return skip("no CUDA library was seen in the process")
    return None


def _loaded(snapshot: Snapshot) -> tuple[str, ...]:
    return snapshot.torch_run.loaded if snapshot.torch_run else ()


def _has_wheel(snapshot: Snapshot, path: str) -> bool:
    """True where a wheel is installed that brings this library, so that another is foreign."""
    name = PurePosixPath(path).name.removeprefix("lib")
    wheel = next((wheel for key, wheel in _WHEELS.items() if name.startswith(key)), None)
    installed = snapshot.python.distributions if snapshot.python else ()
    return wheel is not None and any(entry.name.startswith(wheel) for entry in installed)


def _belongs(snapshot: Snapshot, path: str) -> bool:
    """True for a file of the environment, whichever package brought it."""
    executable = snapshot.python.executable if snapshot.python else None
    prefix = str(PurePosixPath(executable).parent.parent) if executable else None
    inside = prefix not in (None, "/", "/usr") and path.startswith(f"{prefix}/")
    return inside or is_own(snapshot, path) or _PACKAGES.search(path) is not None


CHECKS = (
    Check(
        id="torch.cudnn_sublibs",
        judge=cudnn_from_one_folder,
        cause="library-path-shadowing",
        needs=("torch.present", "torch.duplicate", "torch.cudnn", "env.ld_paths"),
        reference="pytorch/pytorch issue 188892",
    ),
    Check(
        id="torch.loaded_libs",
        judge=loaded_are_own,
        cause="library-path-shadowing",
        needs=(
            "torch.present",
            "torch.duplicate",
            "torch.cudnn",
            "torch.cudnn_sublibs",
            "env.ld_paths",
        ),
        reference="ld.so(8)",
    ),
)
