"""What the rounds against the peers say, and the page they are written on."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from gpubench.bench.job import COUNTING
from gpubench.gate.intervals import Estimate, mean_of

NOT_SLOWER = 0.97
"""Samples per second of the peer's that are enough for "not slower": the gate's tolerance."""

FEWEST_PAIRS = 3
"""With fewer nothing is decided, as in the gate."""

OURS = "gpubench"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """gpubench in a mode against a peer in one: it must be ``faster``, or ``not slower``."""

    suite: str
    mode: str
    peer: str
    peer_mode: str
    must: str

    @property
    def bound(self) -> float:
        """The ratio that all of the interval must lie above."""
        return 1.0 if self.must == "faster" else NOT_SLOWER


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer to one question; ``ours`` and ``theirs`` are samples per second."""

    asked: Asked
    ours: Estimate | None
    theirs: Estimate | None
    ratio: Estimate | None
    pairs: int
    left_out: tuple[str, ...]

    @property
    def shown(self) -> bool | None:
        """True where it is shown, False where the opposite is, None where neither."""
        if self.pairs < FEWEST_PAIRS:
            return None
        assert self.ratio is not None
        assert self.ratio.low is not None
        assert self.ratio.high is not None
        if self.ratio.low >= self.asked.bound:
            return True
        return False if self.ratio.high < self.asked.bound else None

    @property
    def words(self) -> str:
        """The answer in words."""
        opposite = {"faster": "NOT faster", "not slower": "SLOWER"}
        if self.shown is None:
            return "inconclusive"
        return self.asked.must if self.shown else opposite[self.asked.must]


def verdicts(record: dict[str, Any]) -> list[Verdict]:
    """Every question of a record, answered by the rounds in which both sides have a window."""
    return [_verdict(Asked(**question), record["processes"]) for question in record["questions"]]


def _verdict(asked: Asked, processes: Sequence[dict[str, Any]]) -> Verdict:
    sides = [
        {
            process["round"]: process
            for process in processes
            if (process["suite"], process["name"], process["mode"]) == (asked.suite, name, mode)
        }
        for name, mode in ((OURS, asked.mode), (asked.peer, asked.peer_mode))
    ]
    pairs, left_out = [], []
    for number in sorted(set(sides[0]) & set(sides[1])):
        pair = [side[number] for side in sides]
        bad = [
            f"{p['name']}: {p['reason'] or p['state']}" for p in pair if p["state"] not in COUNTING
        ]
        left_out += bad
        if not bad:
            pairs.append([process["samples"] / process["window_seconds"] for process in pair])
    ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    return Verdict(
        asked=asked,
        ours=mean_of(ours) if pairs else None,
        theirs=mean_of(theirs) if pairs else None,
        ratio=mean_of([a / b for a, b in pairs]) if pairs else None,
        pairs=len(pairs),
        left_out=tuple(dict.fromkeys(left_out)),
    )


def written(record: dict[str, Any]) -> str:
    """The page: a table, who was compared with whom, and how it was done."""
    found = verdicts(record)
    parts = [
        "# gpubench against its peers",
        _where(record),
        _table(found),
        *_notes(found, record["processes"]),
        *(_what(name, facts) for name, facts in record["suites"].items()),
        HOW.format(**record, bound=NOT_SLOWER),
    ]
    return "\n\n".join(parts) + "\n"


HOW = """## How it was done

`python -m benchmarks.peers --preset {preset} --pairs {pairs} --seconds {window_min_seconds:g}`.
Each figure is a process of its own; a round trains with every contestant of a suite in turn, the
next round in the reverse order. A ratio is samples per second of gpubench over those of the peer in
the same round; its mean and its 95 % t-interval are taken of logarithms over the rounds. "Not
slower" is said where the whole interval lies at {bound} or above, "faster" where it lies above 1,
the opposite where the whole interval lies below; all else, and fewer than three pairs, is
inconclusive.

Both sides train the same model from the same weights on the same resident batches, under the same
setting of float32, which is read back after the peer's window too; both are timed over windows of
the same rule after a warm-up. gpubench's window is its own, from its own worker.

- **Trainer**: transformers' Trainer as it comes (fused AdamW, linear schedule, gradients clipped
  at 1, a data loader that pins and copies each batch, its own logging); saving and reporting to
  services are off. "No clipping" sets `max_grad_norm` to 0: gpubench's step clips nothing either.
- **timm loop**: written as timm's benchmark script has it: `create_optimizer_v2`, here with AdamW,
  one batch on the device, new random targets and a wait for the device in every step, autocast
  around the backward pass as well. "Fused AdamW" passes `fused=True`, as gpubench's step does.
"""


def _where(record: dict[str, Any]) -> str:
    device = next(iter(record["suites"].values()))["device"]
    versions = {"torch": device["torch"]}
    for process in record["processes"]:
        for name in ("transformers", "accelerate", "timm"):
            if name in process["facts"]:
                versions[name] = process["facts"][name]
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{device['name']}, {device['threads']} threads of the host; {shown}."


def _table(found: Sequence[Verdict]) -> str:
    head = "| suite | gpubench | samples/s | peer | samples/s | ratio [95 %] | pairs | answer |"
    rows = [head, "| --- | --- | ---: | --- | ---: | ---: | ---: | --- |"]
    for verdict in found:
        asked = verdict.asked
        cells = (
            asked.suite,
            asked.mode,
            _rate(verdict.ours),
            f"{asked.peer}, {asked.peer_mode}",
            _rate(verdict.theirs),
            _ratio(verdict.ratio),
            str(verdict.pairs),
            verdict.words,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _rate(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{estimate.value:.4g}"


def _ratio(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    if estimate.low is None or estimate.is_wide:
        return f"~{estimate.value:.2g}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _notes(found: Sequence[Verdict], processes: Sequence[dict[str, Any]]) -> list[str]:
    notes = [
        f"- Left out of {verdict.asked.suite} {verdict.asked.mode}: {reason}"
        for verdict in found
        for reason in verdict.left_out
    ]
    unsettled = sum(process["state"] == "unstable" for process in processes)
    if unsettled:
        notes.append(f"- Of gpubench's windows {unsettled} began before step times had settled.")
    return ["\n".join(dict.fromkeys(notes))] if notes else []


def _what(name: str, facts: dict[str, Any]) -> str:
    settings = ", ".join(
        f"{key.replace('_', ' ')} {value}" for key, value in facts["settings"].items()
    )
    return (
        f"**{name}**: {facts['parameters'] / 1e6:.1f} M parameters, batch {facts['batch_size']}; "
        f"{settings}."
    )
