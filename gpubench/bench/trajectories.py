"""Follows a mode's losses from one seed, without dropout: the child's side of parity."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import torch

from gpubench.bench import cuda
from gpubench.bench.feeding import StreamedFeed
from gpubench.bench.job import Job, Progress
from gpubench.bench.modes import REFERENCE
from gpubench.bench.precision import precision
from gpubench.bench.ranks.spreads import ALONE, RankPortions, Spread, joined, spread_of
from gpubench.bench.rounding import ROUNDING
from gpubench.bench.strategy import SINGLE, WHOLE, Shard
from gpubench.bench.task import Suite
from gpubench.bench.training import TrainingStep


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """How losses are followed: where the model lies, and which batches it is given.

    With ``of_all`` one process trains what all ranks of the job's strategy would.
    """

    spread: Spread = ALONE
    shard: Shard = WHOLE
    of_all: bool = False


def parity(job: Job, suite: Suite, progress: Progress) -> dict[str, Any]:
    """The losses of the first steps from one seed; for the reference also the bands' material.

    The reference is run twice as it is, and twice for every rounding that was asked for with
    its initial weights disturbed by that rounding: how far such runs part tells how far a mode
    of that rounding may part.
    """
    device = cuda.device_named(job.device)
    cuda.remember_shortages(device)
    reason = cuda.unsupported(job.mode, device)
    if reason is not None:
        return {"state": "not-supported", "reason": reason}

    path = Path(spread=spread_of(job.workload.strategy, device))

    def run(disturbance: float = 0.0, seed: int = 0) -> list[float]:
        return trajectory(job, suite, device, path, disturbance, seed)

    with precision(job.mode):
        progress("parity", 0, 1)
        answer: dict[str, Any] = {"state": "ok", "reason": None, "losses": run()}
        if job.mode == REFERENCE:
            answer["repeats"] = [run()]
            answer["disturbed"] = {
                name: [run(ROUNDING[name], seed) for seed in (1, 2)]
                for name in job.parity_roundings
            }
            if job.workload.strategy.is_spread:
                answer |= by_one_process(job, suite, device)
    return answer


def by_one_process(job: Job, suite: Suite, device: torch.device) -> dict[str, Any]:
    """The losses of one process on one device over the batches of all ranks, or why there are none.

    It is the reference of a strategy: the gradients of all batches are added up before a step.
    """
    try:
        return {"alone": trajectory(job, suite, device, Path(of_all=True))}
    except Exception as problem:
        if not cuda.is_out_of_memory(problem):
            raise
        return {"alone_unread": "one process has no room for the whole model"}


def trajectory(
    job: Job,
    suite: Suite,
    device: torch.device,
    path: Path,
    disturbance: float = 0.0,
    seed: int = 0,
) -> list[float]:
    """The losses over the seed's batches, drawn anew each time: a list of them could be vast."""
    torch.manual_seed(job.workload.seed)
    workload = dataclasses.replace(job.workload, shard=path.shard)
    strategy = SINGLE if path.of_all else workload.strategy
    task = joined(suite.build(workload, exact=True), strategy)
    if disturbance:
        _disturb(task.model, disturbance, seed)
    accumulation, chance, portions = workload.accumulation, Chance(workload.seed), None
    if path.of_all:
        world, terms = workload.strategy.world, getattr(task, "loss_terms", None)
        portions = RankPortions(accumulation, world, terms)
    with chance.own():
        feed = StreamedFeed(task, device, workload.feed, accumulation=accumulation)
    step = TrainingStep(
        task,
        feed,
        job.mode,
        device,
        accumulation=accumulation,
        spread=path.spread,
        portions=portions,
    )
    with step.drawing(chance.own):
        for _ in range(job.protocol.parity_steps):
            step()
    return step.losses.read()


class Chance:
    """Random numbers of the host for drawing batches, whatever the training draws in between."""

    def __init__(self, seed: int) -> None:
        self._state = torch.Generator().manual_seed(seed).get_state()

    @contextlib.contextmanager
    def own(self) -> Iterator[None]:
        """Go on with these numbers inside, and with the others outside."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._state)
            yield
            self._state = torch.get_rng_state()


def _disturb(model: torch.nn.Module, relative: float, seed: int) -> None:
    """Move every weight by up to ``relative`` of itself, as rounding would."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.rand(parameter.shape, generator=generator) * 2 - 1
            parameter.mul_(1 + relative * noise)
