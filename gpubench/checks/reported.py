"""What a report says of its own trouble: torch without CUDA, an error line, a saved setting."""

import re

from gpubench.checks.facts import (
    driver_version,
    gpu_was_wanted,
    has_gpu,
    is_rocm,
    messages_of,
    torch_cuda,
    torch_known,
    torch_version,
    was_available,
)
from gpubench.checks.outcome import Check, Outcome, fail, note, ok, skip
from gpubench.checks.remedies import replace_torch
from gpubench.env.snapshot import Snapshot
from gpubench.knowledge.messages import Said
from gpubench.units import count

BEHIND = (
    "driver-library-mismatch", "fabric-manager", "gpu-hardware-fault", "devices-hidden",
    "container-no-gpu", "driver-too-old", "driver-absent", "device-access",
    "library-path-shadowing", "torch-cpu-build", "cuda-mixed", "torch-install-damaged",
)  # fmt: skip
"""What explains that CUDA was not available, where a line or a fact shows it."""
_NUMBERED = re.compile(r"lib(?:cudart|cublas|cublasLt)\.so\.(\d+)")
"""Libraries whose files carry the major release of CUDA."""
NOT_A_REPORT = "this is no pasted report"


def launcher_uses_gpus(snapshot: Snapshot) -> Outcome:
    """No saved setting of a launcher keeps the work on the CPU.

    Why: accelerate's saved configuration goes before what torch could use.
    Remedy: answer the questions again: accelerate config
    """
    settings = snapshot.paste.settings if snapshot.paste else {}
    if not settings:
        return skip("no launcher's settings are described here")
    if settings.get("use_cpu", "").lower() not in ("true", "yes"):
        return ok("the launcher's saved settings use the GPUs")
    if not _gpu_is_there(snapshot):
        return note("accelerate is set to use the CPU (use_cpu: True)")
    return fail(
        "accelerate's saved configuration says use_cpu: True, although torch can use a GPU",
        "accelerate config, without the CPU-only option",
        "or change use_cpu to false in the file that accelerate env names",
        use_cpu=settings["use_cpu"],
    )


def _gpu_is_there(snapshot: Snapshot) -> bool:
    return has_gpu(snapshot) or bool(snapshot.paste and snapshot.paste.cuda_available)


def cuda_was_available(snapshot: Snapshot) -> Outcome:
    """Torch could use CUDA where the report was made.

    Why: ``torch.cuda.is_available()`` is False where the driver is missing, too old or out of
    reach, whatever else is installed.
    Remedy: install or load the driver, or hand the GPUs into the container.
    """
    paste = snapshot.paste
    if paste is None:
        return skip(NOT_A_REPORT)
    if paste.cuda_available:
        return ok("torch.cuda.is_available() was True")
    if paste.cuda_available is None and not gpu_was_wanted(snapshot):
        return skip("the report does not say whether CUDA was available")
    if torch_cuda(snapshot) is None:
        return _no_cuda_build(snapshot)
    if driver_version(snapshot) is not None:
        return _driver_but_no_cuda(snapshot)
    if snapshot.why_unread("driver.version") is None:
        return note("CUDA was not available, and the driver is not described here")
    words = "a CUDA build of torch found no CUDA, and no driver could be read"
    if snapshot.container is not None:
        return fail(
            words, "docker run --gpus all ...", cause="container-no-gpu", confidence="likely"
        )
    return fail(
        words,
        "nvidia-smi shows whether the driver answers; where it does not: install it, sudo modprobe "
        "nvidia",
        confidence="likely",
        explained_by=BEHIND,
    )


def _no_cuda_build(snapshot: Snapshot) -> Outcome:
    """A build without CUDA is no fault where nobody expects a GPU."""
    missing = torch_known(snapshot)
    if missing is not None:
        return missing
    if "torch.cuda" in snapshot.unread:
        return skip("CUDA was not available; whether this torch has it is unknown")
    system = (snapshot.host.system or "").lower()
    if "mac" in system or "darwin" in system:
        return skip("there is no CUDA on macOS")
    is_xpu = snapshot.torch is not None and "+xpu" in snapshot.torch.version
    if is_xpu or is_rocm(snapshot) or not gpu_was_wanted(snapshot):
        return skip("this torch was built without CUDA")
    return fail(
        "this torch was built without CUDA, and a GPU was expected",
        *(replace_torch(snapshot, torch_version(snapshot)) or ("install a CUDA build of torch",)),
        cause="torch-cpu-build",
        confidence="likely",
    )


