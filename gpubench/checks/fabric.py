"""The NVSwitch fabric between the GPUs of a baseboard, and the service that sets it up."""

from gpubench.checks.facts import cuda_works, on_the_host, per_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, warn
from gpubench.env.snapshot import Gpu, Snapshot
from gpubench.units import count
from gpubench.versions import Version

LESS_BANDWIDTH = "degraded bandwidth"
START = "sudo systemctl enable --now nvidia-fabricmanager"


def has_fabric(snapshot: Snapshot) -> bool:
    """True where GPUs are joined by NVSwitches."""
    switches = any(device.is_nvswitch for device in snapshot.driver.pci_devices or ())
    return switches or any(in_fabric(gpu) for gpu in snapshot.gpus)


def in_fabric(gpu: Gpu) -> bool:
    """True for a GPU that registers with a fabric."""
    return gpu.fabric_state in ("not-started", "in-progress", "completed")


def manager_runs(snapshot: Snapshot) -> Outcome:
    """Where there are NVSwitches, the fabric manager runs and is of the driver's release.

    Why: without it CUDA answers 802, "system not yet initialized", on every GPU.
    Remedy: install nvidia-fabricmanager of the driver's own release and start it.
    """
    driver = snapshot.driver
    switches = [device for device in driver.pci_devices or () if device.is_nvswitch]
    told = snapshot.paste is not None and driver.fabric_manager_version is not None
    if not switches and not told:
        return skip("there is no NVSwitch on the PCI bus")
    module = Version.find(driver.version or driver.version_on_disk)
    manager = Version.find(driver.fabric_manager_version)
    if module is not None and manager is not None and module != manager:
        words = f"the fabric manager is {manager}, the driver {module}"
        if cuda_works(snapshot) or _all_joined(snapshot):
            return note(f"{words}, but the GPUs have joined the fabric")
        return fail(
            f"{words}; it refuses to start",
            *on_the_host(snapshot, f"install nvidia-fabricmanager {module}", START),
        )
    if driver.fabric_manager_running is None:
        return skip("the services of the machine are not shown here")
    if driver.fabric_manager_running:
        return ok(f"the fabric manager runs, {count(len(switches), 'NVSwitch', 'NVSwitches')}")
    words = f"{count(len(switches), 'NVSwitch', 'NVSwitches')}, and no fabric manager runs"
    if cuda_works(snapshot) or _all_joined(snapshot):
        return note(f"{words}, but the GPUs work")
    return fail(words, *on_the_host(snapshot, *_how_to_start(snapshot, manager)))


def _all_joined(snapshot: Snapshot) -> bool:
    return bool(snapshot.gpus) and all(g.fabric_state == "completed" for g in snapshot.gpus)


def _how_to_start(snapshot: Snapshot, manager: Version | None) -> tuple[str, ...]:
    if manager is not None:
        return (START, "where that fails: journalctl -u nvidia-fabricmanager")
    release = snapshot.driver.version or "of the driver's release"
    return (f"install nvidia-fabricmanager {release}", START)


def joined(snapshot: Snapshot) -> Outcome:
    """Every GPU of a baseboard has joined the NVSwitch fabric and is healthy in it.

    Why: a GPU outside the fabric cannot start CUDA, or reaches its peers slowly or not at all.
    Remedy: restart the fabric manager; where a GPU stays out, reset it and read its log.
    """
    other, outside = per_gpu(snapshot, "fabric_state", "its fabric", _outside)
    if other is not None:
        return other
    if not any(in_fabric(gpu) for gpu in snapshot.gpus):
        return skip("these GPUs belong to no fabric")
    remedy = (
        *on_the_host(snapshot, "sudo systemctl restart nvidia-fabricmanager"),
        "read /var/log/fabricmanager.log",
    )
    if outside:
        if cuda_works(snapshot):
            return note(f"{'; '.join(outside)}, but CUDA works")
        nvml = snapshot.driver.nvml
        told = (nvml.device_count if nvml and snapshot.paste else None) or 0  # a paste may be cut
        gpu_count = max(len(snapshot.gpus), told)
        if gpu_count == 1 and snapshot.cuda_init is None:
            return note(f"{'; '.join(outside)}; a GPU alone may need no fabric")
        return fail("; ".join(outside), *remedy)
    wrong = [said for gpu in snapshot.gpus if (said := _problems(gpu))]
    if not wrong:
        return ok("every GPU has joined the fabric")
    if all(set(gpu.fabric_problems or ()) <= {LESS_BANDWIDTH} for gpu in snapshot.gpus):
        return warn("; ".join(wrong), *remedy, cause="gpu-degraded")
    return fail("; ".join(wrong), *remedy, confidence="likely")


def _outside(gpu: Gpu) -> str | None:
    if not in_fabric(gpu):
        return None
    if gpu.fabric_state != "completed":
        return f"it has not joined the fabric ({gpu.fabric_state})"
    if gpu.fabric_status:
        return f"joining the fabric failed (NVML {gpu.fabric_status})"
    return None


def _problems(gpu: Gpu) -> str | None:
    return f"GPU {gpu.index}: {', '.join(gpu.fabric_problems)}" if gpu.fabric_problems else None


CHECKS = (
    Check(
        id="fab.manager",
        judge=manager_runs,
        cause="fabric-manager",
        needs=("drv.module", "drv.user_kernel_match"),
        reference="NVIDIA Fabric Manager user guide",
    ),
    Check(
        id="fab.state",
        judge=joined,
        cause="fabric-manager",
        needs=("nvml.load", "fab.manager"),
        reference="NVIDIA Management Library API reference, nvmlGpuFabricInfo",
    ),
)
