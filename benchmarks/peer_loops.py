"""The peers, each in a process of its own: transformers' Trainer, and a loop like timm's script.

Both get the model and the batches that gpubench trains in the same job, under the same settings of
float32. A peer is warmed up and timed by the same rules as the other; what is its own is the loop.
"""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from gpubench.bench import cuda
from gpubench.bench.job import Job
from gpubench.bench.precision import autocast, mismatches, precision, read_back
from gpubench.bench.protocol import Protocol, window_steps
from gpubench.bench.steps import Clock
from gpubench.bench.task import Task
from gpubench.bench.training import RESIDENT_BATCHES

COLD_STEPS = 10
"""What timm's script warms up by; more follow here, whose time says how long a window will be."""

WARM_SECONDS = 2.0
"""The least that follows the cold steps (own choice), so that no peer is timed cold."""

EPOCH_BATCHES = 4096
"""Batches in what the Trainer takes for an epoch (own choice): a window rarely meets its end."""


class Stopwatch:
    """Told of every finished step, it warms up, then times a window as long as gpubench's."""

    def __init__(
        self, clock: Clock[Any], protocol: Protocol, *, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self._clock, self._protocol, self._now = clock, protocol, now
        self._steps = self._window = 0
        self._moments: list[float] = []  # the ends of the cold steps, the warm-up, the window

    def step_done(self) -> bool:
        """Count a step; True once the window is full."""
        self._steps += 1
        if self._is_last():
            self._clock.settle()
            self._moments.append(self._now())
            if len(self._moments) == 2:
                cold, warm = self._moments
                self._window = window_steps(self._protocol, (warm - cold) / self._steps)
            self._steps = 0
        return len(self._moments) == 3

    def _is_last(self) -> bool:
        """Whether this step ends what is going on."""
        if not self._moments:
            return self._steps == COLD_STEPS
        if len(self._moments) == 1:
            long_enough = self._now() - self._moments[0] >= WARM_SECONDS
            return long_enough and self._steps >= COLD_STEPS
        return self._steps == self._window

    def answer(self) -> dict[str, Any]:
        """The window: its seconds and its steps."""
        _, began, ended = self._moments
        return {"window_seconds": ended - began, "steps": self._window}


def trainer(job: Job, suite: Any, _: Any) -> dict[str, Any]:
    """Transformers' Trainer as it comes; only saving is off."""
    return _timed(job, suite, lambda *with_task: _train(job, *with_task, {}))


def trainer_unclipped(job: Job, suite: Any, _: Any) -> dict[str, Any]:
    """The Trainer without its clipping of gradients, which gpubench's step does not have."""
    return _timed(job, suite, lambda *with_task: _train(job, *with_task, {"max_grad_norm": 0.0}))


def timm_loop(job: Job, suite: Any, _: Any) -> dict[str, Any]:
    """The loop of timm's benchmark script with AdamW as ``create_optimizer_v2`` makes it."""
    return _timed(job, suite, lambda *with_task: _loop(job, *with_task, {}))


def timm_loop_fused(job: Job, suite: Any, _: Any) -> dict[str, Any]:
    """The same loop with the fused AdamW that gpubench uses."""
    return _timed(job, suite, lambda *with_task: _loop(job, *with_task, {"fused": True}))


def _timed(job: Job, suite: Any, train: Any) -> dict[str, Any]:
    """What a peer's window took, or why it says nothing."""
    device = cuda.device_named(job.device)
    reason = cuda.unsupported(job.mode, device)
    if reason is not None:
        return {"state": "not-supported", "reason": reason}
    torch.manual_seed(job.workload.seed)
    with precision(job.mode):
        task = suite.build(job.workload)
        watch = Stopwatch(cuda.clock_of(device), job.protocol)
        facts = train(task, device, watch)
        faults = mismatches(job.mode, read_back(job.mode, device), device.type)  # whatever it set
    if not math.isfinite(facts["loss"]):
        faults.append("the loss became NaN or infinite")
    state = "invalid" if faults else "ok"
    return {"state": state, "reason": "; ".join(faults) or None, "facts": facts, **watch.answer()}


def _train(
    job: Job, task: Task, device: torch.device, watch: Stopwatch, changed: Mapping[str, Any]
) -> dict[str, Any]:
    import accelerate
    import transformers

    class Watching(transformers.TrainerCallback):
        def on_step_end(self, _args, _state, control, **_more):
            control.should_training_stop = watch.step_done()

    half = {"bfloat16": {"bf16": True}, "float16": {"fp16": True}}
    arguments = transformers.TrainingArguments(
        output_dir=str(Path(job.scratch) / "trainer"),
        per_device_train_batch_size=task.batch_size,
        learning_rate=task.learning_rate,
        max_steps=10**6,  # the callback ends it
        save_strategy="no",
        report_to="none",
        seed=job.workload.seed,
        use_cpu=device.type == "cpu",
        **half.get(job.mode.autocast or "", {}),
        **changed,
    )
    if arguments.n_gpu > 1:
        raise RuntimeError("the Trainer would use every GPU: show it one (CUDA_VISIBLE_DEVICES)")
    peer = transformers.Trainer(
        model=task.model.tagger,
        args=arguments,
        train_dataset=ResidentSentences(task),
        data_collator=lambda batches: batches[0],
        callbacks=[Watching()],
    )
    ended = peer.train()
    return {
        "transformers": transformers.__version__,
        "accelerate": accelerate.__version__,
        "optimizer": str(arguments.optim),
        "max_grad_norm": arguments.max_grad_norm,
        "loss": ended.training_loss,
    }


class ResidentSentences(torch.utils.data.Dataset):
    """gpubench's resident batches, in host memory, for a Trainer to shuffle and to copy.

    Its data loader asks for a whole batch of samples at once, so no time goes into stacking them.
    """

    def __init__(self, task: Task) -> None:
        source = task.batches()
        self._batches = [next(source) for _ in range(RESIDENT_BATCHES)]
        self._batch_size = task.batch_size

    def __len__(self) -> int:
        return EPOCH_BATCHES * self._batch_size

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        raise NotImplementedError("whole batches alone")

    def __getitems__(self, indices: list[int]) -> list[dict[str, torch.Tensor]]:
        return [dict(self._batches[indices[0] % len(self._batches)])]


def _loop(
    job: Job, task: Task, device: torch.device, watch: Stopwatch, changed: Mapping[str, Any]
) -> dict[str, Any]:
    """One batch of noise on the device; new targets and a wait for the device in every step."""
    import timm
    from timm.optim import create_optimizer_v2

    torch.backends.cudnn.benchmark = True
    model = task.model.classifier.to(device).train()
    loss_of = torch.nn.CrossEntropyLoss().to(device)
    optimizer = create_optimizer_v2(model, opt="adamw", lr=task.learning_rate, **changed)
    images = next(task.batches())["images"].to(device)
    clock = cuda.clock_of(device)

    finished = False
    while not finished:
        optimizer.zero_grad()
        with autocast(job.mode, device):
            logits = model(images)
            labels = torch.empty(len(images), dtype=torch.long, device=device)
            loss = loss_of(logits, labels.random_(logits.shape[-1]))
            loss.backward()
        optimizer.step()
        clock.settle()
        finished = watch.step_done()
    return {
        "timm": timm.__version__,
        "optimizer": type(optimizer).__name__,
        "fused": bool(optimizer.defaults.get("fused")),
        "loss": loss.item(),
    }
