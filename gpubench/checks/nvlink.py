"""The direct ways between GPUs: NVLink and peer access."""

from collections.abc import Iterator

from gpubench.checks.fabric import has_fabric
from gpubench.checks.facts import per_gpu
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip, warn
from gpubench.env.snapshot import Gpu, Snapshot
from gpubench.units import count

LETTERS = {
    "CNS": "the chipset does not allow it",
    "GNS": "the GPU cannot do it",
    "TNS": "they hang from different processors",
    "DR": "a driver setting switched it off",
    "NS": "it is not supported",
}
"""nvidia-smi's letters for peer access that is not there."""
MANY_RECOVERIES = 5
"""Link recoveries above which a link is suspect (NVIDIA DCGM, large fleets)."""


def all_active(snapshot: Snapshot) -> Outcome:
    """Every NVLink that should be active is.

    Why: traffic between GPUs goes over the links that are left, and all GPUs wait for the
    slowest. A card without a bridge has none and needs none.
    Remedy: restart the fabric manager, reset the GPU; check bridges and baseboard.
    """
    other, _ = per_gpu(snapshot, "nvlinks", "its NVLinks", lambda _gpu: None)
    if other is not None:
        return other
    linked = [gpu for gpu in snapshot.gpus if any(gpu.nvlinks or ()) and not gpu.mig_enabled]
    if not linked:
        return skip("no NVLink is active: these cards work without a bridge, or alone")
    bad = [(gpu, links) for gpu in snapshot.gpus if (links := _dark(snapshot, gpu))]
    if not bad:
        most = max(sum(gpu.nvlinks or ()) for gpu in linked)
        return ok(f"NVLinks are active on {count(len(linked), 'GPU')}, {most} on each or fewer")
    return fail(
        "; ".join(
            f"GPU {gpu.index}: NVLink {', '.join(map(str, links))} inactive" for gpu, links in bad
        ),
        "nvidia-smi nvlink -s, and the kernel log: sudo dmesg | grep -iE 'nvlink|xid|sxid'",
        "end every program, reset the GPUs, restart the fabric manager where there is one",
        "where a link stays dark: reseat the bridge, or have the GPU or baseboard replaced",
        confidence="likely",
        inactive={str(gpu.index): links for gpu, links in bad},
    )


def _dark(snapshot: Snapshot, gpu: Gpu) -> list[int]:
    """Links that should be active and are not.

    Behind NVSwitches all of them should; without, as many as the siblings of the same model
    have, where all of them are bridged.
    """
    links = gpu.nvlinks or ()
    dark = [place for place, active in enumerate(links) if not active]
    if not dark or gpu.mig_enabled:
        return []
    siblings = [g for g in snapshot.gpus if g.name == gpu.name and not g.mig_enabled]
    most = max(sum(g.nvlinks or ()) for g in siblings)
    if has_fabric(snapshot):
        return dark
    return dark if sum(links) < most and _alike(siblings) else []


def _alike(siblings: list[Gpu]) -> bool:
    """True where every sibling has links: some cards may be bridged and others not."""
    return all(any(gpu.nvlinks or ()) for gpu in siblings)


def few_link_errors(snapshot: Snapshot) -> Outcome:
    """NVLinks have not had to recover.

    Why: a link that recovers has lost its signal; programs wait for it or end. CRC errors and
    replays alone are the link doing its work.
    Remedy: watch it; reset the GPU; reseat the bridge or have the baseboard looked at.
    """
    other, found = per_gpu(snapshot, "nvlink_recoveries", "its NVLink errors", _recovered)
    if other is not None:
        return other
    if found:
        many = any(max(gpu.nvlink_recoveries or (0,)) >= MANY_RECOVERIES for gpu in snapshot.gpus)
        return warn(
            "; ".join(found),
            "nvidia-smi nvlink -e; watch whether the numbers grow",
            confidence="likely" if many else "possible",
        )
    replayed = [gpu.index for gpu in snapshot.gpus if any(gpu.nvlink_replays or ())]
    if replayed:
        return note(f"NVLink packets sent again on GPU {', '.join(map(str, replayed))}")
    return ok("no NVLink had to recover")


