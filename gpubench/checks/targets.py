"""Judging an environment for machines that are not here: an image built where there is no GPU."""

import dataclasses
import difflib
import functools
import re
from collections.abc import Iterable, Sequence

from gpubench.checks.facts import torch_cuda
from gpubench.checks.outcome import Check, Judge, Outcome, skip
from gpubench.env.snapshot import Driver, Gpu, Snapshot
from gpubench.errors import BadUsage
from gpubench.knowledge.tables import capability_of, load

FILES = (
    "torch", "python", "comp", "tc", "env", "fn", "drv.branch",
    "cuda.floor", "cuda.minor_compat", "cuda.ptx_needed", "cuda.driver_known", "cuda.toolkit",
    "expect.torch", "expect.python", "expect.packages", "expect.cudnn", "expect.nccl",
    "expect.env",
)  # fmt: skip
"""Subjects and checks that files, a driver release and GPU names answer; every other one looks
at the machine itself, which is another one."""
NOT_FILES = ("env.masking", "env.nccl")
"""Of those subjects, what concerns the GPUs or networks of one machine."""
ASK_DRIVER = ("cuda.floor", "cuda.minor_compat", "cuda.driver_known")
ASK_GPUS = ("torch.arch", "cuda.ptx_needed")
_CAPABILITY = re.compile(r"[1-9]\d?\.\d")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TargetGpu:
    """A GPU that is not here, by name or by compute capability alone."""

    name: str
    capability: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The machine an environment is judged for; what was not named is unknown."""

    gpus: tuple[TargetGpu, ...] = ()
    driver: str | None = None

    @property
    def words(self) -> str:
        """H100 (9.0), B200 (10.0), driver 580.65.06."""
        named = [
            gpu.name if gpu.capability in gpu.name else f"{gpu.name} ({gpu.capability})"
            for gpu in self.gpus
        ]
        return ", ".join([*named, *([f"driver {self.driver}"] if self.driver else [])])


def read_target(gpus: Sequence[str], driver: str | None) -> Target | None:
    """What --target-gpu and --target-driver name; BadUsage for what is not on record."""
    if not gpus and driver is None:
        return None
    return Target(gpus=tuple(_gpu(name) for name in gpus), driver=_driver(driver))


def _gpu(name: str) -> TargetGpu:
    if _CAPABILITY.fullmatch(name):
        return TargetGpu(name=f"a GPU of capability {name}", capability=name)
    found = capability_of(name) or capability_of(name.upper())
    if found is not None:
        return TargetGpu(name=name, capability=found)
    near = difflib.get_close_matches(name, known_gpus(), n=2, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}? Else " if near else ""
    raise BadUsage(
        f"--target-gpu {name}: no such GPU on record; {hint}give its compute capability, "
        "such as 9.0"
    )


def known_gpus() -> list[str]:
    """The names of GPUs on record, less those of whole series (RTX 40)."""
    names = [name for row in load("gpus")["gpu"] for name in row["names"]]
    return [name for name in names if capability_of(name) is not None]


def _driver(text: str | None) -> str | None:
    if text is None:
        return None
    if re.fullmatch(r"\d+(\.\d+)+", text):
        return text
    raise BadUsage(f"--target-driver {text}: give the whole release of a driver, such as 580.65.06")


def aim(snapshot: Snapshot, target: Target) -> Snapshot:
    """``snapshot`` as if its environment stood on the target: nothing there has been run."""
    gpus = tuple(
        Gpu(index=number, name=gpu.name, compute_capability=gpu.capability)
        for number, gpu in enumerate(target.gpus)
    )
    driver = Driver(module_loaded=True, version=target.driver)
    return dataclasses.replace(_on_the_cpu(snapshot), driver=driver, gpus=gpus)


def _on_the_cpu(snapshot: Snapshot) -> Snapshot:
    """``snapshot`` without the GPUs and driver of this machine, and what they computed."""
    run = snapshot.torch_run
    if run is not None:
        run = dataclasses.replace(
            run,
            cuda_available=None,
            cuda_problem=None,
            devices=(),
            proofs=tuple(proof for proof in run.proofs if proof.device == "cpu"),
        )
    return dataclasses.replace(
        snapshot, driver=Driver(), gpus=(), kernel_events=None, cuda_init=None, torch_run=run
    )


def aimed(checks: Iterable[Check], target: Target) -> tuple[Check, ...]:
    """``checks`` as they judge a snapshot that ``aim`` made."""
    return tuple(dataclasses.replace(check, judge=_aimed(check, target)) for check in checks)


def _aimed(check: Check, target: Target) -> Judge:
    @functools.wraps(check.judge)
    def judge(snapshot: Snapshot) -> Outcome:
        if not _is_answered_by_files(check.id):
            return skip(f"judged for {target.words}, which is not here")
        if check.subject == "fn":
            return check.judge(_on_the_cpu(snapshot))
        absent = _not_named(check.id, snapshot, target)
        return absent or _naming(check.judge(snapshot), check.judge, snapshot, target)

    return judge


def _is_answered_by_files(name: str) -> bool:
    def stands_in(names: Iterable[str]) -> bool:
        return any(name == entry or name.startswith(f"{entry}.") for entry in names)

    return stands_in(FILES) and not stands_in(NOT_FILES)


def _not_named(name: str, snapshot: Snapshot, target: Target) -> Outcome | None:
    """Why a check of CUDA cannot be answered: one half of the target was not named."""
    if torch_cuda(snapshot) is None:
        return None
    if name in ASK_DRIVER and target.driver is None:
        return skip("no --target-driver was named")
    if name in ASK_GPUS and not target.gpus:
        return skip("no --target-gpu was named")
    return None


def _naming(outcome: Outcome, judge: Judge, snapshot: Snapshot, target: Target) -> Outcome:
    """The outcome, naming the target where it is trouble there and would be none here."""
    if not outcome.is_trouble or judge(_on_the_cpu(snapshot)).status is outcome.status:
        return outcome
    return dataclasses.replace(outcome, reason=f"for {target.words}: {outcome.reason}")


def is_whole(target: Target) -> bool:
    """True where GPUs and driver were both named, so that nothing of the question is open."""
    return bool(target.gpus) and target.driver is not None
