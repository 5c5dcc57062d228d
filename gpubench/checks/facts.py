"""What several checks ask of a snapshot: which GPUs, which driver, what was seen to work."""

import re
from collections.abc import Callable, Iterator

from gpubench.checks.outcome import Outcome, skip, unknown
from gpubench.env.driver_files import is_gpu_node
from gpubench.env.host import SCHEDULERS
from gpubench.env.snapshot import DeviceNode, Gpu, PciDevice, Snapshot
from gpubench.knowledge.messages import Said, messages_in
from gpubench.knowledge.tables import capability_of
from gpubench.versions import Version

_RELEASED = re.compile(
    r"\d+(?:\.\d+){1,2}(?:\.(?:post|dev)\d+|rc\d+)?(?:\+(?:cu\d+|cpu)(?:[._-]\w+)*)?"
)
CONSUMER = re.compile(r"GeForce|TITAN|\bGTX\b|\bMX\d")
"""In the names of GPUs that are sold for desktops and laptops."""
NO_GPU = "no NVIDIA GPU here"
NO_TORCH = "torch is not installed in this environment"


def nvml_answers(snapshot: Snapshot) -> bool:
    """True where NVML started and counted at least one device."""
    nvml = snapshot.driver.nvml
    return nvml is not None and nvml.code == 0 and bool(nvml.device_count or snapshot.gpus)


def pci_gpus(snapshot: Snapshot) -> tuple[PciDevice, ...]:
    """The NVIDIA GPUs on the bus."""
    return tuple(device for device in snapshot.driver.pci_devices or () if device.is_gpu)


def has_gpu(snapshot: Snapshot) -> bool:
    """True where anything says that there is an NVIDIA GPU or its driver."""
    return bool(
        snapshot.gpus
        or pci_gpus(snapshot)
        or snapshot.driver.module_loaded
        or snapshot.driver.version
        or nvml_answers(snapshot)
        or (snapshot.cuda_init and snapshot.cuda_init.device_count)
        or (snapshot.torch_run and snapshot.torch_run.devices and not is_rocm(snapshot))
    )


def is_rocm(snapshot: Snapshot) -> bool:
    """True for a torch built for AMD's GPUs, which calls them cuda devices all the same."""
    return snapshot.torch is not None and snapshot.torch.hip is not None


def cuda_works(snapshot: Snapshot) -> bool:
    """True where CUDA was seen to start or to compute: the driver works, whatever a file says."""
    started = snapshot.cuda_init is not None and snapshot.cuda_init.code == 0
    if was_available(snapshot):
        return True
    return started or (gpu_computed(snapshot) and not is_rocm(snapshot))


def was_available(snapshot: Snapshot) -> bool:
    """True where a report says that CUDA was available to torch."""
    paste = snapshot.paste
    return paste is not None and paste.cuda_available is True and not is_rocm(snapshot)


def messages_of(snapshot: Snapshot) -> tuple[Said, ...]:
    """The messages on record that a pasted report holds."""
    return messages_in("\n".join(snapshot.paste.said)) if snapshot.paste else ()


def gpu_was_wanted(snapshot: Snapshot) -> bool:
    """True where somebody complains that no GPU, or not every GPU, is used."""
    return any(said.message.wants_gpu for said in messages_of(snapshot))


def is_shared_out(snapshot: Snapshot) -> bool:
    """True in a container or a scheduler's job, which is given some of the machine's GPUs."""
    return snapshot.container is not None or any(
        name in snapshot.environment for name in SCHEDULERS
    )


def on_the_host(snapshot: Snapshot, *steps: str) -> tuple[str, ...]:
    """``steps``, which change the machine: in a container they are for its host."""
    if snapshot.container is None:
        return steps
    return tuple(f"on the host: {step.removeprefix('sudo ')}" for step in steps)


def install_on(snapshot: Snapshot, packages: str, words: str) -> str:
    """``packages`` by name on Debian alone; elsewhere ``words``, which hold anywhere."""
    if snapshot.container is not None:
        return f"on the host: {words}"
    is_debian = (snapshot.host.system or "").startswith("Debian")
    return f"sudo apt install {packages}" if is_debian else words


def has_no_gpu(snapshot: Snapshot) -> bool:
    """True where every source says that there is none: the bus, /proc and NVML.

    Where the bus cannot be read, as in a sandbox, that there are no device nodes stands in.
    """
    driver = snapshot.driver
    if snapshot.source != "live" or has_gpu(snapshot) or driver.pci_devices:
        return False
    if driver.pci_devices is None and (driver.device_nodes is None or gpu_nodes(snapshot)):
        return False
    return driver.module_loaded is False


