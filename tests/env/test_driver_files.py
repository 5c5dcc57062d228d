"""The driver as the kernel shows it, from recorded trees."""

import os

import pytest

from gpubench.env.driver_files import read_driver
from gpubench.env.sources import Sources
from tests.env.machine import CLOSED, OPEN, pci, tree


def read(root, files=None, links=None):
    unread = {}
    return read_driver(tree(root, files, links), unread), unread


@pytest.mark.parametrize(
    ("text", "version", "flavour"),
    [(OPEN, "580.82.07", "open"), (CLOSED, "535.104.05", "proprietary")],
)
def test_both_flavours_of_the_module_are_read(tmp_path, text, version, flavour):
    driver, unread = read(tmp_path, {"/proc/driver/nvidia/version": text})
    assert (driver.module_loaded, driver.version, driver.flavour) == (True, version, flavour)
    assert "driver.version" not in unread


def test_no_module_is_absent_and_not_unread(tmp_path):
    driver, unread = read(tmp_path, {"/proc/modules": "ext4 1 0\n"})
    assert (driver.module_loaded, driver.version) == (False, None)
    assert "driver.version" not in unread


def test_a_version_file_without_a_version_is_unread(tmp_path):
    driver, unread = read(tmp_path, {"/proc/driver/nvidia/version": "garbage"})
    assert driver.module_loaded is True
    assert "driver.version" in unread


def test_only_nvidia_devices_of_the_bus_are_kept(tmp_path):
    files = {
        **pci("0000:01:00.0"),
        **pci("0000:01:00.1", device="0x22bc", kind="0x040300"),
        **pci("0000:02:00.0", vendor="0x8086"),
        **pci("0000:c0:00.0", device="0x22a3", kind="0x068000"),
    }
    links = {"/sys/bus/pci/devices/0000:01:00.0/driver": "../../drivers/nouveau"}
    driver, _ = read(tmp_path, files, links)
    assert [device.address for device in driver.pci_devices] == [
        "0000:01:00.0",
        "0000:01:00.1",
        "0000:c0:00.0",
    ]
    assert [device.is_gpu for device in driver.pci_devices] == [True, False, False]
    assert driver.pci_devices[0].driver == "nouveau"


def test_a_missing_sys_is_unread(tmp_path):
    driver, unread = read(tmp_path)
    assert driver.pci_devices is None
    assert "driver.pci_devices" in unread


def test_a_machine_without_a_pci_bus_has_no_devices(tmp_path):
    (tmp_path / "sys" / "bus").mkdir(parents=True)
    driver, unread = read(tmp_path)
    assert driver.pci_devices == ()
    assert "driver.pci_devices" not in unread


def test_device_nodes_are_told_from_folders_and_closed_ones(tmp_path):
    files = {"/dev/nvidia0": "", "/dev/nvidiactl": "", "/dev/nvidia-caps/cap1": "", "/dev/sda": ""}
    tree(tmp_path, files)
    (tmp_path / "dev" / "nvidia0").chmod(0)
    unread = {}
    driver = read_driver(Sources(root=tmp_path, variables={}), unread)
    found = {node.path: node.accessible for node in driver.device_nodes}
    assert set(found) == {"/dev/nvidia0", "/dev/nvidiactl"}
    assert found["/dev/nvidiactl"]
    assert found["/dev/nvidia0"] is (os.geteuid() == 0)  # root opens everything


def test_loaded_modules_are_named(tmp_path):
    modules = "nvidia_uvm 1 0\nnvidia 2 1 nvidia_uvm\nnouveau 3 0\n"
    driver, _ = read(tmp_path, {"/proc/modules": modules})
    assert (driver.uvm_loaded, driver.nouveau_loaded) == (True, True)