def _driver_but_no_cuda(snapshot: Snapshot) -> Outcome:
    return fail(
        f"driver {driver_version(snapshot)} answers, but CUDA was not available to torch",
        "python -c 'import torch; torch.zeros(1, device=\"cuda\")' shows the error itself",
        cause="device-access",
        confidence="possible",
        explained_by=BEHIND,
    )


def error_lines(snapshot: Snapshot) -> Outcome:
    """No line of the paste is an error that points at the environment.

    Why: most libraries say plainly what they miss; the line is evidence like any other fact.
    Remedy: by the line.
    """
    if snapshot.paste is None:
        return skip(NOT_A_REPORT)
    found = [said for said in messages_of(snapshot) if not said.message.is_programs]
    if not found:
        return skip("no error line on record stands in the report")
    telling = next((said for said in found if _counts(said, snapshot)), None)
    if telling is None:
        return note(f"{found[0].message.meaning}: {_short(found[0])}")
    message, cause = telling.message, cause_of(telling, snapshot)
    return fail(
        f"{message.meaning}: {_short(telling)}",
        *([message.remedy] if message.remedy else ["see what the line names"]),
        cause=cause,
        confidence=message.confidence,
        explained_by=(*([cause] if cause else []), *message.explained_by),
        said=[_short(said) for said in found[:5]],
    )


def _counts(said: Said, snapshot: Snapshot) -> bool:
    """True for a message with a cause that what the report shows does not speak against."""
    cause = cause_of(said, snapshot)
    if cause is None:
        return False
    works = was_available(snapshot) and driver_version(snapshot) is not None
    return not works or not (
        cause == "driver-absent"
        or (cause == "device-access" and said.message.confidence == "possible")
    )


def cause_of(said: Said, snapshot: Snapshot) -> str | None:
    """The cause of a message in the light of what else is known."""
    message = said.message
    if snapshot.container is not None and message.cause_in_container:
        return message.cause_in_container
    if snapshot.gpus and message.cause_with_gpus:
        return message.cause_with_gpus
    if message.cause == "torch-install-damaged" and _is_of_another_cuda(said, snapshot):
        return "framework-incompatible"
    return message.cause


def _is_of_another_cuda(said: Said, snapshot: Snapshot) -> bool:
    """True where what is missing is a library of a CUDA major that this torch never brought."""
    cuda, named = torch_cuda(snapshot), _NUMBERED.match(said.words)
    return cuda is not None and named is not None and int(named[1]) != cuda.major


def _short(said: Said) -> str:
    words = " ".join(said.words.split())
    return words if len(words) <= 160 else f"{words[:157]}..."


def lines_understood(snapshot: Snapshot) -> Outcome:
    """The report was understood as a whole.

    Why: what stands in lines nobody understood, or was cut off, stays unknown.
    Remedy: paste the whole output, or run gpubench doctor on the machine itself.
    """
    paste = snapshot.paste
    if paste is None:
        return skip(NOT_A_REPORT)
    read = paste.line_count - paste.unread_line_count
    words = f"{read} of {count(paste.line_count, 'line')} understood"
    if paste.missing:
        return note(f"{words}; it does not tell {', '.join(paste.missing)}")
    return ok(words) if not paste.is_cut else note(f"{words}; it is cut")


CHECKS = (
    Check(
        id="log.report",
        judge=lines_understood,
        cause="host-tuning",
        reference="pytorch/pytorch torch/utils/collect_env.py",
    ),
    Check(
        id="env.launcher",
        judge=launcher_uses_gpus,
        cause="devices-hidden",
        reference="huggingface/accelerate commands/config",
    ),
    Check(
        id="log.error",
        judge=error_lines,
        cause="torch-install-damaged",
        reference="gpubench/knowledge/data/error_lines.toml",
        is_symptom=True,
    ),
    Check(
        id="cuda.available",
        judge=cuda_was_available,
        cause="driver-absent",
        needs=(
            "torch.present",
            "ctr.injection",
            "drv.module",
            "drv.user_kernel_match",
            "cuda.floor",
            "torch.cuda_build",
            "torch.arch",
            "env.masking",
            "gpu.handles",
            "gpu.mig",
        ),
        reference="pytorch/pytorch torch/cuda/__init__.py, is_available",
        is_symptom=True,
    ),
)
