"""Settings of the machine that cost speed or order in logs: they never make it ill."""

from gpubench.checks.facts import NO_GPU, has_no_gpu, on_the_host
from gpubench.checks.outcome import Check, Outcome, ok, skip, unknown, warn
from gpubench.env.snapshot import Snapshot, Tuning

SLOW_CLOCKS = ("hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit")
"""Clock sources whose every reading leaves the processor (facebookresearch/gcm)."""


def _known(snapshot: Snapshot) -> tuple[Outcome | None, Tuning]:
    if has_no_gpu(snapshot):
        return skip(NO_GPU), Tuning()
    if snapshot.host.tuning is None:
        return skip("the machine's settings are not described here"), Tuning()
    return None, snapshot.host.tuning


def governor(snapshot: Snapshot) -> Outcome:
    """The processors run at full clock when there is work.

    Why: a governor that saves power answers late; launches and loaders slow down.
    Remedy: sudo cpupower frequency-set -g performance
    """
    other, tuning = _known(snapshot)
    if other is not None:
        return other
    if not tuning.governors:
        return skip("the processors have no frequency governor (as in most virtual machines)")
    if tuning.governors == ("performance",):
        return ok("every processor has the governor performance")
    return warn(
        f"CPU frequency governor: {', '.join(tuning.governors)}, not performance",
        *on_the_host(snapshot, "sudo cpupower frequency-set -g performance"),
        governors=list(tuning.governors),
    )


def clock_source(snapshot: Snapshot) -> Outcome:
    """The kernel reads the time from a fast clock.

    Why: with hpet or acpi_pm every reading of the time takes a microsecond or more.
    Remedy: clocksource=tsc on the kernel's command line, where the processor allows it.
    """
    other, tuning = _known(snapshot)
    if other is not None:
        return other
    if tuning.clocksource is None:
        return skip("the clock source is not described here")
    if tuning.clocksource not in SLOW_CLOCKS:
        return ok(f"the clock source is {tuning.clocksource}")
    steps = ("sudo dmesg | grep -i clocksource", "update the firmware of the machine")
    if "tsc" in tuning.clocksources:
        steps = (f"echo tsc | sudo tee {_CURRENT}", steps[0])
    return warn(
        f"the clock source is {tuning.clocksource}, which is slow to read",
        *on_the_host(snapshot, *steps),
        clocksource=tuning.clocksource,
    )


_CURRENT = "/sys/devices/system/clocksource/clocksource0/current_clocksource"


def clock_synchronised(snapshot: Snapshot) -> Outcome:
    """The machine's clock is set by a time server.

    Why: certificates, tokens and the logs of several machines depend on it; no result does.
    Remedy: sudo systemctl enable --now chrony
    """
    other, tuning = _known(snapshot)
    if other is not None:
        return other
    if tuning.is_clock_synchronised is None:
        reason = snapshot.why_unread("host.tuning.is_clock_synchronised")
        return unknown(reason) if reason else skip("the clock is not described here")
    if tuning.is_clock_synchronised:
        return ok("the clock is synchronised")
    return warn(
        "nothing synchronises the machine's clock",
        *on_the_host(snapshot, "sudo systemctl enable --now chrony", "timedatectl"),
    )


def nothing_stuck(snapshot: Snapshot) -> Outcome:
    """No process hangs in the driver.

    Why: a process in uninterruptible sleep inside the driver holds its GPU until a reboot.
    Remedy: look at the kernel log, then reboot.
    """
    other, tuning = _known(snapshot)
    if other is not None:
        return other
    if tuning.stuck is None:
        return skip("the processes are not described here")
    if not tuning.stuck:
        return ok("no process waits in the driver")
    return warn(
        f"in uninterruptible sleep in the driver just now: {', '.join(tuning.stuck)}",
        "ps -eo pid,stat,wchan:32,comm | grep ' D'   (twice: a short wait is normal)",
        *on_the_host(snapshot, "sudo dmesg | grep -iE 'nvrm|xid'"),
        confidence="possible",
        processes=list(tuning.stuck),
    )


CHECKS = (
    Check(
        id="host.governor",
        judge=governor,
        cause="host-tuning",
        reference="Linux kernel, CPU performance scaling; facebookresearch/gcm, check_processor",
    ),
    Check(
        id="host.clocksource",
        judge=clock_source,
        cause="host-tuning",
        reference="Linux kernel, timekeeping; facebookresearch/gcm, check_processor",
    ),
    Check(
        id="host.time_sync",
        judge=clock_synchronised,
        cause="host-tuning",
        reference="adjtimex(2)",
    ),
    Check(
        id="host.procs",
        judge=nothing_stuck,
        cause="host-tuning",
        reference="facebookresearch/gcm; leptonai/gpud, os component",
    ),
)
