"""The driver: is it there, loaded, of one release, and may this process reach it."""

from gpubench.checks.driver_package import module_accepted
from gpubench.checks.facts import (
    NO_GPU,
    capabilities,
    cuda_works,
    gpu_nodes,
    has_gpu,
    has_no_gpu,
    install_on,
    nvml_answers,
    on_the_host,
    pci_gpus,
)
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown
from gpubench.env.snapshot import Snapshot
from gpubench.units import count
from gpubench.versions import Version

RELOAD = "sudo rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia && sudo modprobe nvidia"
MISMATCH = 18
"""NVML: the library is not of the release of the kernel module."""


def gpu_on_the_bus(snapshot: Snapshot) -> Outcome:
    """An NVIDIA GPU is on the PCI bus.

    Why: a card the bus does not show can be used by nothing.
    Remedy: reseat the card, enable it in the firmware, or pass it through to the guest.
    """
    found = pci_gpus(snapshot)
    if found:
        return ok(f"{count(len(found), 'NVIDIA GPU')} on the PCI bus")
    if snapshot.paste is not None:
        return skip("the PCI bus is not described here")
    if nvml_answers(snapshot):
        return note("NVML sees GPUs that the PCI bus does not show (WSL, or a guest without /sys)")
    if snapshot.driver.pci_devices is None:
        reason = snapshot.why_unread("driver.pci_devices")
        return unknown(reason) if reason else skip("the PCI bus is not described here")
    if snapshot.driver.module_loaded:
        return note("the driver is loaded, but the PCI bus shows no NVIDIA GPU")
    return skip(NO_GPU)


def module_loaded(snapshot: Snapshot) -> Outcome:
    """The NVIDIA kernel module is loaded.

    Why: without it there is no /dev/nvidia*, no NVML and no CUDA.
    Remedy: install the driver and load it; after a kernel update rebuild it (DKMS).
    """
    driver = snapshot.driver
    if driver.module_loaded:
        return ok(f"the kernel module is loaded, {driver.version or 'of unknown release'}")
    if snapshot.paste is not None and driver.module_loaded is None:
        return skip("the kernel module is not described here")
    if nvml_answers(snapshot):
        return note("NVML answers although /proc/driver/nvidia is missing (WSL)")
    if cuda_works(snapshot):
        return note("CUDA works although /proc/driver/nvidia is missing")
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    if driver.module_loaded is None:
        reason = snapshot.why_unread("driver.version")
        return unknown(reason) if reason else skip("the kernel module is not described here")
    if not pci_gpus(snapshot):
        return skip(NO_GPU)
    if all(device.driver == "vfio-pci" for device in pci_gpus(snapshot)):
        return note("every NVIDIA GPU is bound to vfio-pci, to be handed to guests")
    return fail(
        f"{count(len(pci_gpus(snapshot)), 'NVIDIA GPU')} on the PCI bus, "
        "but the NVIDIA kernel module is not loaded",
        *_how_to_load(snapshot),
        bound_to=sorted({device.driver or "nothing" for device in pci_gpus(snapshot)}),
    )


def _how_to_load(snapshot: Snapshot) -> tuple[str, ...]:
    if snapshot.container is not None:
        return ("install and load the NVIDIA driver on the host, not in the container",)
    return (
        "sudo modprobe nvidia",
        "where that fails, then reboot: "
        + install_on(
            snapshot,
            "nvidia-driver linux-headers-$(uname -r)",
            "install the NVIDIA driver of your distribution, 580 or newer",
        ),
    )


def nouveau_away(snapshot: Snapshot) -> Outcome:
    """The nouveau driver does not hold the GPUs.

    Why: while nouveau is bound to a card, the NVIDIA module cannot take it.
    Remedy: blacklist nouveau, rebuild the initramfs, reboot.
    """
    held = [device.address for device in pci_gpus(snapshot) if device.driver == "nouveau"]
    if held:
        return fail(
            f"nouveau holds {', '.join(held)}",
            *_how_to_blacklist(snapshot),
            devices=held,
        )
    if not pci_gpus(snapshot):
        return skip(NO_GPU)
    return ok("no GPU is held by nouveau")


