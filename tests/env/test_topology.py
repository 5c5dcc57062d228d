"""NUMA nodes, bridges, IOMMU and adapters, from recorded trees."""

import struct

import pytest

from gpubench.env.topology import read_topology
from tests.env.machine import pci, tree

GPU, OTHER, NIC, BRIDGE = "0000:3b:00.0", "0000:af:00.0", "0000:5e:00.0", "0000:3a:00.0"
DEVICES = "/sys/devices"
BUS = "/sys/bus/pci/devices"


def capability(identifier, position, following, control=0):
    """An extended PCIe capability with its control word six bytes in."""
    content = bytearray(4096)
    struct.pack_into("<I", content, position, identifier | 1 << 16 | following << 20)
    struct.pack_into("<H", content, position + 6, control)
    return content


def configuration(control):
    """Error reporting first, access control (ACS) behind it."""
    first, second = capability(0x0001, 0x100, 0x148), capability(0x000D, 0x148, 0, control)
    return bytes(a | b for a, b in zip(first, second, strict=True))


def machine(root, control=0, size=4096, kind="identity"):
    """Two sockets; a GPU behind a bridge on node 0, another on node 1, and an adapter."""
    places = {
        GPU: f"{DEVICES}/pci0000:3a/{BRIDGE}/{GPU}",
        OTHER: f"{DEVICES}/pci0000:ae/{OTHER}",
        NIC: f"{DEVICES}/pci0000:5d/{NIC}",
    }
    files = {
        "/proc/cpuinfo": "flags\t\t: fpu vme\n",
        "/proc/modules": "nvidia_peermem 1 0\nnvidia 2 1\n",
        "/proc/self/status": "Name:\tpython\nCpus_allowed_list:\t0-3\n",
        "/sys/class/net/eno1/x": "",
        "/sys/class/infiniband/mlx5_0/x": "",
        f"{places[NIC]}/infiniband/mlx5_0/x": "",
        "/sys/kernel/iommu_groups/7/type": f"{kind}\n",
    }
    for node in (0, 1):
        files[f"/sys/devices/system/node/node{node}/cpulist"] = f"{4 * node}-{4 * node + 3}\n"
    for cpu in range(8):
        path = f"/sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id"
        files[path] = f"{cpu // 4}\n"
    for address, node in ((GPU, 0), (OTHER, 1), (NIC, 1)):
        vendor, code = ("0x15b3", "0x020700") if address == NIC else ("0x10de", "0x030200")
        described = pci(address, vendor=vendor, kind=code)
        for path, text in described.items():
            files[path.replace(f"{BUS}/{address}", places[address])] = text
        files[f"{places[address]}/numa_node"] = f"{node}\n"
    links = {f"{BUS}/{address}": f"../../..{place[4:]}" for address, place in places.items()}
    links[f"{BUS}/{BRIDGE}"] = f"../../..{DEVICES[4:]}/pci0000:3a/{BRIDGE}"
    links[f"{places[GPU]}/iommu_group"] = "../../../../kernel/iommu_groups/7"
    sources = tree(root, files, links)
    bridge = root / f"{DEVICES}/pci0000:3a/{BRIDGE}".lstrip("/")
    (bridge / "config").write_bytes(configuration(control)[:size])
    return sources


def test_a_machine_of_two_sockets_is_described(tmp_path):
    unread = {}
    found = read_topology(machine(tmp_path), unread)
    assert unread == {}
    assert (found.sockets, found.numa_nodes, found.allowed_numa_nodes) == (2, 2, (0,))
    assert [(p.address, p.kind, p.numa_node) for p in found.places] == [
        (GPU, "gpu", 0),
        (NIC, "nic", 1),
        (OTHER, "gpu", 1),
    ]
    assert found.is_virtual is False
    assert (found.interfaces, found.infiniband) == (("eno1",), ("mlx5_0",))
    assert found.peer_modules == ("nvidia_peermem",)
    assert found.iommu == "identity"


@pytest.mark.parametrize(
    ("control", "bridges"),
    [(0x00, ()), (0x01, ()), (0x1D, (BRIDGE,)), (0x04, (BRIDGE,)), (0x10, (BRIDGE,))],
)
def test_a_bridge_redirects_by_the_bits_of_its_access_control(tmp_path, control, bridges):
    """Checking the source of a request (bit 0) sends nothing another way."""
    assert read_topology(machine(tmp_path, control), {}).redirecting_bridges == bridges


def test_the_part_that_root_alone_may_read_is_unread(tmp_path):
    unread = {}
    assert read_topology(machine(tmp_path, 0x1D, size=64), unread).redirecting_bridges is None
    assert "root" in unread["host.topology.redirecting_bridges"]


@pytest.mark.parametrize("size", [260, 332, 4095])
def test_a_configuration_that_ends_early_does_no_harm(tmp_path, size):
    assert read_topology(machine(tmp_path, 0, size), {}).redirecting_bridges == ()


def test_a_list_of_capabilities_that_goes_in_circles_ends(tmp_path):
    sources = machine(tmp_path)
    config = tmp_path / f"{DEVICES}/pci0000:3a/{BRIDGE}/config".lstrip("/")
    config.write_bytes(bytes(capability(0x0001, 0x100, 0x100)))
    assert read_topology(sources, {}).redirecting_bridges == ()


def test_a_translating_domain_is_named(tmp_path):
    assert read_topology(machine(tmp_path, kind="DMA-FQ"), {}).iommu == "DMA-FQ"


def test_without_groups_the_iommu_is_off(tmp_path):
    files = pci(GPU)
    (tmp_path / "sys/kernel/iommu_groups").mkdir(parents=True)
    assert read_topology(tree(tmp_path, files), {}).iommu == "off"


@pytest.mark.parametrize(
    ("files", "is_virtual"),
    [
        ({"/proc/cpuinfo": "flags : fpu hypervisor lahf_lm\n"}, True),
        ({"/sys/class/dmi/id/sys_vendor": "QEMU\n"}, True),
        ({"/sys/class/dmi/id/sys_vendor": "Supermicro\n"}, False),
        ({}, None),
    ],
)
def test_a_virtual_machine_is_known_by_its_processor_or_firmware(tmp_path, files, is_virtual):
    assert read_topology(tree(tmp_path, files), {}).is_virtual is is_virtual


def test_a_machine_that_shows_nothing_is_none(tmp_path):
    unread = {}
    found = read_topology(tree(tmp_path), unread)
    assert (found.places, found.numa_nodes, found.interfaces, found.iommu) == (None,) * 4
    assert unread == {}
