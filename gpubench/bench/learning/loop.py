"""The child's side of a training: epochs of steps, judged, kept, and stopped when asked to."""

import hashlib
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from typing import Protocol as Interface

import torch

from gpubench.bench import cuda
from gpubench.bench.feeding import moved
from gpubench.bench.job import Job
from gpubench.bench.learning import checkpoint
from gpubench.bench.learning.asked import Schedule, Training
from gpubench.bench.learning.learner import Learner, LearningSuite
from gpubench.bench.learning.writable import hold_writable
from gpubench.bench.precision import autocast, mismatches, precision, read_back
from gpubench.bench.task import Batch
from gpubench.bench.training import TrainingStep
from gpubench.errors import BadData, BadUsage, NotComparable


class Telling(Interface):
    """Somebody who is told of stages, and of what the record keeps."""

    def __call__(self, stage: str, done: int, of: int) -> object:
        """A stage is reached."""

    def tell(self, kind: str, **content: Any) -> None:
        """A line for the record."""


PROGRESS_SECONDS = 1.0
"""How often the parent hears of steps at most; it takes silence for a hang."""


def train(job: Job, suite: LearningSuite, progress: Telling) -> dict[str, Any]:
    """Train until the last step or until asked to stop; what was learnt is in checkpoints."""
    assert job.training is not None
    device = cuda.device_for(job.device)
    cuda.remember_shortages(device)
    reason = cuda.unsupported(job.mode, device)
    if reason is not None:
        return {"state": "not-supported", "reason": reason}
    torch.manual_seed(job.workload.seed)
    with precision(job.mode):
        effective = read_back(job.mode, device)
        faults = mismatches(job.mode, effective, device.type)
        if faults:
            return {"state": "invalid", "reason": "; ".join(faults), "effective": effective}
        _hold_places(job.training)
        progress("data and model", 0, 1)
        learner = suite.learner(job.workload, job.training, job.scratch)
        run = _Run(job, job.training, learner, device, progress)
        try:
            run.begin(effective)
        except NotComparable as problem:
            return {"state": "not-comparable", "reason": str(problem)}
        return run.to_the_end()


def _hold_places(training: Training) -> None:
    """BadUsage where another training's checkpoints would be trained over; UnwritableOutput.

    Asked before the learner is made, which writes its tokenizer beside them.
    """
    hold_writable(Path(training.checkpoint))
    if training.export is not None:
        hold_writable(Path(training.export).parent)
    found = checkpoint.newest(Path(training.checkpoint))
    if found is not None and not training.resume:
        raise BadUsage(
            f"{found.parent} holds {found.name}: add --resume to go on with it, "
            "or name another --checkpoint"
        )