def gpu_nodes(snapshot: Snapshot) -> tuple[DeviceNode, ...]:
    """/dev/nvidia0 and its sisters; /dev/dxg is the one node of WSL."""
    nodes = snapshot.driver.device_nodes or ()
    return tuple(node for node in nodes if is_gpu_node(node) or node.path == "/dev/dxg")


def driver_version(snapshot: Snapshot) -> Version | None:
    """The release of the kernel module, else what NVML says."""
    nvml = snapshot.driver.nvml
    return Version.find(snapshot.driver.version) or Version.find(
        nvml.driver_version if nvml else None
    )


def torch_version(snapshot: Snapshot) -> Version | None:
    """The release of torch."""
    return Version.find(snapshot.torch.version if snapshot.torch else None)


def is_released(snapshot: Snapshot) -> bool:
    """True for a released or nightly wheel; what was built from source is in no table."""
    version = snapshot.torch.version if snapshot.torch else ""
    return _RELEASED.fullmatch(version) is not None


def is_windows(snapshot: Snapshot) -> bool:
    """True where the report is of Windows, whose drivers are numbered on their own."""
    return "windows" in (snapshot.host.system or "").lower()


def torch_cuda(snapshot: Snapshot) -> Version | None:
    """The CUDA release torch was built with; None for a CPU build or no torch."""
    return Version.find(snapshot.torch.cuda if snapshot.torch else None)


def python_version(snapshot: Snapshot) -> Version | None:
    """The release of the interpreter under test."""
    return Version.find(snapshot.python.version if snapshot.python else None)


def capability(gpu: Gpu) -> Version | None:
    """The compute capability of a GPU, by its name where NVML did not say."""
    return Version.find(gpu.compute_capability or (capability_of(gpu.name) if gpu.name else None))


def capabilities(snapshot: Snapshot) -> tuple[Version, ...]:
    """The distinct compute capabilities of the GPUs, oldest first."""
    return tuple(sorted({found for gpu in snapshot.gpus if (found := capability(gpu))}))


def gpu_computed(snapshot: Snapshot) -> bool:
    """True where torch was seen to compute the right thing on a GPU."""
    run = snapshot.torch_run
    return run is not None and any(
        proof.agrees and is_one_gpu(proof.device) for proof in run.proofs
    )


def is_one_gpu(device: str) -> bool:
    """True for ``cuda:3``; false for the CPU, a pair of GPUs, and all of them together."""
    return device.startswith("cuda:") and device.removeprefix("cuda:").isdigit()


def companions(snapshot: Snapshot) -> tuple[str, ...]:
    """Those of torchvision and torchaudio that are installed."""
    if snapshot.python is None:
        return ()
    names = ("torchvision", "torchaudio")
    return tuple(name for name in names if snapshot.python.distribution(name))


def gpus_known(snapshot: Snapshot) -> Outcome | None:
    """None where there are GPUs to judge; else the outcome that says why not."""
    if snapshot.gpus:
        return None
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    reason = snapshot.why_unread("driver.nvml")
    if reason:
        return unknown(reason)
    if has_gpu(snapshot):
        return unknown("there is a GPU, but nothing describes it")
    return skip("no GPU is described here")


def torch_known(snapshot: Snapshot) -> Outcome | None:
    """None where torch is described; else the outcome that says why not."""
    if snapshot.torch is not None:
        return None
    reason = snapshot.why_unread("torch", "python")
    return unknown(reason) if reason else skip(NO_TORCH)


def per_gpu(
    snapshot: Snapshot, field: str, what: str, judge: Callable[[Gpu], str | None]
) -> tuple[Outcome | None, list[str]]:
    """Ask ``judge`` of every GPU that knows ``field``; what it says is trouble.

    Gives an outcome where nothing can be judged, and otherwise the troubles of all GPUs.
    """
    missing = gpus_known(snapshot)
    if missing is not None:
        return missing, []
    known = [gpu for gpu in snapshot.gpus if getattr(gpu, field) is not None]
    troubles = [f"GPU {gpu.index}: {said}" for gpu in known if (said := judge(gpu))]
    if troubles:
        return None, troubles
    reason = snapshot.why_unread(*_paths(snapshot, field))
    if reason:
        return unknown(reason), []
    if not known:
        return skip(f"no GPU here tells {what}"), []
    return None, []


def _paths(snapshot: Snapshot, field: str) -> Iterator[str]:
    return (f"gpus.{gpu.index}.{field}" for gpu in snapshot.gpus)
