"""What ``gpubench doctor`` is asked: read whole before anything is probed, then put."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from gpubench.errors import BadUsage

if TYPE_CHECKING:
    from gpubench.checks.outcome import Check
    from gpubench.checks.report import DoctorReport
    from gpubench.checks.targets import Target
    from gpubench.env.snapshot import Snapshot


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which checks, of which machine, against which contract and which earlier snapshot."""

    checks: "tuple[Check, ...]"
    """The registry's and the contract's, aimed at the target."""
    only: tuple[str, ...]
    left_out: tuple[str, ...]
    require_gpu: bool
    target: "Target | None"
    before: "Snapshot | None"

    def put(self, snapshot: "Snapshot") -> "DoctorReport":
        """The answer about ``snapshot``."""
        from gpubench.checks.report import make_report
        from gpubench.checks.running import run_checks
        from gpubench.checks.targets import aim

        results = run_checks(
            aim(snapshot, self.target) if self.target else snapshot,
            only=self.only,
            left_out=self.left_out,
            require_gpu=self.require_gpu,
            checks=self.checks,
        )
        return make_report(snapshot, results, target=self.target, before=self.before)


def read_question(
    *,
    only: str,
    left_out: str,
    require_gpu: bool,
    expect: Path | None,
    against: str | None,
    target_gpu: str | None,
    target_driver: str | None,
) -> Question:
    """The question of these options; GpubenchError where one of them cannot be asked."""
    from gpubench.checks.registry import CHECKS
    from gpubench.checks.running import select
    from gpubench.checks.targets import aimed, read_target

    if target_gpu is not None and not names(target_gpu):
        raise BadUsage("--target-gpu names no GPU; give names such as H100, or 9.0")
    target = read_target(names(target_gpu or ""), target_driver)
    if target is not None and require_gpu:
        raise BadUsage(
            "--require-gpu asks for a GPU here, --target-* judges for one that is not; "
            "give one of them"
        )
    checks = CHECKS
    if expect is not None:
        from gpubench.checks.expectation import read_contract

        checks = (*CHECKS, *read_contract(expect))
    chosen = names(only)
    if expect is not None and chosen:
        chosen = (*chosen, "expect")  # a contract that was given is judged whole
    for wanted in (chosen, names(left_out)):
        select(checks, wanted)
    return Question(
        checks=aimed(checks, target) if target else checks,
        only=chosen,
        left_out=names(left_out),
        require_gpu=require_gpu,
        target=target,
        before=_earlier(against),
    )


def names(text: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _earlier(source: str | None) -> "Snapshot | None":
    if source is None:
        return None
    from gpubench.env.saved import read_snapshot

    return read_snapshot(source, reports=False)
