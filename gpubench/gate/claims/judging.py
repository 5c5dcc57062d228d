"""Every claim decided from whatever records hold what it takes."""

from collections.abc import Callable, Iterator, Sequence

from gpubench.bench.record import RunRecord
from gpubench.gate.claims import devices, feeding, sizes, speed
from gpubench.gate.claims.finding import Finding
from gpubench.gate.table import STATE_WORDS
from gpubench.knowledge.claims import Claim, claims

Judge = Callable[[Claim, Sequence[RunRecord]], Iterator[Finding]]

JUDGES: dict[str, Judge] = {
    "speedup": speed.speedup,
    "shortening": speed.shortening,
    "parity": speed.parity,
    "feeding": feeding.feeding,
    "batch_gain": sizes.batch_gain,
    "memory_per_sample": sizes.memory_per_sample,
    "fitting": sizes.fitting,
    "square": sizes.square,
    "rate": devices.rate,
    "across_devices": devices.across_devices,
    "utilisation": devices.utilisation,
}
"""How a claim is decided, by the name in its row: what each record that could decide it says."""


def findings(records: Sequence[RunRecord]) -> list[Finding]:
    """One finding or more for every claim, in the order of the documents' rows."""
    return [found for claim in claims() for found in _of_claim(claim, records)]


def _of_claim(claim: Claim, records: Sequence[RunRecord]) -> list[Finding]:
    """What is said of a claim: by every record that meets its conditions, else by the best of all.

    None that could decide it is left out, so that no verdict is picked among several.
    """
    found = list(JUDGES[claim.judge](claim, records))
    met = [each for each in found if each.is_met]
    answered = [each for each in met if not _is_unsupported(each)]
    if answered or met:
        return answered or met[:1]
    shown = [each for each in found if each.shows] or found
    return shown[:1] or [Finding(claim=claim, reason=_missing(claim, records))]


def _is_unsupported(found: Finding) -> bool:
    """Whether the device cannot do the mode, which says nothing of the claim."""
    return not found.shows and f": {STATE_WORDS['not-supported']}" in (found.reason or "")


def _missing(claim: Claim, records: Sequence[RunRecord]) -> str:
    types = {facts.device.get("type") for record in records for facts in record.workloads.values()}
    if claim.gpus is not None and types <= {"cpu"}:
        return f"no GPU, and the claim is of {claim.gpus}"
    if claim.device == "cuda" and types <= {"cpu"}:
        return "no GPU"
    return f"not measured: no record holds what the part {claim.part!r} measures"
