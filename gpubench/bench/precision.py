"""The precision set: set a mode, read back what torch then says, and prove it by a product."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch

from gpubench.bench.modes import Mode
from gpubench.bench.proof import format_of, prove

OVERRIDES = (
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
)
"""Environment variables that change float32 products behind torch's back: the first two on
NVIDIA GPUs, the others (two names of one) in oneDNN on CPUs."""

SETTINGS = {
    "cuda": ("cuda.matmul", "cudnn.conv", "cudnn.rnn"),
    "cpu": ("mkldnn.matmul", "mkldnn.conv", "mkldnn.rnn"),
}
"""Where torch 2.9 and later keep ``fp32_precision``, below ``torch.backends``, by device."""

IEEE = ("ieee", "none")
"""How such a setting says IEEE float32; ``none`` means that nobody has asked for less."""

MIXED = "unknown, since older and newer settings contradict each other"
"""What is told of an older setting where torch 2.9 and later refuse to read it."""

REDUCTIONS = (
    "allow_bf16_reduced_precision_reduction",
    "allow_fp16_reduced_precision_reduction",
    "allow_fp16_accumulation",
)
"""Settings of ``torch.backends.cuda.matmul`` on how sums of short formats are kept."""

_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@contextlib.contextmanager
def precision(mode: Mode) -> Iterator[None]:
    """Set float32 products and convolutions to what ``mode`` says; put back what was before.

    The older setters are used, which move the newer settings along; the newer ones alone would
    make the older getters raise in torch 2.9 and later, and torch.compile calls those. A newer
    setting is touched only where it then still says something else.
    """
    matmul, convolution, newer = _matmul_setting(), _convolution_setting(), _newer()
    tf32 = mode.float32 == "tf32"
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    _set_newer({name: "ieee" for name in _newer() if name not in SETTINGS["cuda"] or not tf32})
    try:
        yield
    finally:
        torch.set_float32_matmul_precision("highest" if matmul == MIXED else matmul)
        torch.backends.cudnn.allow_tf32 = convolution is True
        _set_newer(newer)


def autocast(mode: Mode, device: torch.device) -> torch.autocast:
    """The autocast region of a step; disabled where the mode has none."""
    if mode.autocast is None:
        return torch.autocast(device.type, enabled=False)
    return torch.autocast(device.type, dtype=_DTYPES[mode.autocast])


def read_back(mode: Mode, device: torch.device) -> dict[str, Any]:
    """What is in effect now, from torch's settings, the environment, and two products."""
    proof = prove(device)
    return {
        "matmul_setting": _matmul_setting(),
        "convolution_tf32_setting": _convolution_setting(),
        "settings": _newer(),
        "reductions": {
            name: bool(value)
            for name in REDUCTIONS
            if (value := _quietly(torch.backends.cuda.matmul, name)) is not None
        },
        "overrides": {name: os.environ[name] for name in OVERRIDES if name in os.environ},
        "float32": format_of(proof.product_error),
        "float32_error": proof.product_error,
        "float32_tflops": proof.tflops,
        "convolution": format_of(proof.convolution_error),
        "convolution_error": proof.convolution_error,
        "autocast": autocast_seen(mode, device),
    }


def mismatches(mode: Mode, effective: dict[str, Any], device: str = "cuda") -> list[str]:
    """Where what is in effect is not what the mode says, with what may have done it.

    ``device`` is its type: settings of another device are read back but decide nothing.
    """
    found = []
    said = _settings_at_fault(mode, effective, device)
    culprits = [*said, *_variables_at_fault(effective)]
    blamed = f"; likely why: {', '.join(culprits)}" if culprits else ""
    if effective["float32"] != mode.float32:
        found.append(
            f"float32 products ran as {effective['float32']} "
            f"(error {effective['float32_error']:.1e}), the mode asks for {mode.float32}{blamed}"
        )
    if mode.float32 == "ieee" and effective["convolution"] != "ieee":
        found.append(
            f"float32 convolutions ran as {effective['convolution']} "
            f"(error {effective['convolution_error']:.1e}), the mode asks for ieee{blamed}"
        )
    if said and not found:
        found.append(f"{', '.join(said)}, the mode asks for {mode.float32}")
    if effective["autocast"] != (mode.autocast or "float32"):
        found.append(
            f"autocast computed in {effective['autocast']}, "
            f"the mode asks for {mode.autocast or 'float32'}"
        )
    return found


def autocast_seen(mode: Mode, device: torch.device) -> str:
    """The dtype a linear layer really answers in inside the mode's autocast region."""
    with torch.no_grad(), autocast(mode, device):
        operand = torch.ones(16, 16, device=device)
        seen = torch.nn.functional.linear(operand, operand).dtype
    return str(seen).removeprefix("torch.")


def _settings_at_fault(mode: Mode, effective: dict[str, Any], device: str) -> list[str]:
    """Settings of torch that do not say what the mode says, as their user would write them."""
    tf32 = mode.float32 == "tf32" and device == "cuda"
    found = []
    if effective["matmul_setting"] != ("high" if mode.float32 == "tf32" else "highest"):
        found.append(f"torch.get_float32_matmul_precision() is {effective['matmul_setting']}")
    if device == "cuda" and effective["convolution_tf32_setting"] != tf32:
        found.append(f"torch.backends.cudnn.allow_tf32 is {effective['convolution_tf32_setting']}")
    for name in SETTINGS[device]:
        value = effective["settings"].get(name)
        if value is not None and value not in (("tf32",) if tf32 else IEEE):
            found.append(f"torch.backends.{name}.fp32_precision is {value}")
    return found


def _variables_at_fault(effective: dict[str, Any]) -> list[str]:
    return [f"{name}={value} in the environment" for name, value in effective["overrides"].items()]


def _matmul_setting() -> str:
    """The older setting, or that it and the newer ones contradict each other (torch 2.9)."""
    try:
        return str(torch.get_float32_matmul_precision())
    except RuntimeError:
        return MIXED


def _convolution_setting() -> bool | str:
    try:
        return bool(torch.backends.cudnn.allow_tf32)
    except RuntimeError:
        return MIXED


def _newer() -> dict[str, str]:
    """What torch's newer settings of float32 precision say, in releases that have them."""
    found = {}
    for name in (*SETTINGS["cuda"], *SETTINGS["cpu"]):
        value = _quietly(_backend(name), "fp32_precision")
        if value is not None:
            found[name] = str(value)
    return found


def _set_newer(wanted: dict[str, str]) -> None:
    now = _newer()
    for name, value in wanted.items():
        same = value == now[name] or (value in IEEE and now[name] in IEEE)
        if not same:
            _backend(name).fp32_precision = value


def _backend(name: str) -> Any:
    part, _, operation = name.partition(".")
    return getattr(getattr(torch.backends, part), operation, None)


def _quietly(holder: Any, name: str) -> Any:
    """An attribute, or None where this release of torch has none of that name."""
    try:
        return getattr(holder, name, None)
    except (RuntimeError, AssertionError):  # how torch's own holders refuse a name they know
        return None