def _how_to_blacklist(snapshot: Snapshot) -> tuple[str, ...]:
    if snapshot.container is not None:
        return ("on the host: blacklist nouveau, rebuild the initramfs, reboot",)
    has_tool = (snapshot.host.system or "").startswith(("Debian", "Ubuntu"))
    return (
        "echo 'blacklist nouveau' | sudo tee /etc/modprobe.d/blacklist-nouveau.conf",
        "sudo update-initramfs -u && sudo reboot"
        if has_tool
        else "rebuild the initramfs with your distribution's tool, then: sudo reboot",
    )


def one_release(snapshot: Snapshot) -> Outcome:
    """The user-space driver is of the release of the loaded kernel module.

    Why: NVML answers "Driver/library version mismatch" and CUDA error 803 otherwise; it comes
    from a driver update without a reboot, or from driver libraries baked into an image.
    Remedy: reboot, or reload the modules; take driver libraries out of the image.
    """
    nvml = snapshot.driver.nvml
    module = Version.find(snapshot.driver.version)
    if nvml is not None and nvml.code == MISMATCH:
        if cuda_works(snapshot):
            return note("NVML is of another release than the kernel module, but CUDA works")
        return _mismatch(snapshot, f"NVML: {nvml.message or 'driver/library version mismatch'}")
    library = Version.find(nvml.driver_version if nvml else None)
    if module is None or library is None:
        return _cannot_compare(snapshot)
    if module != library:
        return _mismatch(snapshot, f"kernel module {module}, user-space library {library}")
    return ok(f"kernel module and libraries are both {module}")


def _mismatch(snapshot: Snapshot, words: str) -> Outcome:
    remedy = (
        "take the driver libraries out of the image; the container runtime brings the host's own",
        "or reboot the host after its driver update",
    )
    if snapshot.container is None:
        remedy = (
            "sudo reboot",
            f"or end every program on the GPUs, then: {RELOAD}",
        )
    return fail(words, *remedy, kernel_module=snapshot.driver.version)


def _cannot_compare(snapshot: Snapshot) -> Outcome:
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    if snapshot.driver.module_loaded is False and nvml_answers(snapshot):
        return skip("there is no kernel module here to compare with (WSL)")
    reason = snapshot.why_unread("driver.version", "driver.nvml")
    if reason:
        return unknown(reason)
    if snapshot.driver.nvml is not None and snapshot.driver.nvml.code != 0:
        return skip("NVML did not start, so there is one release only")
    return skip("the kernel module and the library are not both described here")


def device_nodes(snapshot: Snapshot) -> Outcome:
    """The device nodes are there and this process may open them.

    Why: CUDA opens /dev/nvidiactl and one /dev/nvidiaN per GPU, for reading and writing.
    Remedy: sudo nvidia-modprobe; give the user access to the nodes (ls -l /dev/nvidia*).
    """
    nodes = snapshot.driver.device_nodes
    if nodes is None:
        reason = snapshot.why_unread("driver.device_nodes")
        return unknown(reason) if reason else skip("the device nodes are not described here")
    if not has_gpu(snapshot):
        return skip(NO_GPU)
    if snapshot.driver.pci_devices == () and not (snapshot.gpus or gpu_nodes(snapshot)):
        return skip("the PCI bus shows no NVIDIA GPU")
    closed = [node.path for node in nodes if not node.accessible and _is_needed(node.path)]
    if closed and (cuda_works(snapshot) or _all_answer(snapshot)):
        return note(f"no access to {', '.join(closed)}, but the driver answers", nodes=closed)
    if closed:
        return fail(
            f"no access to {', '.join(closed)}",
            "give this user read and write access to them (owner, group and mode: "
            "ls -l /dev/nvidia*)",
            nodes=closed,
        )
    if gpu_nodes(snapshot):
        return ok(f"{count(len(gpu_nodes(snapshot)), 'device node')} can be opened")
    if nvml_answers(snapshot) or cuda_works(snapshot):
        return note("the driver answers although there is no /dev/nvidia0 to be seen")
    return fail(
        "the driver is loaded, but there is no /dev/nvidia0",
        *on_the_host(snapshot, "sudo nvidia-modprobe -c 0 -u"),
        present=[node.path for node in nodes],
    )


def _all_answer(snapshot: Snapshot) -> bool:
    """True where NVML opened every GPU it counted."""
    return nvml_answers(snapshot) and not any(gpu.error_code for gpu in snapshot.gpus)


