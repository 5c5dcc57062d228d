"""Whether the driver's branch knows these GPUs: too new a card, or one it has left behind."""

from gpubench.checks.facts import (
    capabilities,
    cuda_works,
    driver_version,
    nvml_answers,
    on_the_host,
)
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip
from gpubench.env.snapshot import Snapshot
from gpubench.knowledge.compatibility import driver_drives
from gpubench.knowledge.tables import driver_branches


def branch_serves(snapshot: Snapshot) -> Outcome:
    """The driver's branch serves these GPUs.

    Why: a branch knows GPUs from its time on, and leaves out those whose support has ended; the
    card is on the bus then, and no device for programs.
    Remedy: a branch that serves the card.
    """
    driver = driver_version(snapshot)
    known = capabilities(snapshot)
    if driver is None or not known:
        return skip("the driver or the GPUs are not described here")
    wrong = [found for found in known if driver_drives(driver, found) is False]
    if not wrong:
        return ok(f"branch {driver.major} serves every GPU here")
    first, last = driver_branches(wrong[0]) or (0, None)
    words = f"driver {driver} does not serve a GPU of capability {wrong[0]}: branches {first} " + (
        f"to {last} do" if last else "and later do"
    )
    if nvml_answers(snapshot) or cuda_works(snapshot):
        return note(f"{words}, but it answers for it")
    return fail(
        words,
        *on_the_host(snapshot, f"install a driver of branch {last or first}"),
        cause="driver-absent" if last and driver.major > last else "driver-too-old",
        confidence="likely",
    )


CHECKS = (
    Check(
        id="drv.branch",
        judge=branch_serves,
        cause="driver-absent",
        needs=("ctr.injection", "drv.module", "drv.user_kernel_match", "cuda.floor"),
        reference="NVIDIA Unix driver archive, supported products",
    ),
)
