"""Governor, clocks, Secure Boot, processes that hang, WSL."""

import pytest

from gpubench.env.tuning import CLOCKS, CPUS, EFI, read_tuning
from tests.env.machine import tree


def tuning(tmp_path, files=None, links=None, *, is_wsl=False):
    return read_tuning(tree(tmp_path, files, links), {}, is_wsl=is_wsl)


def test_the_distinct_governors_are_told(tmp_path):
    names = {0: "performance", 1: "performance", 2: "powersave"}
    files = {f"{CPUS}/cpu{n}/cpufreq/scaling_governor": f"{name}\n" for n, name in names.items()}
    found = tuning(tmp_path, {**files, f"{CPUS}/cpufreq/policy0/scaling_governor": "x\n"})
    assert found.governors == ("performance", "powersave")


def test_processors_without_a_governor_are_no_unknown(tmp_path):
    assert tuning(tmp_path, {f"{CPUS}/cpu0/online": "1\n"}).governors == ()
    assert tuning(tmp_path / "empty").governors is None


def test_the_clock_source_and_its_rivals_are_told(tmp_path):
    files = {f"{CLOCKS}/current_clocksource": "hpet\n"}
    found = tuning(tmp_path, {**files, f"{CLOCKS}/available_clocksource": "tsc hpet acpi_pm \n"})
    assert (found.clocksource, found.clocksources) == ("hpet", ("tsc", "hpet", "acpi_pm"))


def test_a_clock_that_systemd_has_set_is_synchronised(tmp_path):
    assert tuning(tmp_path, {"/run/systemd/timesync/synchronized": ""}).is_clock_synchronised
    assert tuning(tmp_path / "b").is_clock_synchronised is None


@pytest.mark.parametrize(("last", "state"), [(b"\x01", True), (b"\x00", False)])
def test_secure_boot_is_the_last_byte_of_its_variable(tmp_path, last, state):
    place = tmp_path / f"{EFI}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c".lstrip("/")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"\x06\0\0\0" + last)
    assert tuning(tmp_path).secure_boot is state


def test_firmware_of_another_kind_tells_nothing(tmp_path):
    assert tuning(tmp_path).secure_boot is None


def process(number, name, state, wchan="0"):
    return {
        f"/proc/{number}/stat": f"{number} ({name}) {state} 1 1 1 0\n",
        f"/proc/{number}/wchan": wchan,
    }


def test_what_waits_in_the_driver_is_told_and_nothing_else(tmp_path):
    found = tuning(
        tmp_path,
        {
            "/proc/driver/nvidia/version": "NVRM",
            **process(10, "nvidia-smi", "D"),
            **process(11, "nvidia-smi", "S"),
            **process(12, "python", "D", "nv_wait_on_completion"),
            **process(13, "python (x) D 1", "R"),
            **process(14, "kworker/0:1", "D", "io_schedule"),
        },
    )
    assert found.stuck == ("nvidia-smi", "python")


def test_without_the_driver_nothing_waits_in_it(tmp_path):
    assert tuning(tmp_path, process(10, "nvidia-smi", "D")).stuck is None


def test_a_linux_driver_inside_wsl_is_found(tmp_path):
    folder = "/usr/lib/x86_64-linux-gnu"
    found = tuning(
        tmp_path,
        {f"{folder}/libcuda.so.550.54.15": ""},
        {f"{folder}/libcuda.so.1.1": "/usr/lib/wsl/lib/libcuda.so.1.1"},
        is_wsl=True,
    )
    assert found.linux_driver_files == (f"{folder}/libcuda.so.550.54.15",)
    assert tuning(tmp_path / "b").linux_driver_files is None
