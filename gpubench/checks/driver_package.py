"""The driver as it is installed: what would be loaded next, and what kept it from loading."""

from gpubench.checks.facts import NO_GPU, cuda_works, has_no_gpu, nvml_answers, on_the_host
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, unknown, warn
from gpubench.env.snapshot import Snapshot
from gpubench.versions import Version


def loaded_is_installed(snapshot: Snapshot) -> Outcome:
    """The loaded kernel module is of the release that is installed.

    Why: after an update the next reboot, or the next reload, changes the driver under you; and
    libraries of the new release do not talk to the old module.
    Remedy: reboot in a quiet hour, and pin the driver's packages.
    """
    loaded = Version.find(snapshot.driver.version)
    installed = Version.find(snapshot.driver.version_on_disk)
    if loaded is None or installed is None:
        return skip(NO_GPU if has_no_gpu(snapshot) else "the module on disk is not shown here")
    if loaded != installed:
        return warn(
            f"driver {loaded} is loaded, {installed} is installed and waits for a reboot",
            *on_the_host(snapshot, "sudo reboot"),
            cause="host-tuning",
        )
    return ok(f"driver {loaded} is loaded and installed")


def module_accepted(snapshot: Snapshot) -> Outcome:
    """The kernel did not refuse the driver's module for its signature.

    Why: with Secure Boot on, a module that is signed by no known key is not loaded.
    Remedy: enrol the key of the module (mokutil --import), or install a signed driver.
    """
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    works = snapshot.driver.module_loaded or nvml_answers(snapshot) or cuda_works(snapshot)
    if snapshot.kernel_events is None:
        reason = snapshot.why_unread("kernel_events")
        if works:
            return ok("the kernel took the module")
        return unknown(reason) if reason else skip("the kernel log is not described here")
    kinds = {event.kind for event in snapshot.kernel_events}
    if "module-rejected" in kinds and not works and snapshot.driver.pci_devices:
        return fail(
            "the kernel refused to load a module for want of a signature that it knows",
            *on_the_host(
                snapshot,
                "sudo mokutil --import /var/lib/shim-signed/mok/MOK.der, then reboot and enrol it",
            ),
            "or install the driver package that your distribution signs",
            confidence="likely",
            lines=[e.line for e in snapshot.kernel_events if e.kind == "module-rejected"][-3:],
        )
    if "module-unverified" in kinds:
        return note("the driver's module is not signed; the kernel took it all the same")
    return ok("the kernel refused no module")


def firmware_there(snapshot: Snapshot) -> Outcome:
    """The firmware that the loaded driver gives to its GPUs is installed.

    Why: the open module drives GPUs through their own processor (GSP), which needs it.
    Remedy: install the firmware package of the driver's own release.
    """
    files = snapshot.driver.firmware_files
    if files is None:
        return skip("no folder of firmware is shown here")
    if files:
        return ok(f"{len(files)} firmware files of driver {snapshot.driver.version}")
    if nvml_answers(snapshot) or cuda_works(snapshot) or snapshot.driver.flavour != "open":
        return skip("no firmware of this release lies where it usually does; nothing misses it")
    return fail(
        f"there is no GSP firmware of driver {snapshot.driver.version} in /lib/firmware/nvidia",
        *on_the_host(snapshot, f"install the nvidia-firmware package of {snapshot.driver.version}"),
        confidence="likely",
    )


_GUIDE = "NVIDIA Driver Installation Guide"


CHECKS = (
    Check(
        id="drv.firmware",
        judge=firmware_there,
        cause="driver-absent",
        needs=("ctr.injection", "drv.module"),
        reference="NVIDIA driver README, GSP firmware",
    ),
    Check(
        id="drv.disk_vs_running",
        judge=loaded_is_installed,
        cause="host-tuning",
        needs=("drv.module", "drv.user_kernel_match"),
        reference=_GUIDE,
    ),
)
