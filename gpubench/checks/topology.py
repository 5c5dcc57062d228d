"""How the machine connects its GPUs: NUMA, PCIe access control, IOMMU, network adapters."""

from gpubench.checks.facts import NO_GPU, has_no_gpu, on_the_host, pci_gpus
from gpubench.checks.outcome import Check, Outcome, note, ok, skip, unknown, warn
from gpubench.env.snapshot import Place, Snapshot, Topology

PASSES_THROUGH = ("identity", "off")
"""Types of an IOMMU domain in which peers reach each other directly."""


def _known(snapshot: Snapshot) -> tuple[Outcome | None, Topology]:
    if has_no_gpu(snapshot):
        return skip(NO_GPU), Topology()
    if snapshot.host.topology is None:
        return skip("the topology is not described here"), Topology()
    return None, snapshot.host.topology


def near_the_gpus(snapshot: Snapshot) -> Outcome:
    """This process may run on the processors its GPUs hang on.

    Why: on a machine of several NUMA nodes, copies from the far one cross the sockets' link
    and are slower, the more so with several GPUs.
    Remedy: numactl --cpunodebind=NODE --membind=NODE, or ask the scheduler for near CPUs.
    """
    other, topology = _known(snapshot)
    if other is not None:
        return other
    if topology.numa_nodes is None or topology.allowed_numa_nodes is None:
        return skip("the NUMA nodes are not described here")
    if topology.numa_nodes == 1:
        return ok("one NUMA node: every GPU is near")
    gpus = _own_gpus(snapshot, topology)
    placed = [gpu for gpu in gpus if gpu.numa_node is not None and gpu.numa_node >= 0]
    if not placed:
        return _unplaced(topology, gpus)
    allowed = topology.allowed_numa_nodes
    far = [gpu for gpu in placed if gpu.numa_node not in allowed]
    nodes = ", ".join(map(str, allowed))
    if not far:
        return ok(f"this process may run on NUMA node {nodes}, near every GPU")
    wanted = far[0].numa_node
    return warn(
        f"this process may run on NUMA node {nodes} alone, "
        f"and the GPU at {far[0].address} is on node {wanted}",
        f"numactl --cpunodebind={wanted} --membind={wanted} ...",
        far=[gpu.address for gpu in far],
    )


def _own_gpus(snapshot: Snapshot, topology: Topology) -> list[Place]:
    """The GPUs given to this process, all of the bus where that is not known."""
    own = {_short(gpu.pci_address) for gpu in snapshot.gpus if gpu.pci_address}
    gpus = [place for place in topology.places or () if place.kind == "gpu"]
    return [gpu for gpu in gpus if not own or _short(gpu.address) in own]


def _short(address: str) -> str:
    """A PCI address as the kernel writes it: NVML gives its domain eight digits."""
    domain, _, rest = address.lower().partition(":")
    return f"{domain[-4:]}:{rest}"


def _unplaced(topology: Topology, gpus: list[Place]) -> Outcome:
    if not gpus:
        return skip("the GPUs' place on the bus is not described here")
    if topology.is_virtual:
        return skip("a virtual machine: its host knows where the GPUs are")
    return warn(
        f"the firmware does not say which of {topology.numa_nodes} NUMA nodes the GPUs are on",
        "enable NUMA (NPS, ACPI SRAT) in the machine's firmware",
        numa_nodes=topology.numa_nodes,
    )


def _several_gpus(snapshot: Snapshot) -> tuple[Outcome | None, Topology]:
    """What concerns traffic between GPUs alone, on a machine of its own."""
    other, topology = _known(snapshot)
    if other is not None:
        return other, topology
    if max(len(pci_gpus(snapshot)), len(snapshot.gpus)) < 2:
        return skip("fewer than two GPUs: there is no traffic between GPUs"), topology
    if topology.is_virtual:
        return skip("a virtual machine: its host decides"), topology
    return None, topology


