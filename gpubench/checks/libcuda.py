"""The libcuda that programs load: the driver's own, no stub, no compatibility library."""

from gpubench.checks.facts import CONSUMER, NO_GPU, cuda_works, driver_version, has_no_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, warn
from gpubench.env.snapshot import Snapshot

"""Names of GPUs on which forward compatibility is not supported."""
MISMATCH, UNSUPPORTED = 803, 804


def _candidates(snapshot: Snapshot) -> tuple[str, ...]:
    """The libcuda that was loaded; where none was, those that a program would find, in order."""
    if snapshot.cuda_init is not None and snapshot.cuda_init.library:
        return (snapshot.cuda_init.library,)
    tools = snapshot.toolchain
    if tools is None:
        return ()
    return (*(tools.libcuda_on_path or ()), *(tools.libcuda_in_cache or ()))


def no_stub(snapshot: Snapshot) -> Outcome:
    """The libcuda that programs load is the driver's.

    Why: a toolkit brings a stub of libcuda to link with; loaded instead of the driver's, it
    answers every call with error 34.
    Remedy: take */stubs folders out of LD_LIBRARY_PATH.
    """
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    found = _candidates(snapshot)
    if not found:
        return skip("no libcuda is described here")
    if "/stubs/" not in found[0]:
        return ok(found[0])
    if cuda_works(snapshot):
        return note(f"{found[0]} stands first, yet CUDA starts")
    return fail(
        f"programs load {found[0]}, a stub that only serves linking",
        "take every */stubs folder out of LD_LIBRARY_PATH",
        library=found[0],
    )


def in_linker_cache(snapshot: Snapshot) -> Outcome:
    """The linker's cache lists the driver's libcuda.so.1.

    Why: what LD_LIBRARY_PATH alone leads to is lost where the variable is: in services, in
    sudo, in programs that find libraries by the cache.
    Remedy: sudo ldconfig
    """
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    tools = snapshot.toolchain
    if tools is None or tools.libcuda_in_cache is None:
        return skip("the linker's cache is not described here")
    if tools.libcuda_in_cache:
        return ok(tools.libcuda_in_cache[0])
    if tools.libcuda_on_path:
        return note(f"the linker's cache lists no libcuda.so.1; {tools.libcuda_on_path[0]} serves")
    return skip("neither the linker's cache nor LD_LIBRARY_PATH leads to libcuda.so.1")


def forward_compatibility(snapshot: Snapshot) -> Outcome:
    """A compatibility libcuda is not loaded where it cannot work.

    Why: the cuda-compat package brings the driver library of a newer CUDA release. It works on
    data-centre GPUs above an older driver; on others CUDA answers 804, above a newer driver 803.
    Remedy: take the compat folder out of LD_LIBRARY_PATH or the image, or update the driver.
    """
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    found = _candidates(snapshot)
    if not found:
        return skip("no libcuda is described here")
    if "/compat/" not in found[0]:
        return ok(f"{found[0]} is no compatibility library")
    answer = snapshot.cuda_init
    if cuda_works(snapshot):
        return note(f"forward compatibility is in use: {found[0]}")
    if answer is not None and answer.code == MISMATCH:
        return _unfit(snapshot, found[0], "driver-library-mismatch", "does not go with the driver")
    consumer = any(CONSUMER.search(gpu.name or "") for gpu in snapshot.gpus)
    if answer is not None and answer.code == UNSUPPORTED:
        return _unfit(snapshot, found[0], "driver-too-old", "is not supported on these GPUs")
    if answer is None and consumer:
        return warn(
            f"{found[0]} stands first, and forward compatibility does not work on GeForce",
            *_ways_out(snapshot),
            confidence="likely",
        )
    return note(f"a compatibility library stands first: {found[0]}")


def _unfit(snapshot: Snapshot, library: str, cause: str, words: str) -> Outcome:
    version = driver_version(snapshot)
    driver = f" (driver {version})" if version else ""
    return fail(
        f"the compatibility library {library} {words}{driver}",
        *_ways_out(snapshot),
        cause=cause,
        library=library,
    )


def _ways_out(snapshot: Snapshot) -> tuple[str, ...]:
    where = "the image" if snapshot.container is not None else "LD_LIBRARY_PATH"
    return (
        f"take the cuda-compat folder out of {where}, with a torch that the driver runs",
        "or update the driver",
    )


CHECKS = (
    Check(
        id="cuda.stub",
        judge=no_stub,
        cause="library-path-shadowing",
        needs=("ctr.injection", "drv.module"),
        reference="NVIDIA CUDA Installation Guide, stubs; CUresult 34",
    ),
    Check(
        id="cuda.forward_compat",
        judge=forward_compatibility,
        cause="driver-too-old",
        needs=("ctr.injection", "drv.module", "drv.user_kernel_match"),
        reference="NVIDIA CUDA Compatibility guide",
    ),
    Check(
        id="cuda.ldconfig",
        judge=in_linker_cache,
        cause="library-path-shadowing",
        needs=("ctr.injection", "drv.module"),
        reference="ldconfig(8); pytorch/pytorch issue 103417",
    ),
)
