"""The torch build: is it there once, with CUDA, with code for these GPUs."""

from gpubench.checks.facts import (
    NO_GPU,
    capability,
    driver_version,
    gpu_computed,
    has_gpu,
    is_released,
    python_version,
    torch_cuda,
    torch_known,
    torch_version,
)
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.checks.proofs import ran_right
from gpubench.checks.remedies import no_build, replace_torch
from gpubench.env.snapshot import Distribution, Gpu, Snapshot
from gpubench.knowledge.compatibility import Code, code_for, driver_compiles_ptx
from gpubench.knowledge.tables import X86, torch_build, torch_builds

UNINSTALL_ALL = "pip uninstall -y torch, until pip says it is not installed; then install it again"


def only_one(snapshot: Snapshot) -> Outcome:
    """There is one installation of torch.

    Why: two installations on one path, or two metadata folders, mix files of two releases.
    Remedy: uninstall torch until none is left, then install it once.
    """
    missing = torch_known(snapshot)
    if missing is not None or snapshot.python is None:
        return missing or unknown("the distributions could not be read")
    found = [entry for entry in snapshot.python.distributions if entry.name == "torch"]
    if not found:
        return skip("torch has no metadata here (built from source, or vendored)")
    imported = snapshot.torch.version if snapshot.torch and snapshot.paste is None else None
    if imported and found[0].version.partition("+")[0] not in imported:
        return fail(
            f"torch {imported} is imported, the metadata is of {found[0].version} "
            f"in {found[0].folder}",
            UNINSTALL_ALL,
            "look for a torch folder on PYTHONPATH",
        )
    by_conda = snapshot.python.distribution("pytorch") or snapshot.python.distribution("libtorch")
    if by_conda is not None and found[0].installer in ("pip", "uv"):
        return _both_ways(snapshot, by_conda, found[0])
    if len(found) == 1:
        return ok(f"torch {found[0].version} is installed once")
    places = [f"{e.version} in {e.folder}" if e.folder else e.version for e in found]
    if snapshot.paste is not None:  # lists of two environments, or of one at two times
        return note(f"the report names torch more than once: {', '.join(e.version for e in found)}")
    same_folder = len({entry.folder for entry in found}) < len(found)
    judge = fail if same_folder else warn
    return judge(
        f"torch is installed {len(found)} times: {'; '.join(places)}",
        UNINSTALL_ALL,
        installations=places,
    )


def _both_ways(snapshot: Snapshot, by_conda: Distribution, by_pip: Distribution) -> Outcome:
    """Conda's torch and pip's write into one folder: the files are those of the later one."""
    words = (
        f"torch is installed by conda ({by_conda.name} {by_conda.version}) and by "
        f"{by_pip.installer} ({by_pip.version}) into one environment"
    )
    if ran_right(snapshot):
        return note(f"{words}; it runs all the same")
    return warn(words, "make a new environment, and install torch into it one way")


def cuda_build(snapshot: Snapshot) -> Outcome:
    """On a machine with an NVIDIA GPU, torch is a CUDA build.

    Why: a CPU build never sees the GPU, whatever the driver; it is the commonest mistake.
    Remedy: install a CUDA build that runs on this driver and GPU.
    """
    missing = torch_known(snapshot)
    if missing is not None or snapshot.torch is None:
        return missing or unknown("torch could not be read")
    if snapshot.torch.cuda:
        return ok(f"torch {snapshot.torch.version} is built with CUDA {snapshot.torch.cuda}")
    if "torch.cuda" in snapshot.unread:
        return unknown(f"torch.cuda: {snapshot.unread['torch.cuda']}")
    if not has_gpu(snapshot):
        return skip(f"torch {snapshot.torch.version} has no CUDA, and there is {NO_GPU}")
    kind = "a ROCm build" if snapshot.torch.hip else "a CPU build"
    return fail(
        f"torch {snapshot.torch.version} is {kind} on a machine with an NVIDIA GPU",
        *(replace_torch(snapshot, torch_version(snapshot)) or ("install a CUDA build of torch",)),
        version=snapshot.torch.version,
    )


def code_for_gpus(snapshot: Snapshot) -> Outcome:
    """This torch holds compiled code for every GPU here.

    Why: "no kernel image is available" otherwise. Code for X.y runs on every X.z with z ≥ y,
    so an 8.9 card runs sm_86 code; PTX is compiled by the driver when first used.
    Remedy: another build of torch, worked out below.
    """
    missing = torch_known(snapshot)
    if missing is not None:
        return missing
    if torch_cuda(snapshot) is None:
        return skip("this torch was built without CUDA")
    known = {gpu: found for gpu in snapshot.gpus if (found := capability(gpu))}
    if not known:
        return _no_capability(snapshot)
    architectures, origin = _architectures(snapshot)
    if not architectures:
        return unknown("what torch was compiled for could not be read and is not on record")
    codes = {gpu: code_for(architectures, found) for gpu, found in known.items()}
    without = [gpu for gpu, code in codes.items() if code is Code.NONE]
    if without:
        return _no_code(snapshot, without, architectures, origin)
    by_ptx = [gpu for gpu, code in codes.items() if code is Code.PTX]
    if by_ptx:
        return _only_ptx(by_ptx)
    return ok(f"native code for every GPU{origin}: {' '.join(architectures)}")


