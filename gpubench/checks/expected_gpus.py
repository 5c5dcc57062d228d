"""What a contract may expect of the GPUs: their number, model, memory, switches and links."""

from collections.abc import Callable, Sequence
from typing import Any

from gpubench.checks.expected import AMOUNT, COUNT, FLAG, GIB, NAME, Key, matches, unreadable
from gpubench.checks.facts import has_gpu, has_no_gpu, is_shared_out, on_the_host
from gpubench.checks.outcome import Outcome, fail, ok, skip
from gpubench.env.snapshot import Gpu, Snapshot
from gpubench.units import Bytes, count, memory


def gpu_present(snapshot: Snapshot, wanted: bool) -> Outcome:
    """There is a GPU, where the contract speaks of one, its driver or its links.

    Why: without one every other line about GPUs is broken by the same cause.
    Remedy: run on a machine that has one, or look for the card: lspci -d 10de:
    """
    if not wanted:
        return skip("the contract expects no GPU")
    if has_no_gpu(snapshot):
        return fail(
            "there is no NVIDIA GPU here, and the contract speaks of one",
            "run on a machine that has one; where it should be this one: lspci -d 10de:",
        )
    return ok("there is a GPU") if has_gpu(snapshot) else skip("no GPU is described here")


def gpu_count(snapshot: Snapshot, wanted: int) -> Outcome:
    """As many GPUs as the contract says.

    Why: a job of eight ranks does not start on seven GPUs, and runs slower than it was planned.
    Remedy: find the GPU that is missing (gpu.count, kmsg.fallen_off_bus), or give the container
    or job all of them.
    """
    found = _counted(snapshot)
    if found is None:
        return unreadable(snapshot, "the number of GPUs", "driver.nvml", "gpus")
    if found == wanted:
        return ok(f"{count(found, 'GPU')}, as expected")
    cause, remedy = _why_not_all(snapshot, found, wanted)
    return fail(
        f"{count(found, 'GPU')}, expected {wanted}",
        remedy,
        cause=cause,
        confidence="likely" if found < wanted else "certain",
        found=found,
        expected=wanted,
    )


def _counted(snapshot: Snapshot) -> int | None:
    nvml = snapshot.driver.nvml
    if nvml is not None and nvml.code == 0 and nvml.device_count is not None:
        return nvml.device_count
    if snapshot.gpus:
        return len(snapshot.gpus)
    return 0 if has_no_gpu(snapshot) else None


def _why_not_all(snapshot: Snapshot, found: int, wanted: int) -> tuple[str, str]:
    if found > wanted:
        return "host-resources", f"run on a machine with {wanted}, or correct the contract"
    if is_shared_out(snapshot):
        return (
            "device-access",
            f"ask for {wanted}: docker run --gpus all ..., or the job's GPU request",
        )
    return (
        "gpu-hardware-fault",
        "look for the cards that are missing: lspci -d 10de: and "
        + on_the_host(snapshot, "sudo dmesg | grep -i nvrm")[0],
    )


def _every_gpu(
    snapshot: Snapshot,
    field: str,
    values: Sequence[Any],
    judge: Callable[[Any], str | None],
    expected: str,
    remedy: str,
) -> Outcome:
    """Ask ``judge`` of what each GPU says; its words are trouble, None was not read."""
    told = zip(snapshot.gpus, values, strict=True)
    said = [
        f"GPU {gpu.index}: {trouble}"
        for gpu, value in told
        if value is not None and (trouble := judge(value))
    ]
    if said:
        return fail(f"{'; '.join(said)}; expected {expected}", remedy, expected=expected)
    if not snapshot.gpus or None in values:
        paths = [f"gpus.{gpu.index}.{field}" for gpu in snapshot.gpus]
        what = f"{_NAMES[field]} of the GPUs (expected: {expected})"
        return unreadable(snapshot, what, *paths, "driver.nvml")
    return ok(f"every GPU: {expected}")


def gpu_model(snapshot: Snapshot, wanted: str) -> Outcome:
    """Every GPU is of the model the contract names.

    Why: another model has other code, memory and speed; measurements of the two do not compare.
    Remedy: schedule the job on a machine of the fleet that has it.
    """
    return _every_gpu(
        snapshot,
        "name",
        [gpu.name for gpu in snapshot.gpus],
        lambda name: None if matches(wanted, name) else name,
        wanted,
        f"run this on a machine with {wanted}, or correct the contract",
    )


def gpu_memory(snapshot: Snapshot, wanted: float) -> Outcome:
    """Every GPU has the memory the contract asks for.

    Why: a batch that fits 80 GB does not fit 40 GB; a MIG slice and an ECC page lessen it too.
    Remedy: schedule the job on GPUs with more memory; switch MIG off.
    """
    return _every_gpu(
        snapshot,
        "memory_bytes",
        [gpu.memory_bytes for gpu in snapshot.gpus],
        lambda size: None if size >= wanted * GIB else memory(size),
        f"at least {memory(Bytes(int(wanted * GIB)))}",
        "run this on GPUs with more memory, or correct the contract",
    )


