"""Links, ports and error counters of NVIDIA's PCI devices, from recorded trees."""

import pytest

from gpubench.env.pci import read_pci_devices
from tests.env.machine import pci, tree

GPU, SWITCH, ROOT = "0000:03:00.0", "0000:02:00.0", "0000:00:01.0"
PLACE = f"/sys/devices/pci0000:00/{ROOT}/{SWITCH}/{GPU}"


def link(place, width, most, speed="32.0 GT/s PCIe"):
    return {
        f"{place}/current_link_width": width,
        f"{place}/max_link_width": most,
        f"{place}/max_link_speed": speed,
    }


def read(root, files, links=None):
    (device,) = read_pci_devices(tree(root, files, links), {})
    return device


def below_a_switch(root, own=("16", "16")):
    """A GPU below a switch below the root port, as /sys shows it: folders and links to them."""
    files = {
        **{
            name.replace("bus/pci/devices/" + GPU, PLACE[5:]): text
            for name, text in pci(GPU).items()
        },
        **link(PLACE, *own),
        **link(PLACE.removesuffix(f"/{GPU}"), "16", "16"),
        **link(f"/sys/devices/pci0000:00/{ROOT}", "8", "16", "16.0 GT/s PCIe"),
    }
    links = {
        f"/sys/bus/pci/devices/{GPU}": root / PLACE[1:],
        f"/sys/bus/pci/devices/{SWITCH}": root / PLACE[1:].removesuffix(f"/{GPU}"),
        f"/sys/bus/pci/devices/{ROOT}": root / f"sys/devices/pci0000:00/{ROOT}",
    }
    return read(root, files, links)


def test_the_ports_above_a_gpu_are_read_up_to_the_root(tmp_path):
    device = below_a_switch(tmp_path)
    assert [found.address for found in device.links] == [GPU, SWITCH, ROOT]
    assert [found.width for found in device.links] == [16, 16, 8]
    assert [found.speed_max for found in device.links] == [32.0, 32.0, 16.0]


@pytest.mark.parametrize("width", ["0", "255", "Unknown", "", "63"])
def test_a_width_that_no_link_has_is_absent(tmp_path, width):
    device = below_a_switch(tmp_path, (width, "16"))
    assert (device.links[0].width, device.links[0].width_max) == (None, 16)


def test_a_guest_without_links_has_none(tmp_path):
    assert read(tmp_path, pci(GPU)).links == ()


def test_error_counters_are_read_from_their_sum(tmp_path):
    folder = f"/sys/bus/pci/devices/{GPU}"
    files = {
        **pci(GPU),
        f"{folder}/aer_dev_correctable": "RxErr 3\nBadTLP 0\nTOTAL_ERR_COR 3\n",
        f"{folder}/aer_dev_nonfatal": "Undefined 0\nTOTAL_ERR_NONFATAL 0\n",
        f"{folder}/aer_dev_fatal": "garbage",
    }
    device = read(tmp_path, files)
    counts = (device.aer_correctable, device.aer_nonfatal, device.aer_fatal)
    assert counts == (3, 0, None)


def test_an_nvswitch_is_told_from_a_gpu(tmp_path):
    switch = read(tmp_path, pci("0000:c0:00.0", device="0x22a3", kind="0x068000"))
    assert (switch.is_nvswitch, switch.is_gpu) == (True, False)
