"""The ranks of a job as one of them sees them: what it is, and how all agree."""

import datetime
import os
from collections.abc import Sequence

import torch
import torch.distributed as together

from gpubench.bench.feed import cores


class Group:
    """This rank among all; whoever makes one has joined the others, and must ``leave``."""

    def __init__(self, device_type: str, limit_seconds: float) -> None:
        self.local_rank = int(os.environ["LOCAL_RANK"])
        self.node = int(os.environ["GROUP_RANK"])
        self.per_node = int(os.environ["LOCAL_WORLD_SIZE"])
        on_gpu = device_type == "cuda"
        self.device = torch.device("cuda", self.local_rank) if on_gpu else torch.device("cpu")
        if on_gpu:
            torch.cuda.set_device(self.device)
        else:
            torch.set_num_threads(max(1, cores() // self.per_node))
        together.init_process_group(
            "nccl" if on_gpu else "gloo", timeout=datetime.timedelta(seconds=limit_seconds)
        )
        self.rank, self.world = together.get_rank(), together.get_world_size()

    def wait(self) -> None:
        """Go on when all ranks have come here, and their devices are done."""
        together.all_reduce(torch.zeros(1, device=self.device))
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def largest(self, numbers: Sequence[float]) -> tuple[float, ...]:
        """The largest over ranks, of each number."""
        return self._reduced(numbers, together.ReduceOp.MAX)

    def smallest(self, numbers: Sequence[float]) -> tuple[float, ...]:
        """The smallest over ranks, of each number."""
        return self._reduced(numbers, together.ReduceOp.MIN)

    def mean(self, numbers: Sequence[float]) -> tuple[float, ...]:
        """The mean over ranks, of each number."""
        return tuple(n / self.world for n in self._reduced(numbers, together.ReduceOp.SUM))

    def gathered(self, text: str) -> list[str]:
        """What each rank has to say, in order; as bytes, so that nothing is unpickled."""
        own = torch.tensor(list(text.encode()), dtype=torch.uint8, device=self.device)
        lengths = [int(n) for n in self._shared(torch.tensor([len(own)], device=self.device))]
        padded = torch.zeros(max(lengths), dtype=torch.uint8, device=self.device)
        padded[: len(own)] = own
        rows = self._shared(padded).cpu().tolist()
        return [bytes(row[:n]).decode() for row, n in zip(rows, lengths, strict=True)]

    def first(self, said: str | None) -> str | None:
        """What the first rank that says anything says, with its number."""
        told = self.gathered(said or "")
        return next((f"rank {rank}: {text}" for rank, text in enumerate(told) if text), None)

    def leave(self) -> None:
        """Part from the others."""
        together.destroy_process_group()

    def _shared(self, own: torch.Tensor) -> torch.Tensor:
        """The tensors of all ranks (W, N), which have one shape (N)."""
        rows = [torch.empty_like(own) for _ in range(self.world)]
        together.all_gather(rows, own)
        return torch.stack(rows)

    def _reduced(self, numbers: Sequence[float], how: object) -> tuple[float, ...]:
        values = torch.tensor(list(numbers), dtype=torch.float64, device=self.device)
        together.all_reduce(values, op=how)
        return tuple(values.tolist())


def checksum(model: torch.nn.Module) -> int:
    """A number that changes with any bit of any parameter, and with the place it stands at.

    Of a sharded model the parameters are gathered one by one, so all ranks must call it.
    """
    total = 0
    for number, parameter in enumerate(model.parameters(), start=1):
        whole = parameter.full_tensor() if hasattr(parameter, "full_tensor") else parameter
        bits = whole.detach().contiguous().reshape(-1).view(torch.uint8)
        words = bits[: len(bits) // 4 * 4].view(torch.int32).to(torch.int64)
        places = torch.arange(len(words), device=words.device) % 65_521 + number
        rest = bits[len(bits) // 4 * 4 :].to(torch.int64).sum()
        total = (total * 31 + int((words * places).sum() + rest)) % (2**61 - 1)
    return total
