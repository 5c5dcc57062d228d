"""What runs: cuInit, torch, and what torch proves, each in a child of the interpreter under test.

The first child imports torch and proves the first device; the others start where that went well,
or beside it where nothing but the CPU is to be proved.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from gpubench.env.children import Pool, concurrently
from gpubench.env.collectives import prove_collectives
from gpubench.env.loading import ended_early, prove_copies, soak
from gpubench.env.places import Place
from gpubench.env.proving import Answer, Prover, Tell, events
from gpubench.env.python_env import script
from gpubench.env.redact import clean_plain
from gpubench.env.snapshot import CudaInit, Proof, TorchDevice, TorchRun
from gpubench.env.sources import Completed, Sources, run_child

CUDA_SECONDS = 30.0
"""cuInit of eight GPUs without the persistence daemon takes up to about ten seconds."""
SHARE_PER_GPU = 0.25
"""What every GPU adds to the time limit of a child, as a share of it: CUDA starts all of them."""
GPUS_AT_ONCE = 4
"""Children that prove GPUs at a time: each takes a CPU core and some GiB of host memory."""
DEEP_SHARE = 5
"""How many times the limit a child gets at ``deep``, which writes all memory several times."""
NO_COMPILER = "there is no C++ compiler"
COMPANIONS = ("numpy", "torchvision")
"""What is tried among the proofs and answered as facts of the run."""


def start_cuda(place: Place, sources: Sources, *, timeout: float) -> CudaInit:
    """What ``cuInit`` answers within ``timeout`` seconds."""
    completed = run_child(
        [place.python, "-B", "-"],
        script=script("start_cuda.py"),
        timeout=min(timeout, CUDA_SECONDS),
        variables=sources.variables,
        place=place,
    )
    return cuda_answer(completed)


def cuda_answer(completed: Completed) -> CudaInit:
    """The last thing the child said, and how it ended where it did not end well."""
    told = events(completed)
    facts = clean_plain(told[-1]) if told else {}
    phase = facts.pop("phase", "start")
    if completed.ending and "problem" not in facts:
        words = " / ".join(completed.last_words[-2:])
        facts["problem"] = f"{phase} {completed.ending}: {words}".rstrip(": ")
    return CudaInit(**facts)


def run_torch(
    place: Place,
    sources: Sources,
    *,
    timeout: float,
    level: str = "standard",
    has_compiler: bool = True,
    tell: Tell | None = None,
) -> TorchRun:
    """Import torch and prove what it does on every device, each risk in a process of its own.

    A child gets ``timeout`` seconds, a quarter of that more for every GPU, and more at ``deep``.
    """
    deep = level == "deep"
    limit = torch_budget(timeout, sources)
    prover = Prover(place=place, sources=sources, timeout=limit, tell=tell)
    with Pool(1) as pool:
        ahead = None
        if not gpu_nodes(sources):  # the CPU alone: what does not need the first answer goes on
            ahead = pool.submit(_Rest(prover, (), deep, has_compiler).beside)
        run = torch_answer(_prove_device(prover, None, deep=deep))
        if not run.proofs or run.phase in ("import", "cuda"):
            return run
        more = _Rest(prover, run.devices, deep, has_compiler)
        beside = ahead.result() if ahead and not run.devices else more.beside()
        run = dataclasses.replace(run, proofs=(*run.proofs, *beside, *more.alone()))
        return more.soaked(run) if deep else run


def torch_budget(timeout: float, sources: Sources) -> float:
    """The seconds a child that starts torch gets on this machine."""
    return timeout * (1 + SHARE_PER_GPU * len(gpu_nodes(sources)))


def gpu_nodes(sources: Sources) -> list[str]:
    """The device nodes that a GPU of any kind has."""
    try:
        nodes = sources.names("/dev") or []
    except OSError:
        return []
    return [name for name in nodes if re.fullmatch(r"nvidia\d+|dxg|kfd", name)]


def _prove_device(prover: Prover, device: str | None, *, deep: bool) -> Answer:
    """Everything one device can prove alone; the first also describes torch and companions."""
    first = device is None
    wish = {"device": device, "describe": first, "companions": first, "deep": deep}
    return prover.ask("prove_torch", wish, timeout=prover.timeout * (DEEP_SHARE if deep else 1))


@dataclasses.dataclass(frozen=True, slots=True)
class _Rest:
    """What is proved after the first device."""

    prover: Prover
    devices: tuple[TorchDevice, ...]
    deep: bool
    has_compiler: bool

    def beside(self) -> list[Proof]:
        """What may run at the same time: the other GPUs, a compilation, gloo on the CPU."""
        jobs: list[Callable[[], list[Proof]]] = [self._compile]
        jobs += [self._device(f"cuda:{n}") for n in range(1, len(self.devices))]
        if not self.devices and self.prover.place.is_local:
            jobs.append(self._collectives)
        return [proof for found in concurrently(jobs, at_once=GPUS_AT_ONCE) for proof in found]

    def alone(self) -> list[Proof]:
        """What needs every GPU for itself: copies that are timed, and all of them together."""
        if not self.devices:
            return []
        return [
            *prove_copies(self.prover, self.devices, deep=self.deep),
            *self._peers(),
            *(self._collectives() if self.prover.place.is_local else []),
        ]

    def soaked(self, run: TorchRun) -> TorchRun:
        """The run with what was seen under sustained load."""
        proofs, soaks = soak(self.prover, self.devices)
        return dataclasses.replace(run, proofs=(*run.proofs, *proofs), soaks=tuple(soaks))

    def _device(self, name: str) -> Callable[[], list[Proof]]:
        return lambda: ended_early(_prove_device(self.prover, name, deep=self.deep), "start", name)

    def _compile(self) -> list[Proof]:
        device = "cuda:0" if self.devices else "cpu"
        if not self.devices and not self.has_compiler:
            return [Proof(what="compile", device=device, problem=NO_COMPILER, is_supported=False)]
        modes = ["default", "max-autotune"] if self.deep and self.devices else ["default"]
        return [proof for mode in modes for proof in self._compiled(device, mode)]

    def _compiled(self, device: str, mode: str) -> list[Proof]:
        answer = self.prover.ask(
            "prove_compile",
            {"device": device, "mode": mode},
            timeout=self.prover.timeout * (1 if mode == "default" else DEEP_SHARE),
            starts=1,
        )
        return ended_early(answer, "compile", device)

    def _peers(self) -> list[Proof]:
        if len(self.devices) < 2:
            return []
        return ended_early(
            self.prover.ask("prove_links", {"what": "p2p", "deep": self.deep}), "p2p"
        )

    def _collectives(self) -> list[Proof]:
        return prove_collectives(self.prover, len(self.devices), deep=self.deep)


def torch_answer(answer: Answer) -> TorchRun:
    """What the first child told, and how it ended."""
    facts: dict[str, Any] = dict(answer.facts)
    imported = facts.pop("imported", False)
    facts.setdefault("version", "unknown" if imported else None)
    facts["devices"] = tuple(TorchDevice(**device) for device in facts.get("devices", ()))
    facts["loaded"] = tuple(facts.get("loaded", ()))
    if "architectures" in facts:
        facts["architectures"] = tuple(facts["architectures"])
    proofs = [proof for proof in answer.proofs if proof.what not in COMPANIONS]
    ending = answer.completed.ending
    return TorchRun(
        **{"problem": ending, **_companions(answer), **facts},
        ended=answer.ended,
        last_words=answer.completed.last_words if ending else (),
        proofs=tuple(proofs),
        seconds=answer.completed.seconds,
    )


def _companions(answer: Answer) -> dict[str, Any]:
    """A companion that took the process with it."""
    facts: dict[str, Any] = {}
    names = {"numpy": "numpy_bridge", "torchvision": "torchvision_ops"}
    for proof in answer.proofs:
        if proof.what in COMPANIONS and proof.problem:
            facts[names[proof.what]] = False
            said = " / ".join([f"it {proof.problem}", *proof.last_words[-2:]])
            facts[f"{proof.what}_problem"] = said
    return facts
