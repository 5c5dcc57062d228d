"""Whether a strategy trains what one process would: the losses of the first steps, on a rank."""

from typing import Any

from gpubench.bench import cuda
from gpubench.bench.job import Job, Progress
from gpubench.bench.modes import REFERENCE
from gpubench.bench.precision import precision
from gpubench.bench.ranks.group import Group
from gpubench.bench.ranks.spreads import spread_of
from gpubench.bench.rounding import ROUNDING
from gpubench.bench.strategy import Shard
from gpubench.bench.task import Suite
from gpubench.bench.trajectories import Path, by_one_process, trajectory


def parity(job: Job, suite: Suite, progress: Progress, group: Group) -> dict[str, Any]:
    """The strategy's losses, means over ranks; for the reference also the bands' material.

    One process over the batches of all ranks follows when the ranks have parted: it is on the
    first rank of each node alone, and the others have nothing left to do.
    """
    cuda.remember_shortages(group.device)
    path = Path(
        spread=spread_of(job.workload.strategy, group.device),
        shard=Shard(rank=group.rank, world=group.world),
    )

    def run(disturbance: float = 0.0, seed: int = 0) -> list[float]:
        own = trajectory(job, suite, group.device, path, disturbance, seed)
        return list(group.mean(own))

    progress("parity", 0, 1)
    with precision(job.mode):
        answer: dict[str, Any] = {"state": "ok", "reason": None, "losses": run()}
        if job.mode == REFERENCE:
            answer["repeats"] = [run()]
            answer["disturbed"] = {
                name: [run(ROUNDING[name], seed) for seed in (1, 2)]
                for name in sorted({*job.parity_roundings, REFERENCE.rounding})
            }
        group.wait()
        group.leave()
        if job.mode == REFERENCE and group.local_rank == 0:
            answer |= by_one_process(job, suite, group.device)
    return answer