def access_control(snapshot: Snapshot) -> Outcome:
    """No PCIe bridge above the GPUs sends their traffic the long way.

    Why: access control (ACS) makes bridges send what one GPU or adapter has for another up to
    the root: slower, and on some machines NCCL hangs. A virtual machine's host needs it.
    Remedy: switch ACS off in the firmware; NCCL_P2P_DISABLE=1 as a stop-gap.
    """
    other, topology = _several_gpus(snapshot)
    if other is not None:
        return other
    reason = snapshot.why_unread("host.topology.redirecting_bridges")
    if topology.redirecting_bridges is None:
        return unknown(reason) if reason else skip("the bridges above the GPUs are not known")
    if not topology.redirecting_bridges:
        return ok("no bridge above the GPUs redirects their traffic")
    found = topology.redirecting_bridges
    return warn(
        f"access control (ACS) redirects traffic between GPUs at {len(found)} bridges, "
        f"the first is {found[0]}",
        *on_the_host(snapshot, "switch ACS off in the machine's firmware"),
        "if NCCL hangs until then: export NCCL_P2P_DISABLE=1",
        bridges=list(found),
    )


def direct_memory(snapshot: Snapshot) -> Outcome:
    """The IOMMU lets GPUs reach each other directly.

    Why: with translation on, traffic between GPUs over PCIe goes through the IOMMU: slower,
    and on some machines wrong or hanging. GPUs joined by NVLink do not need it.
    Remedy: iommu=pt on the kernel's command line.
    """
    other, topology = _several_gpus(snapshot)
    if other is not None:
        return other
    if topology.iommu is None:
        return skip("the IOMMU's groups are not described here")
    if topology.iommu in PASSES_THROUGH:
        return ok(f"the GPUs' IOMMU domain is {topology.iommu}")
    return warn(
        f"the IOMMU translates what the GPUs read and write (domain {topology.iommu})",
        *on_the_host(snapshot, "add iommu=pt to the kernel's command line and reboot"),
        domain=topology.iommu,
    )


def peer_modules(snapshot: Snapshot) -> Outcome:
    """A network adapter can read GPU memory directly.

    Why: without nvidia_peermem, or dma-buf under the open kernel module, what goes over
    InfiniBand is first copied through the machine's memory.
    Remedy: sudo modprobe nvidia-peermem
    """
    other, topology = _known(snapshot)
    if other is not None:
        return other
    if not topology.infiniband:
        return skip("no InfiniBand adapter here")
    if topology.peer_modules is None:
        return skip("the loaded modules are not described here")
    if topology.peer_modules:
        return ok(f"loaded: {', '.join(topology.peer_modules)}")
    if snapshot.driver.flavour == "open":
        return note("nvidia_peermem is not loaded; the open kernel module can serve by dma-buf")
    return warn(
        f"{', '.join(topology.infiniband)} cannot read GPU memory: nvidia_peermem is not loaded",
        *on_the_host(snapshot, "sudo modprobe nvidia-peermem"),
    )


CHECKS = (
    Check(
        id="host.numa",
        judge=near_the_gpus,
        cause="host-tuning",
        reference="Linux kernel, sysfs-bus-pci, numa_node; nvidia-smi topo -m",
    ),
    Check(
        id="pcie.acs",
        judge=access_control,
        cause="host-tuning",
        reference="NVIDIA NCCL documentation, troubleshooting, PCI access control; "
        "NVIDIA/nccl issue 2079",
    ),
    Check(
        id="pcie.iommu",
        judge=direct_memory,
        cause="host-tuning",
        reference="Linux kernel, sysfs-kernel-iommu_groups; NVIDIA/nccl issue 257",
    ),
    Check(
        id="gdr.modules",
        judge=peer_modules,
        cause="host-tuning",
        reference="NVIDIA GPUDirect RDMA documentation; NVIDIA/gpu-operator",
    ),
)
