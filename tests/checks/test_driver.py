"""The driver checks."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from gpubench.env.snapshot import DeviceNode
from tests.checks.healthy import (
    DOCKER,
    HEALTHY,
    NO_GPU,
    QUICK,
    change,
    judge,
    results,
    with_driver,
    with_driver_version,
    with_gpus,
    with_nvml,
)

NOT_LOADED = change(
    with_driver(
        with_nvml(
            QUICK, code=9, message="Driver Not Loaded", device_count=None, driver_version=None
        ),
        module_loaded=False,
        version=None,
        device_nodes=(),
    ),
    gpus=(),
)


def silent(snapshot):
    """The same machine with no answer from NVML, CUDA or torch."""
    quiet = with_driver(snapshot, nvml=None)
    return change(quiet, gpus=(), cuda_init=None, torch_run=None)


def test_a_gpu_on_the_bus_passes():
    assert judge("drv.pci_present", HEALTHY).reason == "8 NVIDIA GPUs on the PCI bus"


def test_no_gpu_on_the_bus_is_skipped():
    assert judge("drv.pci_present", NO_GPU).status is Status.SKIP


def test_an_unreadable_bus_is_unknown():
    blind = change(
        with_driver(NO_GPU, pci_devices=None), unread={"driver.pci_devices": "/sys is not mounted"}
    )
    assert judge("drv.pci_present", blind).status is Status.UNKNOWN


def test_nvml_is_believed_where_the_bus_shows_nothing():
    wsl = with_driver(QUICK, pci_devices=(), module_loaded=False, version=None)
    assert judge("drv.pci_present", wsl).status is Status.NOTE
    assert judge("drv.module", wsl).status is Status.NOTE


def test_a_gpu_without_its_module_fails_and_names_modprobe():
    outcome = judge("drv.module", NOT_LOADED)
    assert outcome.status is Status.FAIL
    assert outcome.remedy[0] == "sudo modprobe nvidia"


def test_a_module_that_is_not_loaded_is_the_one_finding():
    found = results(NOT_LOADED)
    failed = [key for key, result in found.items() if result.status is Status.FAIL]
    assert failed == ["drv.module"]
    assert found["nvml.load"].blocked_by == "drv.module"


def test_nouveau_on_the_gpus_is_named_first():
    held = NOT_LOADED.driver.pci_devices
    devices = tuple(dataclasses.replace(device, driver="nouveau") for device in held)
    found = results(with_driver(NOT_LOADED, pci_devices=devices))
    assert found["drv.nouveau"].status is Status.FAIL
    assert found["drv.module"].blocked_by == "drv.nouveau"


def test_libraries_of_another_release_than_the_module_fail():
    outcome = judge("drv.user_kernel_match", with_driver(HEALTHY, version="570.86.15"))
    assert outcome.status is Status.FAIL
    assert "570.86.15" in outcome.reason
    assert "580.82.07" in outcome.reason


def test_nvml_code_18_is_a_mismatch():
    broken = with_nvml(
        QUICK,
        code=18,
        message="Driver/library version mismatch",
        device_count=None,
        driver_version=None,
    )
    found = results(change(broken, gpus=()))
    assert found["drv.user_kernel_match"].cause == "driver-library-mismatch"
    assert found["nvml.load"].blocked_by == "drv.user_kernel_match"


def test_nvml_code_18_is_a_note_where_cuda_works():
    other = with_nvml(HEALTHY, code=18, device_count=None, driver_version=None)
    assert judge("drv.user_kernel_match", change(other, gpus=())).status is Status.NOTE


def test_a_driver_without_proc_is_a_note_where_a_kernel_ran_right():
    bare = with_driver(HEALTHY, module_loaded=False, version=None, nvml=None)
    assert judge("drv.module", change(bare, gpus=(), cuda_init=None)).status is Status.NOTE


@pytest.mark.parametrize("system", ["Rocky Linux 9.4", "Ubuntu 24.04 LTS", None])
def test_debian_packages_are_named_on_debian_alone(system):
    other = change(NOT_LOADED, host=dataclasses.replace(NOT_LOADED.host, system=system))
    assert not any("apt" in step for step in judge("drv.module", other).remedy)
    assert any("580 or newer" in step for step in judge("drv.module", other).remedy)
    debian = dataclasses.replace(NOT_LOADED.host, system="Debian GNU/Linux 12 (bookworm)")
    assert any("apt" in step for step in judge("drv.module", change(other, host=debian)).remedy)


def test_in_a_container_no_remedy_changes_the_host_from_inside():
    devices = tuple(
        dataclasses.replace(device, driver="nouveau") for device in NOT_LOADED.driver.pci_devices
    )
    b200 = with_gpus(
        with_driver(QUICK, flavour="proprietary", nvml=None), compute_capability="10.0"
    )
    broken = {
        "drv.module": NOT_LOADED,
        "drv.nouveau": with_driver(NOT_LOADED, pci_devices=devices),
        "drv.devnodes": silent(with_driver(QUICK, device_nodes=())),
        "drv.open_module": b200,
        "nvml.load": NOT_LOADED,
        "drv.persistence": with_gpus(QUICK, persistence=False),
    }
    for check, snapshot in broken.items():
        debian = dataclasses.replace(snapshot.host, system="Debian GNU/Linux 12 (bookworm)")
        outcome = judge(check, change(snapshot, container=DOCKER, host=debian))
        assert outcome.is_trouble, check
        assert not any("sudo" in step or "systemctl" in step for step in outcome.remedy), check


def test_in_a_container_a_mismatch_points_at_the_image():
    inside = change(with_driver(HEALTHY, version="570.86.15"), container=DOCKER)
    assert "image" in judge("drv.user_kernel_match", inside).remedy[0]


@pytest.mark.parametrize("path", ["/dev/nvidiactl", "/dev/nvidia3"])
def test_a_node_that_may_not_be_opened_fails(path):
    nodes = tuple(
        DeviceNode(path=node.path, accessible=node.path != path)
        for node in HEALTHY.driver.device_nodes
    )
    closed = with_driver(HEALTHY, device_nodes=nodes)
    outcome = judge("drv.devnodes", silent(closed))
    assert outcome.status is Status.FAIL
    assert path in outcome.reason
    assert not any("video" in step for step in outcome.remedy)
    for believed in (closed, change(silent(closed), torch_run=HEALTHY.torch_run)):
        assert judge("drv.devnodes", believed).status is Status.NOTE


def test_a_loaded_driver_without_nodes_fails_unless_nvml_answers():
    without = with_driver(HEALTHY, device_nodes=())
    assert judge("drv.devnodes", without).status is Status.NOTE
    assert judge("drv.devnodes", silent(without)).status is Status.FAIL


def test_a_missing_uvm_node_fails_where_cuda_did_not_start():
    nodes = tuple(n for n in HEALTHY.driver.device_nodes if n.path != "/dev/nvidia-uvm")
    without = with_driver(HEALTHY, device_nodes=nodes)
    stuck = dataclasses.replace(HEALTHY.cuda_init, code=999)
    assert judge("drv.uvm", change(without, cuda_init=stuck)).status is Status.NOTE
    assert judge("drv.uvm", change(without, cuda_init=stuck, torch_run=None)).status is Status.FAIL
    assert judge("drv.uvm", without).status is Status.NOTE


def test_a_uvm_node_that_seems_closed_is_a_note_where_cuda_started():
    nodes = tuple(
        dataclasses.replace(node, accessible=node.path != "/dev/nvidia-uvm")
        for node in HEALTHY.driver.device_nodes
    )
    closed = with_driver(HEALTHY, device_nodes=nodes)
    assert judge("drv.uvm", closed).status is Status.NOTE
    assert judge("drv.uvm", change(closed, cuda_init=None, torch_run=None)).status is Status.FAIL


def test_blackwell_needs_the_open_module():
    b200 = with_gpus(HEALTHY, name="NVIDIA B200", compute_capability="10.0")
    refused = with_driver(b200, flavour="proprietary")
    assert judge("drv.open_module", refused).status is Status.NOTE  # NVML answers
    silenced = change(with_driver(refused, nvml=None), cuda_init=None, torch_run=None)
    assert judge("drv.open_module", silenced).status is Status.FAIL
    assert judge("drv.open_module", b200).status is Status.PASS
    closed = with_driver(HEALTHY, flavour="proprietary")
    assert judge("drv.open_module", closed).status is Status.PASS


def test_a_driver_newer_than_any_on_record_is_a_note():
    assert judge("cuda.driver_known", with_driver_version(HEALTHY, "700.10")).status is Status.NOTE


def test_cards_handed_to_guests_need_no_driver_here():
    bound = tuple(dataclasses.replace(d, driver="vfio-pci") for d in NOT_LOADED.driver.pci_devices)
    handed = with_driver(NOT_LOADED, pci_devices=bound)
    assert judge("drv.module", handed).status is Status.NOTE
