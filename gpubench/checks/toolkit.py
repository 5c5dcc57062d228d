"""The CUDA toolkits and run times beside torch: unused ones are no trouble."""

import re

from gpubench.checks.facts import (
    NO_GPU,
    cuda_works,
    driver_version,
    has_gpu,
    is_rocm,
    torch_cuda,
    torch_known,
)
from gpubench.checks.outcome import Check, Outcome, note, ok, skip, warn
from gpubench.env.snapshot import Snapshot
from gpubench.knowledge.tables import newest_cuda, oldest_driver
from gpubench.versions import Version

_REQUIRED = re.compile(r"cuda>=(\d+\.\d+)")


def toolkit_of_torch(snapshot: Snapshot) -> Outcome:
    """The CUDA toolkit here is of the release torch was built with.

    Why: wheels bring their own CUDA and need no toolkit; an extension that is built here does,
    and torch refuses one of another major release.
    Remedy: CUDA_HOME of a toolkit of torch's release, where extensions are to be built.
    """
    missing = torch_known(snapshot)
    if missing is not None:
        return missing
    cuda, tools = torch_cuda(snapshot), snapshot.toolchain
    if cuda is None or is_rocm(snapshot):
        return skip("this torch was built without CUDA")
    if tools is None or (tools.toolkits is None and tools.nvcc is None):
        return skip("no toolkit is described here; torch's wheels need none")
    place, release = _first_toolkit(snapshot)
    if release is None:
        return skip(f"{place or 'no toolkit is here'}; torch's wheels need none")
    words = f"the toolkit {place} is of CUDA {release}, torch of {cuda}"
    if release.release(2) == cuda.release(2):
        return ok(words)
    if release.major == cuda.major:
        return note(f"{words}: of one major release, which also builds extensions")
    if not snapshot.environment.get("TORCH_CUDA_ARCH_LIST"):
        return note(f"{words}: it matters where extensions are built, and nowhere else")
    return warn(
        f"{words}: torch refuses to build extensions with it",
        f"export CUDA_HOME=/usr/local/cuda-{cuda.major}.{cuda.minor}   (install it where it is "
        f"not: cuda-toolkit-{cuda.major}-{cuda.minor})",
        confidence="likely",
        toolkit=str(release),
        torch=str(cuda),
    )


def _first_toolkit(snapshot: Snapshot) -> tuple[str, Version | None]:
    """The one an extension build would take, and its release; else why there is none."""
    tools = snapshot.toolchain
    if tools is None:
        return "", None
    if not tools.toolkits:
        return "nvcc" if tools.nvcc else "", Version.find(tools.nvcc)
    first = tools.toolkits[0]
    release = Version.find(first.release or (tools.nvcc if first.named_by == "PATH" else None))
    if release is not None:
        return first.path, release
    lacks = "does not tell its release" if first.has_nvcc else "holds no toolkit"
    return f"{first.path} ({first.named_by}) {lacks}", None


def one_runtime(snapshot: Snapshot) -> Outcome:
    """One release of the CUDA runtime is loaded.

    Why: two majors of libcudart or libnvrtc in one process come from two packages that were
    built for different CUDA releases; each keeps its own state.
    Remedy: take the folder of the odd one out of LD_LIBRARY_PATH, or uninstall its package.
    """
    run = snapshot.torch_run
    if run is None or not run.loaded:
        return skip("which libraries are loaded is seen at --level standard")
    for name in ("libcudart", "libnvrtc"):
        found = {
            match[1]: path
            for path in run.loaded
            if (match := re.search(rf"/{name}(?:-[0-9a-f]+)?\.so\.(\d+)", path))
        }
        if len(found) > 1:
            return warn(
                f"{name} of CUDA {' and '.join(sorted(found, key=int))} is loaded at once",
                "look for the odd one: " + ", ".join(found.values()),
                cause="cuda-mixed",
                confidence="possible",
                files=list(found.values()),
            )
    return ok("one release of the CUDA runtime at most is loaded")


def device_order(snapshot: Snapshot) -> Outcome:
    """GPUs are numbered alike by CUDA and nvidia-smi.

    Why: CUDA puts the fastest GPU first unless told otherwise, nvidia-smi goes by the bus; on a
    machine of different GPUs an index then means two things.
    Remedy: export CUDA_DEVICE_ORDER=PCI_BUS_ID
    """
    names = {gpu.name for gpu in snapshot.gpus if gpu.name}
    if len(snapshot.gpus) < 2 or not names:
        return skip("fewer than two GPUs are described here")
    if len(names) == 1:
        return ok("all GPUs are of one model")
    order = snapshot.environment.get("CUDA_DEVICE_ORDER")
    if order == "PCI_BUS_ID":
        return ok("CUDA_DEVICE_ORDER=PCI_BUS_ID")
    if snapshot.source != "live" and not snapshot.environment:
        return skip("the variables are not described here")
    return warn(
        f"{len(names)} models of GPU and CUDA_DEVICE_ORDER is {order or 'not set'}: CUDA numbers "
        "them otherwise than nvidia-smi",
        "export CUDA_DEVICE_ORDER=PCI_BUS_ID",
        models=sorted(names),
    )


def image_requirement(snapshot: Snapshot) -> Outcome:
    """The image asks for no newer driver than its CUDA needs.

    Why: images carry NVIDIA_REQUIRE_CUDA, and the container runtime refuses them where the
    driver's own CUDA is older, although minor-version compatibility would run them.
    Remedy: NVIDIA_DISABLE_REQUIRE=1, knowing that newer features are missing then.
    """
    value = snapshot.environment.get("NVIDIA_REQUIRE_CUDA")
    if not value:
        return skip("NVIDIA_REQUIRE_CUDA is not set") if has_gpu(snapshot) else skip(NO_GPU)
    wanted = [Version.parse(text) for text in _REQUIRED.findall(value)]
    driver = driver_version(snapshot)
    own = newest_cuda(driver) if driver else None
    if not wanted or driver is None or own is None:
        return skip("NVIDIA_REQUIRE_CUDA and the driver cannot be compared")
    least = min(wanted)
    oldest = oldest_driver(least)
    words = f"the image asks for CUDA {least}, driver {driver} is of {own}"
    if own >= least or (oldest is not None and driver < oldest):
        return ok(words)  # where the driver is too old by all rules, cuda.floor says so
    if snapshot.environment.get("NVIDIA_DISABLE_REQUIRE") or cuda_works(snapshot):
        return note(f"{words}; it runs by minor-version compatibility")
    return warn(
        f"{words}: the runtime refuses it although minor-version compatibility would run it",
        "docker run -e NVIDIA_DISABLE_REQUIRE=1 --gpus all ...",
        confidence="likely",
    )


CHECKS = (
    Check(
        id="cuda.toolkit",
        judge=toolkit_of_torch,
        cause="toolkit-mismatch",
        needs=("torch.present",),
        reference="PyTorch, torch.utils.cpp_extension, _check_cuda_version",
    ),
    Check(
        id="cuda.duplicate_rt",
        judge=one_runtime,
        cause="cuda-mixed",
        needs=("torch.present",),
        reference="bitsandbytes, diagnostics",
    ),
    Check(
        id="cuda.order",
        judge=device_order,
        cause="host-tuning",
        reference="NVIDIA CUDA C++ Programming Guide, environment variables",
    ),
    Check(
        id="cuda.require_env",
        judge=image_requirement,
        cause="host-tuning",
        reference="NVIDIA Container Toolkit documentation; pytorch/test-infra issue 8210",
    ),
)
