"""How CPUs, GPUs and network adapters are connected: NUMA, PCIe access control, IOMMU."""

import re
import struct

from gpubench.env.files import entries, line, number, numbers_of, optional
from gpubench.env.snapshot import Place, Topology
from gpubench.env.sources import Sources

DEVICES = "/sys/bus/pci/devices"
NODES = "/sys/devices/system/node"
PEER_MODULES = ("nvidia_peermem", "nv_peer_mem", "gdrdrv", "nvidia_fs")
REDIRECTS = 0x04 | 0x08 | 0x10
"""ACS control: peer requests redirected, their completions redirected, upstream forwarding."""
VIRTUAL = ("qemu", "kvm", "vmware", "virtualbox", "xen", "virtual machine", "bochs", "openstack")
"""Words of firmware that virtual machines show."""
_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_ACS = 0x000D


def read_topology(sources: Sources, unread: dict[str, str]) -> Topology:
    """NUMA nodes, the GPUs' bridges and the adapters; what cannot be read goes to ``unread``."""
    places = _places(sources)
    gpus = [place.address for place in places or () if place.kind == "gpu"]
    nodes = _numa_nodes(sources)
    return Topology(
        is_virtual=_is_virtual(sources),
        sockets=_sockets(sources),
        numa_nodes=len(nodes) or None,
        allowed_numa_nodes=_allowed(sources, nodes),
        places=places,
        redirecting_bridges=_redirecting(sources, gpus, unread),
        iommu=_iommu(sources, gpus),
        interfaces=_names(sources, "/sys/class/net"),
        infiniband=_names(sources, "/sys/class/infiniband") or (),
        peer_modules=_peer_modules(sources),
    )


def _names(sources: Sources, folder: str) -> tuple[str, ...] | None:
    found = entries(sources, folder)
    return None if found is None else tuple(found)


# -- processors ---------------------------------------------------------------------------------


def _is_virtual(sources: Sources) -> bool | None:
    """By the processor's own flag where it has one (x86), else by the firmware's words."""
    flags = re.search(r"^flags\s*:(.*)$", optional(sources, "/proc/cpuinfo", 65536), re.MULTILINE)
    if flags:
        return " hypervisor" in flags[1]
    firmware = " ".join(
        optional(sources, f"/sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")
    ).lower()
    return any(word in firmware for word in VIRTUAL) if firmware.strip() else None


def _sockets(sources: Sources) -> int | None:
    folder = "/sys/devices/system/cpu"
    names = [name for name in entries(sources, folder) or () if re.fullmatch(r"cpu\d+", name)]
    paths = (f"{folder}/{name}/topology/physical_package_id" for name in names)
    found = {number(sources, path) for path in paths} - {None}
    return len(found) or None


def _numa_nodes(sources: Sources) -> dict[int, set[int]]:
    """The CPUs of every node that has some."""
    found = {}
    for name in entries(sources, NODES) or ():
        if re.fullmatch(r"node\d+", name):
            cpus = numbers_of(optional(sources, f"{NODES}/{name}/cpulist"))
            if cpus:
                found[int(name[4:])] = cpus
    return found


def _allowed(sources: Sources, nodes: dict[int, set[int]]) -> tuple[int, ...] | None:
    text = optional(sources, "/proc/self/status")
    found = re.search(r"^Cpus_allowed_list:\s*(\S+)", text, re.MULTILINE)
    if found is None or not nodes:
        return None
    allowed = numbers_of(found[1])
    return tuple(sorted(node for node, cpus in nodes.items() if cpus & allowed))


# -- devices ------------------------------------------------------------------------------------


def _places(sources: Sources) -> tuple[Place, ...] | None:
    names = entries(sources, DEVICES)
    if names is None:
        return None
    found = []
    for address in names:
        kind = _kind(sources, address)
        if kind is not None:
            node = number(sources, f"{DEVICES}/{address}/numa_node")
            found.append(Place(address=address, kind=kind, numa_node=node))
    return tuple(found)


def _kind(sources: Sources, address: str) -> str | None:
    folder = f"{DEVICES}/{address}"
    code = optional(sources, f"{folder}/class").strip().removeprefix("0x")
    if code.startswith("03") and optional(sources, f"{folder}/vendor").strip() == "0x10de":
        return "gpu"
    if code.startswith("02") and entries(sources, f"{folder}/infiniband"):
        return "nic"
    return None


def _bridges_above(sources: Sources, address: str) -> list[str]:
    """The PCI functions a device hangs on, by the path its link leads along."""
    try:
        target = sources.path(f"{DEVICES}/{address}").readlink()
    except OSError:
        return []
    return [part for part in target.parts[:-1] if _ADDRESS.fullmatch(part)]


def _redirecting(
    sources: Sources, gpus: list[str], unread: dict[str, str]
) -> tuple[str, ...] | None:
    """The bridges above GPUs that redirect peer traffic; None where that cannot be told."""
    bridges = sorted({bridge for gpu in gpus for bridge in _bridges_above(sources, gpu)})
    if not bridges:
        return None
    found = []
    for address in bridges:
        content = _configuration(sources, address)
        if content is None or len(content) <= 256:
            unread["host.topology.redirecting_bridges"] = (
                f"{DEVICES}/{address}/config: its second part is for root alone"
            )
            return None
        if _acs_control(content) & REDIRECTS:
            found.append(address)
    return tuple(found)


def _configuration(sources: Sources, address: str) -> bytes | None:
    try:
        with sources.path(f"{DEVICES}/{address}/config").open("rb") as stream:
            return stream.read(4096)
    except OSError:
        return None


def _acs_control(content: bytes) -> int:
    """The control word of the access control capability; 0 where there is none."""
    position, seen = 0x100, set()
    while 0x100 <= position <= len(content) - 8 and position not in seen:
        seen.add(position)
        header = struct.unpack_from("<I", content, position)[0]
        if header & 0xFFFF == _ACS:
            return int(struct.unpack_from("<H", content, position + 6)[0])
        position = header >> 20
    return 0


def _iommu(sources: Sources, gpus: list[str]) -> str | None:
    """The type of the GPUs' domain, the strictest where they differ; ``off`` without groups."""
    groups = entries(sources, "/sys/kernel/iommu_groups")
    if groups is None or not gpus:
        return None
    if not groups:
        return "off"
    found = set()
    for address in gpus:
        try:
            group = sources.path(f"{DEVICES}/{address}/iommu_group").readlink().name
        except OSError:
            continue
        kind = line(sources, f"/sys/kernel/iommu_groups/{group}/type")
        if kind:
            found.add(kind)
    translating = sorted(found - {"identity"})
    return next(iter(translating or sorted(found)), None)


def _peer_modules(sources: Sources) -> tuple[str, ...] | None:
    text = optional(sources, "/proc/modules")
    if not text:
        return None
    loaded = {entry.split()[0] for entry in text.splitlines() if entry.strip()}
    return tuple(name for name in PEER_MODULES if name in loaded)
