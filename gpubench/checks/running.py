"""Runs checks: one that breaks does not take the others down, one root cause is said once."""

import dataclasses
import time
from collections.abc import Iterable, Sequence

from gpubench.checks.outcome import Check, Outcome, Status, fail, skip
from gpubench.checks.registry import CHECKS
from gpubench.checks.remedies import for_interpreter
from gpubench.env.redact import clean
from gpubench.env.snapshot import Snapshot
from gpubench.errors import UnknownName
from gpubench.units import Seconds

BLOCKING = (Status.FAIL,)
ON_THE_BUS = "drv.pci_present"
CONSEQUENCES = (Status.FAIL, Status.WARN, Status.UNKNOWN)
"""What the failure of a prerequisite explains; what was seen to pass stays passed."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One check and what came of it."""

    check: Check
    outcome: Outcome
    seconds: Seconds
    blocked_by: str | None = None

    @property
    def status(self) -> Status:
        """How the check ended."""
        return self.outcome.status

    @property
    def cause(self) -> str:
        """The root cause it points to."""
        return self.outcome.cause or self.check.cause


def run_checks(
    snapshot: Snapshot,
    *,
    only: Sequence[str] = (),
    left_out: Sequence[str] = (),
    require_gpu: bool = False,
    checks: Sequence[Check] = CHECKS,
) -> tuple[Result, ...]:
    """Every check's result on ``snapshot``, in the registry's order.

    ``only`` and ``left_out`` are ids or their parts before the dot; UnknownName where one is
    neither. A check outside ``only`` is still reported where its failure explains one inside.
    """
    wanted = select(checks, only) if only else {check.id for check in checks}
    dropped = select(checks, left_out)
    if require_gpu:  # whether there is one is always told then
        wanted, dropped = wanted | {ON_THE_BUS}, dropped - {ON_THE_BUS}
    results: dict[str, Result] = {}
    for check in checks:
        if check.id not in dropped:
            results[check.id] = _run(check, snapshot, results, require_gpu=require_gpu)
    chosen = wanted | {result.blocked_by for key, result in results.items() if key in wanted}
    return tuple(result for key, result in results.items() if key in chosen)


def select(checks: Iterable[Check], names: Sequence[str]) -> set[str]:
    """The ids that ``names`` stand for; UnknownName for one that stands for none."""
    ids = [check.id for check in checks]
    chosen: set[str] = set()
    for name in names:
        found = {key for key in ids if key == name or key.startswith(f"{name}.")}
        if not found:
            raise UnknownName("check", name, [*ids, *{key.partition(".")[0] for key in ids}])
        chosen |= found
    return chosen


def _run(
    check: Check, snapshot: Snapshot, results: dict[str, Result], *, require_gpu: bool
) -> Result:
    started = time.perf_counter()
    outcome = _guarded(check, snapshot)
    if require_gpu and check.id == ON_THE_BUS and outcome.status is Status.SKIP:
        outcome = _gpu_required(outcome)
    blocker = _blocker(check, outcome, results)
    if blocker is not None:
        outcome = skip(f"blocked by {blocker}")
    remedy = tuple(for_interpreter(snapshot, line) for line in outcome.remedy)
    outcome = dataclasses.replace(outcome, remedy=remedy)
    seconds = Seconds(time.perf_counter() - started)
    return Result(check=check, outcome=outcome, seconds=seconds, blocked_by=blocker)


def _guarded(check: Check, snapshot: Snapshot) -> Outcome:
    try:
        return check.judge(snapshot)
    except Exception as problem:  # a check's own bug is its result, whatever it is
        words = clean(f"{type(problem).__name__}: {problem}")
        return Outcome(status=Status.CRASH, reason=f"the check itself broke: {words}")


def _gpu_required(outcome: Outcome) -> Outcome:
    return fail(
        f"a GPU is required here (--require-gpu): {outcome.reason}",
        "check that the card is seated and enabled: lspci -d 10de:",
    )


def _blocker(check: Check, outcome: Outcome, results: dict[str, Result]) -> str | None:
    """The root of what explains this outcome, or None where it stands on its own."""
    if outcome.status not in CONSEQUENCES:
        return None
    for name in check.needs:
        needed = results.get(name)
        if needed is None:
            continue
        if needed.blocked_by is not None:
            return needed.blocked_by
        if needed.status in BLOCKING:
            return name
    return _explanation(outcome, results)


def _explanation(outcome: Outcome, results: dict[str, Result]) -> str | None:
    """The check that failed with a cause this outcome names as its own explanation."""
    for cause in outcome.explained_by:
        for name, result in results.items():
            if result.status is Status.FAIL and result.cause == cause:
                return name
    return None
