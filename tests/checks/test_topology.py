"""How the machine connects its GPUs."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import Place
from tests.checks import healthy
from tests.checks.healthy import DOCKER, NO_GPU, change, judge, with_driver
from tests.checks.healthy_host import TOPOLOGY

QUICK = change(
    healthy.QUICK,
    gpus=tuple(
        dataclasses.replace(gpu, pci_address=f"00000000:{n + 1:02X}:00.0")
        for n, gpu in enumerate(healthy.QUICK.gpus)
    ),
)
"""The healthy machine, each GPU at its own address."""


def topology(snapshot=QUICK, **fields):
    found = dataclasses.replace(TOPOLOGY, **fields)
    return change(snapshot, host=dataclasses.replace(snapshot.host, topology=found))


def placed(*nodes):
    return tuple(
        Place(address=f"0000:{n + 1:02x}:00.0", kind="gpu", numa_node=node)
        for n, node in enumerate(nodes)
    )


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.PASS),
        ({"numa_nodes": 1}, Status.PASS),
        ({"allowed_numa_nodes": (0,)}, Status.WARN),
        ({"allowed_numa_nodes": (0,), "places": placed(0, 0)}, Status.PASS),
        ({"places": placed(-1, -1)}, Status.WARN),
        ({"places": placed(-1, -1), "is_virtual": True}, Status.SKIP),
        ({"places": ()}, Status.SKIP),
        ({"allowed_numa_nodes": None}, Status.SKIP),
    ],
)
def test_the_process_may_run_near_its_gpus(fields, status):
    assert judge("host.numa", topology(**fields)).status is status


def test_only_the_gpus_given_to_this_process_count():
    """The bus shows eight, the container was given the one at 01:00.0, on node 0."""
    one = change(topology(allowed_numa_nodes=(0,)), gpus=QUICK.gpus[:1])
    assert judge("host.numa", one).status is Status.PASS


def test_a_far_gpu_is_named_with_the_command_that_binds_to_its_node():
    outcome = judge("host.numa", topology(allowed_numa_nodes=(0,)))
    assert outcome.evidence["far"][0] == "0000:05:00.0"
    assert outcome.remedy[0].startswith("numactl --cpunodebind=1")


@pytest.mark.parametrize(
    ("check", "trouble"),
    [
        ("pcie.acs", {"redirecting_bridges": ("0000:00:01.0",)}),
        ("pcie.iommu", {"iommu": "DMA-FQ"}),
    ],
)
def test_what_leads_traffic_astray_warns_on_a_machine_of_several_gpus(check, trouble):
    assert judge(check, topology()).status is Status.PASS
    assert judge(check, topology(**trouble)).status is Status.WARN
    assert judge(check, topology(**trouble, is_virtual=True)).status is Status.SKIP
    assert judge(check, topology(NO_GPU, **trouble)).status is Status.SKIP
    single = change(with_driver(topology(**trouble), pci_devices=()), gpus=QUICK.gpus[:1])
    assert judge(check, single).status is Status.SKIP


def test_bridges_that_root_alone_may_read_are_unknown():
    reason = "config: its second part is for root alone"
    unread = {"host.topology.redirecting_bridges": reason}
    hidden = change(topology(redirecting_bridges=None), unread=unread)
    assert judge("pcie.acs", hidden).status is Status.UNKNOWN
    assert judge("pcie.acs", topology(redirecting_bridges=None)).status is Status.SKIP


def test_in_a_container_the_remedy_is_for_the_host():
    inside = change(topology(iommu="DMA"), container=DOCKER)
    assert judge("pcie.iommu", inside).remedy[0].startswith("on the host: ")


@pytest.mark.parametrize(
    ("fields", "flavour", "status"),
    [
        ({}, "open", Status.PASS),
        ({"peer_modules": ()}, "open", Status.NOTE),
        ({"peer_modules": ()}, "proprietary", Status.WARN),
        ({"peer_modules": (), "infiniband": ()}, "proprietary", Status.SKIP),
        ({"peer_modules": None}, "open", Status.SKIP),
    ],
)
def test_adapters_reach_gpu_memory_by_a_module_or_by_dma_buf(fields, flavour, status):
    snapshot = with_driver(topology(**fields), flavour=flavour)
    assert judge("gdr.modules", snapshot).status is status