def _recovered(gpu: Gpu) -> str | None:
    bad = [
        f"link {place}: {count(number, 'recovery', 'recoveries')}"
        for place, number in enumerate(gpu.nvlink_recoveries or ())
        if number
    ]
    return ", ".join(bad) or None


def peers_reach(snapshot: Snapshot) -> Outcome:
    """GPUs that are joined by NVLink may read each other's memory.

    Why: without peer access collective operations go through the host's memory, or hang.
    Between cards on PCIe alone it is often not there, and nothing is wrong then.
    Remedy: by the reason: switch ACS off, set iommu=pt, remove the driver setting, end MIG.
    """
    other, _ = per_gpu(snapshot, "p2p_read", "of peer access", lambda _gpu: None)
    pairs = [pair for pair in _pairs(snapshot) if pair[2] in LETTERS]
    expected = [pair for pair in pairs if _is_expected(snapshot, pair)]
    switched_off = [pair for pair in pairs if pair[2] == "DR"]
    if expected:
        return fail(
            _in_words(expected),
            "restart the fabric manager where there is one; reset the GPUs",
            "switch ACS off in the firmware, or boot the host with iommu=pt",
            "until then: export NCCL_P2P_DISABLE=1",
            confidence="likely",
            pairs=[f"{a}-{b}" for a, b, *_ in expected][:64],
        )
    if switched_off:
        return warn(
            _in_words(switched_off),
            "look for NVreg_ settings of the nvidia module in /etc/modprobe.d",
            confidence="likely",
        )
    if pairs:
        return other or note(
            f"{_in_words(pairs)}; copies between them go through the host's memory"
        )
    return other or ok("every GPU may read the memory of every other")


Pair = tuple[int, int, str, str]


def _pairs(snapshot: Snapshot) -> Iterator[Pair]:
    """Two GPUs, how the first reads the second, and how it does over NVLink."""
    known = {gpu.index: gpu for gpu in snapshot.gpus if not gpu.mig_enabled}
    for gpu in known.values():
        for other, letter in enumerate(gpu.p2p_read or ()):
            if other in known and other != gpu.index:
                over = (gpu.p2p_nvlink or ())[other : other + 1]
                yield gpu.index, other, letter, over[0] if over else "U"


def _is_expected(snapshot: Snapshot, pair: Pair) -> bool:
    """True where NVLink joins the two, by a switch or by what NVML says of NVLink itself."""
    first, second, _, over_nvlink = pair
    ends = [gpu for gpu in snapshot.gpus if gpu.index in (first, second)]
    if has_fabric(snapshot) and all(any(gpu.nvlinks or ()) for gpu in ends):
        return True
    return over_nvlink == "OK"


def _in_words(pairs: list[Pair]) -> str:
    reasons = sorted({letter for _, _, letter, _ in pairs})
    first = pairs[0]
    words = ", ".join(f"{letter} ({LETTERS[letter]})" for letter in reasons)
    more = f" and {count(len(pairs) - 1, 'more pair')}" if len(pairs) > 1 else ""
    return f"no peer access from GPU {first[0]} to GPU {first[1]}{more}: {words}"


_NVML = "NVIDIA Management Library API reference"

CHECKS = (
    Check(
        id="nvl.active",
        judge=all_active,
        cause="p2p-broken",
        needs=("nvml.load", "fab.manager", "fab.state", "kmsg.xid", "kmsg.sxid"),
        reference=f"{_NVML}, nvmlDeviceGetNvLinkState",
    ),
    Check(
        id="nvl.errors",
        judge=few_link_errors,
        cause="p2p-broken",
        needs=("nvml.load", "nvl.active", "kmsg.xid"),
        reference=f"{_NVML}, nvmlDeviceGetNvLinkErrorCounter; NVIDIA DCGM",
    ),
    Check(
        id="nvl.p2p_status",
        judge=peers_reach,
        cause="p2p-broken",
        needs=("nvml.load", "gpu.handles", "fab.manager", "fab.state", "nvl.active"),
        reference=f"{_NVML}, nvmlDeviceGetP2PStatus",
    ),
)