class _Run:
    """One training in one process."""

    def __init__(
        self,
        job: Job,
        training: Training,
        learner: Learner,
        device: torch.device,
        progress: Telling,
    ) -> None:
        self._job, self._training, self._learner = job, training, learner
        self._device, self._progress = device, progress
        self._per_epoch = learner.batches_per_epoch
        self._total = training.total_steps(self._per_epoch)
        self._folder = Path(training.checkpoint)
        self._step = TrainingStep(learner, iter(()), job.mode, device)
        self._scheduler = _schedule(self._step.optimizer, training.schedule, self._total)
        self._done = 0
        self._epoch_losses = (0.0, 0)
        self._unread = 0
        self._began = self._told_at = time.monotonic()

    # -- where it begins ---------------------------------------------------------------------------

    def begin(self, effective: dict[str, Any]) -> None:
        """Say what is trained, and take up the last checkpoint where one is gone on with."""
        checkpoint.remove_unfinished(self._folder)
        found = checkpoint.newest(self._folder)
        if found is not None:
            self._take_up(found)
        self._progress.tell(
            "facts",
            settings={**self._learner.settings, "optimizer": self._optimizer_words()},
            survey=dict(self._learner.survey),
            fingerprint=dict(self._learner.fingerprint),
            parameters=sum(p.numel() for p in self._learner.model.parameters()),
            device=cuda.facts(self._device),
            effective=effective,
            steps_per_epoch=self._per_epoch,
            total_steps=self._total,
            first_step=self._done,
            gone_on_from=found.name if found else None,
        )

    def _take_up(self, path: Path) -> None:
        state = checkpoint.read(path, self._learner.fingerprint, self._device)
        if state.step > self._total:
            raise BadUsage(
                f"{path.name} has {state.step} steps already, more than the {self._total} asked for"
            )
        try:
            self._learner.model.load_state_dict(state.model)
            self._step.optimizer.load_state_dict(state.optimizer)
            self._scheduler.load_state_dict(state.scheduler)
            if self._step.scaler is not None:
                self._step.scaler.load_state_dict(state.scaler or {})
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as what:
            said = " ".join(str(what).split())[:300]
            raise NotComparable(f"{path} does not fit this model: {said}") from None
        self._done, self._epoch_losses = state.step, state.epoch_losses
        self._step.steps = state.step  # the optimizer's own count goes on as well

    def _optimizer_words(self) -> str:
        words = f"AdamW, learning rate {self._learner.learning_rate:g}"
        return words if self._training.schedule == "constant" else f"{words}, cosine"

    # -- steps -------------------------------------------------------------------------------------

    def to_the_end(self) -> dict[str, Any]:
        """All steps that are left; how it ended, and what it came to."""
        self._step.take(self._stream())
        if self._done == 0:
            self._judge()  # what it knows before it has learnt anything
        while self._done < self._total:
            if Path(self._training.stop).exists():
                return self._stopped()
            self._step()
            self._scheduler.step()
            self._done += 1
            self._unread += 1
            fault = self._tell_step()
            if fault is not None:
                return self._ended("invalid", fault)
        if checkpoint.newest(self._folder) is None:
            self._keep()
        return self._ended("ok", None) | self._export()

    def _stopped(self) -> dict[str, Any]:
        fault = self._report()
        if fault is not None:
            return self._ended("invalid", fault)
        self._keep()
        return self._ended("interrupted", f"asked to stop after step {self._done}")

    def _stream(self) -> Iterator[Batch]:
        """Batches on the device, epoch after epoch; drawing one moves no generator of training."""
        while True:
            epoch, start = divmod(self._done, self._per_epoch)
            batches = self._learner.epoch(epoch, start)
            while True:
                with torch.random.fork_rng(devices=[]):
                    batch = next(batches, None)
                if batch is None:
                    break
                yield moved(batch, self._device, self._job.workload.feed)

    def _tell_step(self) -> str | None:
        """Report, judge and keep where this step is one for it; why training must end, or None."""
        training, done = self._training, self._done
        last = done == self._total
        ends_epoch = done % self._per_epoch == 0
        keeps = done % training.checkpoint_every == 0 or ends_epoch or last
        if keeps or done % training.report_every == 0:
            fault = self._report()
            if fault is not None:
                return fault
        if ends_epoch or last:
            self._judge()
        if keeps:
            self._keep()
        self._say_now_and_then("training", done, self._total)
        return None

    def _say_now_and_then(self, stage: str, done: int, of: int) -> None:
        if time.monotonic() - self._told_at > PROGRESS_SECONDS:
            self._say(stage, done, of)

    def _say(self, stage: str, done: int, of: int) -> None:
        self._told_at = time.monotonic()
        self._progress(stage, done, of)

    def _report(self) -> str | None:
        """Tell the losses since the last report; the step and value of one that is no number."""
        losses = self._step.losses.read()[-self._unread :] if self._unread else []
        first = self._done - len(losses) + 1
        self._unread = 0
        for step, loss in enumerate(losses, start=first):
            if not math.isfinite(loss):
                return f"the loss became {loss} at step {step}"
        total, count = self._epoch_losses
        self._epoch_losses = (total + math.fsum(losses), count + len(losses))
        if losses:
            self._progress.tell(
                "loss",
                step=self._done,
                epoch=(self._done - 1) // self._per_epoch + 1,
                mean=math.fsum(losses) / len(losses),
                last=losses[-1],
                losses=losses,
                learning_rate=max(map(float, self._scheduler.get_last_lr())),
                seconds=time.monotonic() - self._began,
                skipped_steps=self._step.skipped_steps() if self._step.scaler else 0,
            )
        return None

    def _judge(self) -> None:
        """The epoch's mean loss, and how good the model is on what it was not trained on."""
        self._say("validation", 0, 1)
        model = self._learner.model
        model.eval()
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            found = self._learner.evaluate(self._device, self._computing)
        model.train()
        total, count = self._epoch_losses
        epoch, rest = divmod(self._done, self._per_epoch)
        self._progress.tell(
            "epoch",
            step=self._done,
            epoch=epoch + (rest > 0),
            complete=rest == 0,
            mean_loss=total / count if count else None,
            seconds=time.monotonic() - self._began,
            **found,
        )
        if rest == 0:
            self._epoch_losses = (0.0, 0)

    def _computing(self) -> torch.autocast:
        """The mode's region for a batch that is judged; the parent hears that it is alive."""
        self._say_now_and_then("validation", 0, 1)
        return autocast(self._job.mode, self._device)

    def _keep(self) -> None:
        """Write a checkpoint of what was reported, and found to be numbers, so far."""
        state = checkpoint.State(
            fingerprint=self._learner.fingerprint,
            step=self._done,
            model=self._learner.model.state_dict(),
            optimizer=self._step.optimizer.state_dict(),
            scheduler=self._scheduler.state_dict(),
            scaler=self._step.scaler.state_dict() if self._step.scaler else None,
            epoch_losses=self._epoch_losses,
        )
        began = time.monotonic()
        path = checkpoint.write(self._folder, state, kept=self._training.kept)
        self._progress.tell(
            "checkpoint",
            step=self._done,
            file=path.name,
            size_bytes=path.stat().st_size,
            seconds=time.monotonic() - began,
        )

    # -- the end -----------------------------------------------------------------------------------

    def _ended(self, state: str, reason: str | None) -> dict[str, Any]:
        changed = mismatches(
            self._job.mode, read_back(self._job.mode, self._device), self._device.type
        )
        if changed and state == "ok":
            state, reason = "invalid", f"after the training: {'; '.join(changed)}"
        return {
            "state": state,
            "reason": reason,
            "step": self._done,
            "seconds": time.monotonic() - self._began,
            "weights": weights_digest(self._learner.model),
            "memory": cuda.memory(self._device),
        }

    def _export(self) -> dict[str, Any]:
        if self._training.export is None:
            return {}
        from gpubench.bench.learning.exporting import export

        self._say("export", 0, 1)
        return {"export": export(self._learner.exported(), Path(self._training.export))}


def _schedule(
    optimizer: torch.optim.Optimizer, name: Schedule, total: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The learning rate over the steps: as it is, or down to 0 along a cosine."""
    if name == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(1, total))
    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)


def weights_digest(model: torch.nn.Module) -> str:
    """SHA-256 over names, types, shapes and bytes of a model's state: equal only bit for bit."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        if not isinstance(tensor, torch.Tensor):
            raise BadData(f"the state of the model holds {name}, which is no tensor")
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
