"""The operating system: its C library and kernel, Secure Boot, WSL."""

import dataclasses

from gpubench.checks.facts import NO_GPU, cuda_works, has_no_gpu, on_the_host, pci_gpus
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip
from gpubench.env.snapshot import Snapshot
from gpubench.versions import Version

GLIBC = Version.parse("2.28")
"""The manylinux tag of torch's wheels from release 2.7 on (2_28); older ones need less."""
KERNEL = Version.parse("5.5")
"""Below it processes can hang (huggingface/accelerate, check_os_kernel)."""


def libraries_and_kernel(snapshot: Snapshot) -> Outcome:
    """The C library and the kernel are new enough for torch's wheels.

    Why: pip finds no torch from 2.7 on where glibc is older than 2.28 (CentOS 7, Ubuntu 18.04),
    or where there is no glibc at all (Alpine).
    Remedy: a newer system or image.
    """
    host = snapshot.host
    if host.libc is None:
        return skip("the C library is not described here")
    name, _, release = host.libc.partition(" ")
    glibc, kernel = Version.find(release), Version.find(host.kernel)
    if name != "glibc" or glibc is None:
        return note(f"the C library is {host.libc}, torch's wheels need glibc")
    if glibc < GLIBC:
        return note(f"glibc {glibc} is older than {GLIBC}: pip finds no torch after 2.6")
    if kernel is not None and kernel < KERNEL:
        return note(f"kernel {kernel} is older than {KERNEL}: processes may hang under it")
    return ok(f"glibc {glibc}, kernel {host.kernel or '?'}")


def secure_boot(snapshot: Snapshot) -> Outcome:
    """Secure Boot does not keep the driver out.

    Why: with Secure Boot on, the kernel refuses a module that is not signed with a key the
    firmware knows; a driver built here is such a module until its key is enrolled.
    Remedy: enrol the key (mokutil --import), or install a signed driver.
    """
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    tuning = snapshot.host.tuning
    if tuning is None or tuning.secure_boot is None:
        return skip("the firmware does not tell of Secure Boot")
    if not tuning.secure_boot:
        return ok("Secure Boot is off")
    if snapshot.driver.module_loaded:
        return ok("Secure Boot is on, and the driver's module is loaded all the same")
    if not pci_gpus(snapshot) or snapshot.driver.module_loaded is None:
        return skip("Secure Boot is on; no driver is missed here")
    words = "Secure Boot is on and the driver's module is not loaded: it may not be signed"
    steps = (
        "sudo dmesg | grep -i 'key was rejected'",
        "sudo mokutil --import /var/lib/dkms/mok.pub   (then reboot and enrol it)",
    )
    return dataclasses.replace(note(words), remedy=on_the_host(snapshot, *steps))


def wsl(snapshot: Snapshot) -> Outcome:
    """Under WSL, the driver is the one of Windows.

    Why: WSL reaches the GPU through libraries that Windows puts under /usr/lib/wsl/lib; those
    of a Linux driver stand before them and do not work there.
    Remedy: remove the Linux driver inside WSL; update that of Windows.
    """
    if not snapshot.host.is_wsl:
        return skip("this is no WSL")
    tuning = snapshot.host.tuning
    if tuning is None or tuning.linux_driver_files is None:
        return skip("WSL; its libraries are not described here")
    files = tuning.linux_driver_files
    if not files:
        return ok("WSL, with the driver of Windows")
    words = f"a Linux driver is installed inside WSL: {files[0]}"
    if cuda_works(snapshot):
        return note(f"{words}; yet CUDA works")
    return fail(
        words,
        f"dpkg -S {files[0]} (or rpm -qf) names the package of the driver; remove that one",
        "in Windows: install its newest NVIDIA driver, then wsl --shutdown",
        confidence="likely",
        files=list(files),
    )


CHECKS = (
    Check(
        id="host.wsl",
        judge=wsl,
        cause="driver-library-mismatch",
        reference="NVIDIA, CUDA on WSL User Guide",
    ),
    Check(
        id="host.secure_boot",
        judge=secure_boot,
        cause="driver-absent",
        reference="Linux kernel, module signing; mokutil(1)",
    ),
    Check(
        id="host.glibc_kernel",
        judge=libraries_and_kernel,
        cause="host-tuning",
        reference="the tags of torch's wheels; huggingface/accelerate, check_os_kernel",
    ),
)
