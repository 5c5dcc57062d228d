"""What the table of training says of the input: which side bounds a cell, and its tokens."""

from collections.abc import Sequence
from typing import Any

from gpubench import units
from gpubench.gate.loading import WITHIN, InputSide

TOKEN_HEADINGS = {"padded_tokens": "padded tokens/s", "real_tokens": "real tokens/s"}

BOUND_NOTES = {
    "input": "bound by the input: its figures, marked ~, are the loader's and not the mode's",
    "contention": "input and training hinder each other: each alone is faster, so the figures, "
    "marked ~, are not the mode's (shared cores, or copies that wait)",
}


def input_values(side: InputSide | None) -> dict[str, Any]:
    """The raw values of a cell's input side; all of them absent outside the tier end-to-end."""
    return {
        "bound_by": side and side.bound,
        "waiting_share": side and side.waiting_share,
        "device_samples_per_second": side and side.device_rate,
        "loader_samples_per_second": side and side.loader_rate,
        "cores_to_feed_device": side and side.cores_needed,
        "workers": side and side.workers,
    }


def input_texts(side: InputSide | None) -> dict[str, str]:
    """The same for people, by column."""
    if side is None:
        return dict.fromkeys(("bound", "waiting", "cores"), units.ABSENT)
    return {
        "bound": side.bound or "not known",
        "waiting": units.ABSENT
        if side.waiting_share is None
        else units.percent(side.waiting_share, 0),
        "cores": units.ABSENT
        if side.cores_needed is None
        else units.significant(side.cores_needed, 2),
    }


def input_notes(sides: Sequence[tuple[str, InputSide | None]]) -> list[str]:
    """What the marks of cells mean that were held back by their input, and how much."""
    notes = []
    for bound, said in BOUND_NOTES.items():
        modes = [(mode, side) for mode, side in sides if side and side.bound == bound]
        if modes:
            notes.append(f"{', '.join(mode for mode, _ in modes)}: {said}")
    for mode, side in sides:
        if side is None or side.device_rate is None:
            continue
        alone = units.ABSENT if side.loader_rate is None else units.significant(side.loader_rate)
        notes.append(
            f"{mode}: {units.significant(side.device_rate)} samples/s from batches on the device, "
            f"{alone} from the loader alone ({units.count(side.workers or 0, 'worker')}); "
            f"rates within {WITHIN:.0%} count as equal"
        )
    return notes
