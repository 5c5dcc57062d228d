"""What a run of losses says: its ends, and where it stopped being numbers."""

import math
from collections.abc import Sequence

KEPT = 512
"""How many losses a record keeps of the start and of the end of a process (own choice)."""


def ends(losses: Sequence[float]) -> list[float]:
    """The first and the last losses; a run of hundreds of thousands of steps has too many."""
    if len(losses) <= 2 * KEPT:
        return list(losses)
    return [*losses[:KEPT], *losses[-KEPT:]]


def faults(losses: Sequence[float], steps: int) -> dict[str, int]:
    """How many are NaN, how many infinite, and the first step that was either; empty for none.

    ``losses`` are the last of ``steps`` steps; steps count from 1 and include the warm-up's.
    """
    wrong = [at for at, loss in enumerate(losses) if not math.isfinite(loss)]
    if not wrong:
        return {}
    nans = sum(math.isnan(losses[at]) for at in wrong)
    first = steps - len(losses) + wrong[0] + 1
    return {"nan": nans, "infinite": len(wrong) - nans, "first_step": first, "steps": steps}


def told(found: dict[str, int]) -> str:
    """The same as a sentence."""
    nan, infinite = found["nan"], found["infinite"]
    word = "NaN" if not infinite else "infinite" if not nan else "NaN or infinite"
    counts = [f"{nan} were NaN"] * (nan > 0) + [f"{infinite} were infinite"] * (infinite > 0)
    return (
        f"the loss became {word} at step {found['first_step']}; "
        f"of {found['steps']} losses {' and '.join(counts)}"
    )