def _switch(snapshot: Snapshot, field: str, wanted: bool, name: str, remedy: str) -> Outcome:
    """On or off on every GPU; one that was asked and has no such switch counts as off."""

    def read(gpu: Gpu) -> bool | None:
        value: bool | None = getattr(gpu, field)
        asked = snapshot.source == "live" and not gpu.error_code
        if value is None and asked and f"gpus.{gpu.index}.{field}" not in snapshot.unread:
            return False
        return value

    words = f"{name} {'on' if wanted else 'off'}"
    opposite = f"{name} is {'off' if wanted else 'on'}"
    values = [read(gpu) for gpu in snapshot.gpus]
    return _every_gpu(
        snapshot, field, values, lambda on: None if on == wanted else opposite, words, remedy
    )


def gpu_mig(snapshot: Snapshot, wanted: bool) -> Outcome:
    """MIG is on, or off, as the contract says.

    Why: a MIG slice is a part of a GPU; a job that counts on a whole one runs out of memory.
    Remedy: sudo nvidia-smi -mig 0 (or 1), then reset the GPUs.
    """
    other = _of_those("mig_enabled", wanted, snapshot)
    remedy = on_the_host(snapshot, f"sudo nvidia-smi -i {other} -mig {int(wanted)}")[0]
    return _switch(snapshot, "mig_enabled", wanted, "MIG", f"{remedy}, then reset them")


def _of_those(field: str, wanted: bool, snapshot: Snapshot) -> str:
    """The indices of the GPUs that are not as the contract says, as nvidia-smi takes them."""
    other = [gpu.index for gpu in snapshot.gpus if getattr(gpu, field) is (not wanted)]
    return ",".join(map(str, other)) or "INDEX"


def gpu_ecc(snapshot: Snapshot, wanted: bool) -> Outcome:
    """ECC is on, or off, as the contract says.

    Why: without it a flipped bit of memory goes into the result unseen.
    Remedy: sudo nvidia-smi -e 1 (or 0), then reset the GPUs.
    """
    other = _of_those("ecc_enabled", wanted, snapshot)
    remedy = on_the_host(snapshot, f"sudo nvidia-smi -i {other} -e {int(wanted)}")[0]
    return _switch(snapshot, "ecc_enabled", wanted, "ECC", f"{remedy}, then reset them")


def nvlink_links(snapshot: Snapshot, wanted: int) -> Outcome:
    """Every GPU has as many active NVLink links as the contract says.

    Why: an all-reduce runs at the speed of the slowest link; one that is down is lost in silence.
    Remedy: nvidia-smi nvlink -s; reset the GPU, restart the fabric manager, look at the bridge.
    """
    return _every_gpu(
        snapshot,
        "nvlinks",
        [_active_links(snapshot, gpu) for gpu in snapshot.gpus],
        lambda number: None if number == wanted else f"{count(number, 'active link')}",
        f"{count(wanted, 'active link')} each",
        on_the_host(snapshot, "nvidia-smi nvlink -s")[0],
    )


def _active_links(snapshot: Snapshot, gpu: Gpu) -> int | None:
    """Links that are up; none where the GPU was asked and has no NVLink; None: not read."""
    links: tuple[bool, ...] | None = getattr(gpu, "nvlinks", None)
    if links is not None:
        return sum(links)
    asked = hasattr(gpu, "nvlinks") and snapshot.source == "live" and not gpu.error_code
    return 0 if asked and f"gpus.{gpu.index}.nvlinks" not in snapshot.unread else None


_NAMES = {
    "name": "the model",
    "memory_bytes": "the memory",
    "mig_enabled": "the MIG mode",
    "ecc_enabled": "the ECC mode",
    "nvlinks": "the state of the NVLink links",
}
UP = (
    "ctr.injection",
    "drv.module",
    "drv.user_kernel_match",
    "drv.devnodes",
    "nvml.load",
    "expect.gpu.present",
)
"""Whose failure explains that nothing of the GPUs is as expected."""
_COUNT = (*UP, "gpu.count", "gpu.handles")

PRESENT = Key(
    name="gpu.present",
    kind=FLAG,
    meets=gpu_present,
    cause="driver-absent",
    needs=("ctr.injection", "drv.pci_present", "drv.module"),
)
"""Judged with every contract that speaks of GPUs; not written in one."""
KEYS = (
    Key(name="gpu.count", kind=COUNT, meets=gpu_count, cause="gpu-hardware-fault", needs=_COUNT),
    Key(name="gpu.model", kind=NAME, meets=gpu_model, cause="host-resources", needs=UP),
    Key(
        name="gpu.memory_gib_min",
        kind=AMOUNT,
        meets=gpu_memory,
        cause="host-resources",
        needs=UP,
    ),
    Key(name="gpu.mig", kind=FLAG, meets=gpu_mig, cause="device-access", needs=(*UP, "gpu.mig")),
    Key(
        name="gpu.ecc",
        kind=FLAG,
        meets=gpu_ecc,
        cause="host-tuning",
        needs=(*UP, "ecc.mode"),
    ),
    Key(
        name="nvlink.active",
        kind=COUNT,
        meets=nvlink_links,
        cause="p2p-broken",
        needs=(*UP, "nvl.active", "fab.manager", "fab.state"),
    ),
)
