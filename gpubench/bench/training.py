"""One training step, as it is timed: forward, loss, backward, optimizer; nothing read back."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch

from gpubench.bench.accumulation import Portions, Share, keep_gradients, portion_of
from gpubench.bench.modes import Mode
from gpubench.bench.precision import autocast
from gpubench.bench.ranks.spreads import ALONE, Spread
from gpubench.bench.task import Batch, Trainable

RESIDENT_BATCHES = 8
"""How many different batches wait on the device in the resident tier (own choice)."""


LOSSES = 2**18
"""How many losses are kept on the device, 1 MiB; ten minutes of 2 ms steps are more than that."""


class LossLog:
    """Losses of the last ``capacity`` steps, kept on the device until they are asked for."""

    def __init__(self, capacity: int, device: torch.device) -> None:
        self._values = torch.zeros(capacity, device=device)
        self._count = 0

    def record(self, loss: torch.Tensor) -> None:
        """Keep one loss; a copy on the device, which nothing waits for."""
        self._values[self._count % len(self._values)].copy_(loss.detach())
        self._count += 1

    def read(self) -> list[float]:
        """All losses in order; waits for the device."""
        values: list[float] = self._values.tolist()
        if self._count <= len(values):
            return values[: self._count]
        oldest = self._count % len(values)
        return values[oldest:] + values[:oldest]


class TrainingStep:
    """A callable that trains one step; the optimizer is fused AdamW where torch has it.

    A step is ``accumulation`` batches, one after the other, whose gradients are added up before
    the optimizer moves once: the loss is the mean over all of them, as of one large batch.
    ``batches`` come without end and on the device: see ``feeding``. ``spread`` says where the model
    lies and whom its gradients are exchanged with; ``portions`` weigh a step's batches otherwise.
    """

    def __init__(
        self,
        task: Trainable,
        batches: Iterator[Batch],
        mode: Mode,
        device: torch.device,
        *,
        accumulation: int = 1,
        spread: Spread = ALONE,
        portions: Portions | None = None,
    ) -> None:
        self._mode, self._device, self._spread = mode, device, spread
        self._portions = portions or Portions(accumulation, getattr(task, "loss_terms", None))
        self._accumulation = accumulation
        self._batches = batches
        self.model = spread.placed(task.model, device).train()
        self._eager: Any = spread.joined(self.model, device)
        self._forward: Any = self._eager
        if mode.compile is not None:
            self._forward = torch.compile(self._eager, mode=mode.compile, dynamic=False)
        self.optimizer, self.fused = _adamw(task, self.model)
        scaled = mode.autocast == "float16"
        self.scaler = torch.amp.GradScaler(device.type) if scaled else None
        self.graphs = device.type == "cuda" and mode.compile in ("reduce-overhead", "max-autotune")
        self.losses = LossLog(LOSSES, device)
        self.steps = 0
        self._keeps_gradients = self.graphs and accumulation > 1
        if self._keeps_gradients:
            keep_gradients(self.model)

    def __call__(self) -> None:
        """Train one step."""
        self.optimizer.zero_grad(set_to_none=not self._keeps_gradients)
        loss = self.gradients()
        if self.scaler is None:
            self.optimizer.step()
        else:
            self.scaler.unscale_(self.optimizer)
            self.scaler.step(self.optimizer)
            self.scaler.update()
        self.losses.record(loss)
        self.steps += 1

    def gradients(self) -> torch.Tensor:
        """Add up the gradients of the step's batches; their mean loss.

        Ranks exchange them once, with the last batch.
        """
        losses = []
        for number, (batch, share) in enumerate(self._portions.of(self._batches), start=1):
            with self._spread.exchange(self._eager, last=number == self._accumulation):
                losses.append(self._backward(batch, share))
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum()

    def _backward(self, batch: Batch, share: Share) -> torch.Tensor:
        """The gradients of one batch, whose loss has ``share`` of the step's."""
        if self.graphs:
            torch.compiler.cudagraph_mark_step_begin()
        with autocast(self._mode, self._device):
            loss = self._forward(**batch)
        loss = portion_of(loss, share)
        (loss if self.scaler is None else self.scaler.scale(loss)).backward()
        return loss.detach()

    def take(self, batches: Iterator[Batch]) -> None:
        """Train these batches from here on."""
        self._batches = batches

    @contextlib.contextmanager
    def drawing(self, inside: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
        """Draw every batch ``inside`` a context of its own, entered anew for each."""
        plain = self._batches

        def drawn() -> Iterator[Batch]:
            while True:
                with inside():
                    batch = next(plain)
                yield batch

        self._batches = drawn()
        try:
            yield
        finally:
            self._batches = plain

    @contextlib.contextmanager
    def rehearsing(self) -> Iterator[None]:
        """Train batches that come again afterwards, in their order."""
        plain, drawn = self._batches, deque[Batch]()

        def noted() -> Iterator[Batch]:
            for batch in plain:
                drawn.append(batch)
                yield batch

        def again() -> Iterator[Batch]:
            while drawn:
                yield drawn.popleft()
            yield from plain

        self._batches = noted()
        try:
            yield
        finally:
            self._batches = again()

    @contextlib.contextmanager
    def uncompiled(self) -> Iterator[None]:
        """Train by the model as it is written; the compiled one is left as it was."""
        forward, graphs = self._forward, self.graphs
        self._forward, self.graphs = self._eager, False
        try:
            yield
        finally:
            self._forward, self.graphs = forward, graphs

    def skipped_steps(self) -> int:
        """Steps whose gradients overflowed and were not applied; waits for the device."""
        if self.scaler is None:
            return 0
        applied = [state["step"] for state in self.optimizer.state.values() if "step" in state]
        return self.steps - (int(max(float(step) for step in applied)) if applied else 0)


def _adamw(task: Trainable, model: torch.nn.Module) -> tuple[torch.optim.Optimizer, bool]:
    """AdamW over what can be trained, or over the groups that the task makes of it."""
    groups: Callable[[], Any] = getattr(
        task, "parameter_groups", lambda: [p for p in model.parameters() if p.requires_grad]
    )
    with contextlib.suppress(RuntimeError, TypeError):
        return torch.optim.AdamW(groups(), lr=task.learning_rate, fused=True), True
    return torch.optim.AdamW(groups(), lr=task.learning_rate), False
