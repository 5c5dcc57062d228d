"""What the driver sees while GPUs work: the PCIe link during a copy, clocks under load."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

from gpubench.env.children import concurrently
from gpubench.env.proving import Answer, Prover
from gpubench.env.redact import anonymous
from gpubench.env.sampler import Recorder, sampling
from gpubench.env.snapshot import Gpu, Proof, Soak, TorchDevice, TorchRun
from gpubench.env.telemetry import Telemetry
from gpubench.units import Seconds

SOAK_SECONDS = {"cpu": 5.0, "cuda": 30.0}
"""Long enough for clocks and heat to settle on a GPU (own choice); on a CPU a sign of life."""


def prove_copies(prover: Prover, devices: Sequence[TorchDevice], *, deep: bool) -> list[Proof]:
    """Every GPU's copies from and to the host, with the link its driver saw meanwhile."""
    with _watching(devices) as recorders:
        answer = prover.ask("prove_links", {"what": "copy", "deep": deep})
        return [_with_link(proof, recorders) for proof in ended_early(answer, "copy")]


def _with_link(proof: Proof, recorders: Mapping[str, Recorder]) -> Proof:
    recorder, figures = recorders.get(proof.device), dict(proof.figures)
    began, ended = figures.pop("began", None), figures.pop("ended", None)
    if recorder is not None and began is not None and ended is not None:
        seen = recorder.between(began, ended)
        link = {"pcie_generation": seen.pcie_generation, "pcie_width": seen.pcie_width}
        figures.update({name: float(value) for name, value in link.items() if value is not None})
    return dataclasses.replace(proof, figures=figures)


def with_links(gpus: Sequence[Gpu], run: TorchRun) -> tuple[Gpu, ...]:
    """The GPUs with the PCIe link that was seen while data was copied to each."""
    seen = {
        device.uuid: proof.figures
        for number, device in enumerate(run.devices)
        for proof in run.of("copy")
        if device.uuid and proof.device == f"cuda:{number}"
    }

    def loaded(gpu: Gpu, name: str) -> int | None:
        uuid = gpu.uuid or ""  # as it is with --identify, else its hash
        value = (seen.get(uuid) or seen.get(anonymous(uuid)) or {}).get(name)
        return None if value is None else int(value)

    return tuple(
        dataclasses.replace(
            gpu,
            pcie_generation_loaded=loaded(gpu, "pcie_generation"),
            pcie_width_loaded=loaded(gpu, "pcie_width"),
        )
        for gpu in gpus
    )


def soak(prover: Prover, devices: Sequence[TorchDevice]) -> tuple[list[Proof], list[Soak]]:
    """All devices under load at the same time; without a GPU, the CPU for a moment."""
    names = [f"cuda:{number}" for number in range(len(devices))] or ["cpu"]
    seconds = SOAK_SECONDS["cuda" if devices else "cpu"]

    def one(name: str) -> Callable[[], Answer]:
        wish = {"device": name, "seconds": seconds}
        return lambda: prover.ask("stress", wish, timeout=prover.timeout + 2 * seconds, starts=1)

    with _watching(devices) as recorders:
        answers = concurrently([one(name) for name in names], at_once=len(names))
        proofs = [p for n, a in zip(names, answers, strict=True) for p in ended_early(a, "soak", n)]
        soaks = [_soaked(proof, recorders) for proof in proofs if "tflops" in proof.figures]
    return [dataclasses.replace(proof, figures={}) for proof in proofs], soaks


def _soaked(proof: Proof, recorders: Mapping[str, Recorder]) -> Soak:
    began, ended = proof.figures["began"], proof.figures["ended"]
    recorder = recorders.get(proof.device)
    if recorder is None:
        seen = Telemetry(samples=0, unavailable="torch does not tell which GPU of the driver it is")
    else:
        seen = recorder.between(began, ended)
    return Soak(
        device=proof.device,
        seconds=Seconds(ended - began),
        tflops=proof.figures["tflops"],
        tflops_lowest=proof.figures["tflops_lowest"],
        sm_clock_mhz=seen.sm_clock_mhz,
        sm_clock_mhz_lowest=seen.sm_clock_mhz_lowest,
        power_watts=seen.power_watts,
        temperature_c=seen.temperature_c,
        ecc_uncorrected=seen.ecc_uncorrected,
        throttled=seen.throttled,
        unavailable=seen.unavailable if proof.on_gpu else None,
    )


@contextlib.contextmanager
def _watching(devices: Sequence[TorchDevice]) -> Iterator[dict[str, Recorder]]:
    """A sampler for every GPU that can be told apart, by torch's name of it."""
    with contextlib.ExitStack() as stack:
        yield {
            f"cuda:{number}": stack.enter_context(sampling(device.uuid))
            for number, device in enumerate(devices)
            if device.uuid
        }


def ended_early(answer: Answer, what: str, device: str = "cuda") -> list[Proof]:
    """The proofs of a child; where it ended before the first, or between two, that is one too."""
    if answer.ended == "done" or any(proof.ended for proof in answer.proofs):
        return answer.proofs
    problem = answer.completed.ending
    if answer.ended == "exception":
        problem = answer.facts.get("problem", problem)
    return [
        *answer.proofs,
        Proof(
            what=what,
            device=device,
            problem=f"{answer.phase or 'start'}: {problem or 'ended without a word'}",
            ended=answer.ended,
            last_words=answer.completed.last_words,
            seconds=None if answer.phase == "import" else answer.completed.seconds,
        ),
    ]
