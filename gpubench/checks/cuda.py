"""CUDA: does this driver run the CUDA release torch was built with, and does it start."""

from gpubench.checks.facts import (
    NO_GPU,
    driver_version,
    gpu_computed,
    has_gpu,
    has_no_gpu,
    is_windows,
    torch_cuda,
    torch_known,
    was_available,
)
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown
from gpubench.checks.remedies import replace_torch
from gpubench.env.snapshot import CudaInit, Snapshot
from gpubench.knowledge.tables import (
    cuda_error,
    newest_cuda,
    oldest_driver,
    toolkit_driver,
)
from gpubench.versions import Version


def driver_runs_cuda(snapshot: Snapshot) -> Outcome:
    """The driver is new enough for the CUDA release torch was built with.

    Why: CUDA does not start under a driver older than the first one of its major release;
    within a major release, newer minor releases run on older drivers.
    Remedy: update the driver, or install a torch built for an older CUDA.
    """
    missing, driver, cuda = _both(snapshot)
    if driver is None or cuda is None:
        return missing or unknown("the driver's or torch's CUDA release could not be read")
    oldest = oldest_driver(cuda, windows=is_windows(snapshot))
    if oldest is None:
        return skip(f"no driver requirement on record for CUDA {cuda}")
    if driver >= oldest:
        return ok(f"driver {driver} runs CUDA {cuda.major}.x")
    words = f"driver {driver} is older than {oldest}, the oldest that runs CUDA {cuda}"
    if was_available(snapshot):
        return note(f"{words}, yet CUDA was available to torch (forward compatibility)")
    if gpu_computed(snapshot):
        return note(f"{words}, yet torch computes on the GPU (forward compatibility)")
    return fail(
        words,
        f"update the driver to {toolkit_driver(cuda) or oldest} or later",
        *_or_older_torch(snapshot),
        driver=str(driver),
        oldest=str(oldest),
        cuda=str(cuda),
    )


def _both(snapshot: Snapshot) -> tuple[Outcome | None, Version | None, Version | None]:
    """Driver and CUDA, or the outcome where one is not to be had."""
    missing = torch_known(snapshot)
    if missing is not None:
        return missing, None, None
    cuda, driver = torch_cuda(snapshot), driver_version(snapshot)
    if cuda is None:
        return skip("this torch was built without CUDA"), None, None
    if driver is None:
        if has_no_gpu(snapshot):
            return skip(NO_GPU), None, cuda
        reason = snapshot.why_unread("driver.version", "driver.nvml")
        words = "the driver is not described here"
        return unknown(reason) if reason else skip(words), None, cuda
    return None, driver, cuda


def _or_older_torch(snapshot: Snapshot) -> tuple[str, ...]:
    lines = replace_torch(snapshot)
    return (f"or: {lines[0]} && {lines[1]}",) if lines else ()


def minor_compatibility(snapshot: Snapshot) -> Outcome:
    """The driver is as new as the CUDA release torch was built with.

    Why: an older driver of the same CUDA major runs it by minor-version compatibility; only
    PTX compilation and features of newer drivers are missing then. It is no fault.
    Remedy: none needed; update the driver to have everything.
    """
    missing, driver, cuda = _both(snapshot)
    if driver is None or cuda is None:
        return missing or unknown("the driver's or torch's CUDA release could not be read")
    if is_windows(snapshot):
        return skip("drivers of Windows are numbered on their own")
    oldest, own = oldest_driver(cuda), toolkit_driver(cuda)
    if own is None or oldest is None:
        return skip(f"no driver on record for CUDA {cuda}")
    if driver < oldest:
        return skip(f"driver {driver} does not run CUDA {cuda} at all")
    if driver >= own:
        return ok(f"driver {driver} is as new as CUDA {cuda}")
    return note(
        f"driver {driver} runs CUDA {cuda} by minor-version compatibility: PTX compilation "
        f"and newer features need {own}",
        driver=str(driver),
        toolkit_driver=str(own),
    )


def cuda_starts(snapshot: Snapshot) -> Outcome:
    """CUDA starts: cuInit, in a process of its own.

    Why: everything that computes on a GPU begins with it, and its answer names most troubles.
    Remedy: by its code.
    """
    answer = snapshot.cuda_init
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    if answer is None:
        return skip("CUDA is started at --level standard")
    if answer.code == 0:
        return ok(
            f"cuInit answers for {answer.device_count} devices, CUDA {answer.driver_cuda or '?'}"
        )
    if gpu_computed(snapshot):
        return note(f"cuInit failed ({_words(answer)}), yet torch computes on the GPU")
    if answer.code is None:
        return _did_not_answer(snapshot, answer)
    row = cuda_error(answer.code)
    if row is None:
        return fail(
            f"cuInit: {_words(answer)}",
            "sudo dmesg | grep -i nvrm",
            confidence="possible",
            code=answer.code,
        )
    if "cause" not in row:
        return unknown(f"cuInit: {_words(answer)}: {row['meaning']}")
    return fail(
        f"cuInit: {_words(answer)}: {row['meaning']}",
        row["remedy"],
        cause=row["cause"],
        confidence=row.get("confidence", "likely"),
        code=answer.code,
    )