def _no_capability(snapshot: Snapshot) -> Outcome:
    if not has_gpu(snapshot):
        return skip(NO_GPU)
    if snapshot.gpus:
        names = ", ".join(sorted({gpu.name or "?" for gpu in snapshot.gpus}))
        return unknown(f"the compute capability of {names} could not be read and is not on record")
    return unknown("the GPUs could not be read")


def _architectures(snapshot: Snapshot) -> tuple[tuple[str, ...] | None, str]:
    """What torch was compiled for, and where that was read."""
    run, torch, cuda = snapshot.torch_run, snapshot.torch, torch_cuda(snapshot)
    if run is not None and run.architectures:
        return run.architectures, ""
    if torch is not None and torch.architectures:
        return torch.architectures, ""
    version = torch_version(snapshot) if is_released(snapshot) else None
    machine = snapshot.host.machine or X86
    build = torch_build(version, cuda, machine) if version and cuda else None
    return (build.architectures if build else None), " (by the table of releases)"


def _no_code(
    snapshot: Snapshot, without: list[Gpu], architectures: tuple[str, ...], origin: str
) -> Outcome:
    names = ", ".join(sorted({f"{gpu.name or 'GPU'} ({capability(gpu)})" for gpu in without}))
    words = f"torch holds no code for {names}{origin}, only {' '.join(architectures)}"
    if gpu_computed(snapshot) and len(without) == len(snapshot.gpus):
        return note(f"{words}; yet it computes on the GPU")
    return fail(
        words,
        *(replace_torch(snapshot) or no_build(snapshot)),
        architectures=list(architectures),
        gpus=[gpu.index for gpu in without],
    )


def _only_ptx(by_ptx: list[Gpu]) -> Outcome:
    names = ", ".join(sorted({gpu.name or "GPU" for gpu in by_ptx}))
    return note(
        f"torch has only PTX for {names}: the driver compiles it when first used, which takes "
        "minutes"
    )


def ptx_compiles(snapshot: Snapshot) -> Outcome:
    """Where torch has only PTX for a GPU, the driver is new enough to compile it.

    Why: PTX is compiled by the driver, and one older than the toolkit that made it refuses:
    "the provided PTX was compiled with an unsupported toolchain".
    Remedy: a build of torch with native code for the GPU, or a newer driver.
    """
    missing = torch_known(snapshot)
    architectures, _ = _architectures(snapshot)
    if missing is not None or not architectures:
        return missing or skip("what torch was compiled for is not known")
    known = [(gpu, found) for gpu in snapshot.gpus if (found := capability(gpu))]
    by_ptx = [gpu for gpu, found in known if code_for(architectures, found) is Code.PTX]
    if not by_ptx:
        return ok("no GPU here needs PTX") if known else skip("no GPU is described here")
    driver, cuda = driver_version(snapshot), torch_cuda(snapshot)
    compiles = driver_compiles_ptx(driver, cuda) if driver and cuda else None
    names = ", ".join(sorted({gpu.name or "GPU" for gpu in by_ptx}))
    if compiles is None:
        return skip(f"whether the driver compiles the PTX for {names} is not on record")
    if compiles or gpu_computed(snapshot):
        return ok(f"driver {driver} compiles the PTX for {names}")
    return fail(
        f"torch has only PTX for {names}, and driver {driver} does not compile PTX of CUDA {cuda}",
        *(replace_torch(snapshot) or no_build(snapshot)),
        "or update the driver",
        architectures=list(architectures),
    )


def python_supported(snapshot: Snapshot) -> Outcome:
    """This torch release was built for this Python.

    Why: there is no wheel for other Pythons, and pip then installs an old torch or none.
    Remedy: another Python, or another torch.
    """
    python, torch = python_version(snapshot), torch_version(snapshot)
    if python is None or torch is None:
        return torch_known(snapshot) or unknown("the Python release could not be read")
    row = next((b for b in torch_builds() if b.torch.release(2) == torch.release(2)), None)
    if row is None:
        return skip(f"no Python range on record for torch {torch}")
    oldest, newest = row.python
    words = f"torch {torch} was built for Python {oldest} to {newest}, this is {python}"
    if oldest.release(2) <= python.release(2) <= newest.release(2):
        return ok(words)
    return note(words)  # it is installed, so there was a wheel after all


_RELEASES = "pytorch/pytorch RELEASE.md"

CHECKS = (
    Check(
        id="torch.duplicate",
        judge=only_one,
        cause="torch-install-damaged",
        needs=("torch.present",),
        reference="pytorch/pytorch issue 21399",
    ),
    Check(
        id="torch.python",
        judge=python_supported,
        cause="python-unsupported",
        needs=("torch.present",),
        reference=_RELEASES,
    ),
    Check(
        id="torch.cuda_build",
        judge=cuda_build,
        cause="torch-cpu-build",
        needs=(
            "torch.present",
            "torch.duplicate",
        ),
        reference="PyTorch, Start Locally",
    ),
    Check(
        id="torch.arch",
        judge=code_for_gpus,
        cause="gpu-arch-unsupported",
        needs=("torch.present", "ctr.injection", "drv.module", "nvml.load", "cuda.floor"),
        reference="NVIDIA CUDA C++ Programming Guide, application compatibility",
    ),
    Check(
        id="cuda.ptx_needed",
        judge=ptx_compiles,
        cause="gpu-arch-unsupported",
        needs=("torch.present", "drv.module", "nvml.load", "cuda.floor", "torch.arch"),
        reference="NVIDIA CUDA Compatibility guide, PTX and application considerations",
    ),
)