def _is_needed(path: str) -> bool:
    return path.removeprefix("/dev/nvidia").isdigit() or path in ("/dev/nvidiactl", "/dev/dxg")


def unified_memory(snapshot: Snapshot) -> Outcome:
    """The nvidia-uvm module and node are there.

    Why: CUDA needs unified virtual memory; without it cuInit answers 999.
    Remedy: sudo nvidia-modprobe -u -c 0; in a container pass /dev/nvidia-uvm in.
    """
    nodes = {node.path: node for node in snapshot.driver.device_nodes or ()}
    started = cuda_works(snapshot)
    if not gpu_nodes(snapshot) or "/dev/dxg" in nodes:
        return skip("there are no NVIDIA device nodes to judge")
    node = nodes.get("/dev/nvidia-uvm")
    if node is None:
        if started:
            return note("CUDA starts without /dev/nvidia-uvm")
        if snapshot.cuda_init is None:
            return note("/dev/nvidia-uvm is not there yet; the first CUDA program makes it")
        return fail(
            "/dev/nvidia-uvm is missing", *on_the_host(snapshot, "sudo nvidia-modprobe -u -c 0")
        )
    if not node.accessible and started:
        return note("CUDA starts although /dev/nvidia-uvm does not seem to be open to us")
    if not node.accessible:
        return fail(
            "no access to /dev/nvidia-uvm",
            "give this user read and write access to it (ls -l /dev/nvidia-uvm)",
        )
    return ok("/dev/nvidia-uvm can be opened")


def open_module(snapshot: Snapshot) -> Outcome:
    """The kernel module is of a flavour that drives these GPUs.

    Why: Blackwell and later are driven by the open kernel module alone.
    Remedy: install the open flavour of the same driver.
    """
    newest = max(capabilities(snapshot), default=None)
    if snapshot.driver.flavour is None or newest is None:
        return skip("the flavour of the module or the GPUs are not known here")
    if snapshot.driver.flavour == "open" or newest.major < 10:
        return ok(f"the {snapshot.driver.flavour} kernel module drives these GPUs")
    words = f"the proprietary kernel module is not made for a GPU of capability {newest}"
    if nvml_answers(snapshot) or cuda_works(snapshot):
        return note(f"{words}, but the driver answers")
    return fail(
        words,
        *on_the_host(
            snapshot, "install the open flavour (nvidia-open) of the NVIDIA driver, 580 or newer"
        ),
        capability=str(newest),
    )


_GUIDE = "NVIDIA Driver Installation Guide"

CHECKS = (
    Check(
        id="drv.pci_present",
        judge=gpu_on_the_bus,
        cause="driver-absent",
        reference=_GUIDE,
    ),
    Check(
        id="drv.nouveau",
        judge=nouveau_away,
        cause="driver-absent",
        needs=("ctr.injection",),
        reference=_GUIDE,
    ),
    Check(
        id="drv.signature",
        judge=module_accepted,
        cause="driver-absent",
        needs=("ctr.injection", "drv.nouveau"),
        reference="Linux kernel documentation, module signing",
    ),
    Check(
        id="drv.module",
        judge=module_loaded,
        cause="driver-absent",
        needs=("ctr.injection", "drv.nouveau", "drv.signature"),
        reference=_GUIDE,
    ),
    Check(
        id="drv.open_module",
        judge=open_module,
        cause="driver-absent",
        needs=("drv.module",),
        reference="NVIDIA open GPU kernel modules, supported GPUs",
    ),
    Check(
        id="drv.user_kernel_match",
        judge=one_release,
        cause="driver-library-mismatch",
        needs=("ctr.injection", "drv.module"),
        reference="NVIDIA/nvidia-container-toolkit issue 394",
    ),
    Check(
        id="drv.devnodes",
        judge=device_nodes,
        cause="device-access",
        needs=("ctr.injection", "drv.module"),
        reference="NVIDIA driver README, device nodes",
    ),
    Check(
        id="drv.uvm",
        judge=unified_memory,
        cause="device-access",
        needs=("ctr.injection", "drv.module", "drv.devnodes"),
        reference="NVIDIA driver README, nvidia-modprobe",
    ),
)
