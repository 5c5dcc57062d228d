"""NCCL's variables: switches left on, and names of devices that are not here."""

from collections.abc import Sequence

from gpubench.checks.facts import NO_GPU, has_no_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, warn
from gpubench.env.snapshot import Snapshot

OFF = ("", "0")
SWITCHES = {
    "NCCL_P2P_DISABLE": "GPUs do not reach each other directly",
    "NCCL_SHM_DISABLE": "processes of one machine talk through the network",
    "NCCL_IB_DISABLE": "InfiniBand is not used",
}


def communication(snapshot: Snapshot) -> Outcome:
    """NCCL is not held back by a variable, nor sent to a device that is not here.

    Why: switches that once worked round a fault stay in scripts and images for years; a name of
    another machine's network interface ends with "no socket interface found".
    Remedy: unset the variable.
    """
    if has_no_gpu(snapshot):
        return skip(NO_GPU)
    if snapshot.source != "live" and not snapshot.environment:
        return skip("the variables are not described here")
    for judge in (_interface, _adapter, _switched):
        found = judge(snapshot)
        if found is not None:
            return found
    named = [
        name for name in ("NCCL_SOCKET_IFNAME", "NCCL_IB_HCA") if snapshot.environment.get(name)
    ]
    if named and snapshot.host.topology is None:
        return skip(f"{' and '.join(named)} cannot be held against the devices here")
    return ok("no variable holds NCCL back")


def _interface(snapshot: Snapshot) -> Outcome | None:
    """NCCL_SOCKET_IFNAME names an interface of this machine."""
    value, topology = snapshot.environment.get("NCCL_SOCKET_IFNAME"), snapshot.host.topology
    if not value or topology is None or topology.interfaces is None:
        return None
    if any(selects(value, name) for name in topology.interfaces):
        return None
    judge = fail if len(snapshot.gpus) > 1 else warn
    return judge(
        f"NCCL_SOCKET_IFNAME={value} matches no interface here "
        f"({', '.join(topology.interfaces) or 'none'}): NCCL cannot start",
        "unset NCCL_SOCKET_IFNAME",
        value=value,
        interfaces=list(topology.interfaces),
    )


def _adapter(snapshot: Snapshot) -> Outcome | None:
    """NCCL_IB_HCA names an adapter of this machine."""
    value, topology = snapshot.environment.get("NCCL_IB_HCA"), snapshot.host.topology
    if not value or topology is None or topology.infiniband is None:
        return None
    if any(selects(value, name) for name in topology.infiniband):
        return None
    return warn(
        f"NCCL_IB_HCA={value} matches no adapter here "
        f"({', '.join(topology.infiniband) or 'none'}): NCCL goes over sockets",
        "unset NCCL_IB_HCA, or name what ls /sys/class/infiniband shows",
        value=value,
    )


def selects(value: str, name: str) -> bool:
    """Whether NCCL's list takes a device: prefixes; ``=`` whole names; ``^`` all but these."""
    inverted = value.startswith("^")
    rest = value.removeprefix("^")
    whole = rest.startswith("=")
    entries = [entry.partition(":")[0] for entry in rest.removeprefix("=").split(",") if entry]
    named = _named(entries, name, whole=whole)
    return not named if inverted else named


def _named(entries: Sequence[str], name: str, *, whole: bool) -> bool:
    return any(name == entry if whole else name.startswith(entry) for entry in entries)


def _switched(snapshot: Snapshot) -> Outcome | None:
    found = [name for name in SWITCHES if snapshot.environment.get(name, "") not in OFF]
    if not found:
        return None
    words = "; ".join(f"{name} is set: {SWITCHES[name]}" for name in found)
    topology = snapshot.host.topology
    only_adapters = found == ["NCCL_IB_DISABLE"]
    if only_adapters and topology is not None and not topology.infiniband:
        return note(f"{words}; there is none here")
    if len(snapshot.gpus) < 2:
        return note(words)
    return warn(words, f"unset {' '.join(found)}", variables=found)


CHECKS = (
    Check(
        id="env.nccl",
        judge=communication,
        cause="host-tuning",
        reference="NVIDIA NCCL documentation, environment variables",
    ),
)
