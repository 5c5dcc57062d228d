"""The settings of torch's memory allocator."""

import re

from gpubench.checks.facts import torch_known
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip
from gpubench.env.snapshot import Snapshot
from gpubench.knowledge.tables import allocator_options

NAMES = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF")
_ENTRY = re.compile(r"\s*([A-Za-z_]\w*)\s*:\s*(\[[^\[\]]*\]|[^\s,:\[\]]+)\s*")


def settings(snapshot: Snapshot) -> Outcome:
    """The settings of torch's memory allocator can be read by torch.

    Why: torch parses them while it is imported, and aborts where they are not NAME:VALUE pairs
    with commas between them.
    Remedy: export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True
    """
    missing = torch_known(snapshot)
    if missing is not None:
        return missing
    if snapshot.source != "live" and not snapshot.environment:
        return skip("the variables are not described here")
    name = next((name for name in NAMES if snapshot.environment.get(name)), None)
    if name is None:
        return ok("the allocator has no settings of its own")
    value = snapshot.environment[name]
    pairs, wrong = parse(value)
    run = snapshot.torch_run
    if wrong is not None:
        words = f"{name}={value} cannot be read at {wrong!r}: NAME:VALUE,NAME:VALUE is expected"
        if run is not None and run.imported:
            return note(f"{words}; torch imports all the same")
        return fail(words, f"unset {name}", value=value)
    strange = [option for option in pairs if option not in allocator_options()]
    if strange:
        return note(f"{name} has options that are on record for no release: {', '.join(strange)}")
    return ok(f"{name}={value}")


def parse(value: str) -> tuple[dict[str, str], str | None]:
    """The options, and the text at which torch would stop; None where it reads them all."""
    pairs: dict[str, str] = {}
    position = 0
    while position < len(value):
        if value[position] in ", ":  # torch passes over empty entries
            position += 1
            continue
        found = _ENTRY.match(value, position)
        end = found.end() if found else position
        if found is None or (end < len(value) and value[end] != ","):
            return pairs, value[position:].strip()[:40]
        pairs[found[1]] = found[2]
        position = end + 1
    return pairs, None


CHECKS = (
    Check(
        id="env.alloc_conf",
        judge=settings,
        cause="host-tuning",
        needs=("torch.present",),
        reference="PyTorch, CUDA semantics, optimizing memory usage",
    ),
)