def _words(answer: CudaInit) -> str:
    return f"{answer.name or 'error'} ({answer.code})"


def _did_not_answer(snapshot: Snapshot, answer: CudaInit) -> Outcome:
    said = answer.problem or "no answer"
    if "libcuda.so.1" in said and "cannot open" in said:
        remedy = "install the driver's user-space libraries (Debian, Ubuntu: libcuda1)"
        if snapshot.container is not None:
            remedy = "docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility ..."
        cause = "driver-absent" if snapshot.container is None else "container-no-gpu"
        return fail(f"libcuda.so.1 was not found: {said}", remedy, cause=cause)
    return fail(
        f"CUDA did not start: {said}",
        "sudo dmesg | grep -iE 'nvrm|xid'",
        cause="gpu-hardware-fault",
        confidence="possible",
    )


def every_gpu_in_cuda(snapshot: Snapshot) -> Outcome:
    """CUDA counts the GPUs that NVML counts, less those that a variable hides.

    Why: a job that asks for eight GPUs and gets seven fails late.
    Remedy: look at the GPU that is missing: MIG, compute mode, kernel log.
    """
    nvml, answer = snapshot.driver.nvml, snapshot.cuda_init
    if answer is None or answer.device_count is None or nvml is None or not nvml.device_count:
        return skip("CUDA and NVML did not both count")
    words = f"CUDA counts {answer.device_count}, NVML {nvml.device_count}"
    masked = "CUDA_VISIBLE_DEVICES" in snapshot.environment
    if answer.device_count >= nvml.device_count:
        return ok(words)
    if masked or any(gpu.mig_enabled for gpu in snapshot.gpus):
        return note(f"{words} (CUDA_VISIBLE_DEVICES or MIG)")
    return fail(words, "nvidia-smi -q | grep -iE 'compute mode|mig'", confidence="likely")


def driver_known(snapshot: Snapshot) -> Outcome:
    """The driver branch is on record.

    Why: what is not on record is judged by its age alone.
    Remedy: none; update gpubench.
    """
    driver = driver_version(snapshot)
    if driver is None:
        return skip(NO_GPU) if not has_gpu(snapshot) else unknown("the driver's release is unknown")
    newest = newest_cuda(driver)
    if newest is None:
        return note(f"driver {driver} is not on record; newer ones run every older CUDA")
    return ok(f"driver {driver} runs CUDA up to {newest} natively")


_COMPATIBILITY = "NVIDIA CUDA Compatibility guide"
_UP = ("ctr.injection", "drv.module", "drv.user_kernel_match", "drv.devnodes", "drv.uvm")

CHECKS = (
    Check(
        id="cuda.driver_known",
        judge=driver_known,
        cause="driver-absent",
        needs=_UP[:2],
        reference="NVIDIA data centre driver release notes",
    ),
    Check(
        id="cuda.floor",
        judge=driver_runs_cuda,
        cause="driver-too-old",
        needs=("torch.present", "ctr.injection", "drv.module"),
        reference=_COMPATIBILITY,
    ),
    Check(
        id="cuda.minor_compat",
        judge=minor_compatibility,
        cause="driver-too-old",
        needs=("torch.present", "drv.module", "cuda.floor"),
        reference=_COMPATIBILITY,
    ),
    Check(
        id="cuda.init",
        judge=cuda_starts,
        cause="driver-absent",
        needs=(
            *_UP,
            "cuda.stub",
            "cuda.forward_compat",
            "nvml.load",
            "gpu.handles",
            "gpu.compute_mode",
            "gpu.mig",
            "env.masking",
            *("gpu.cc_mode", "fab.manager", "fab.state"),
        ),
        reference="NVIDIA CUDA Driver API, cuInit and CUresult",
    ),
    Check(
        id="cuda.count_match",
        judge=every_gpu_in_cuda,
        cause="device-access",
        needs=("cuda.init", "env.masking", "gpu.handles", "gpu.mig"),
        reference="NVIDIA CUDA Driver API, cuDeviceGetCount",
    ),
)
