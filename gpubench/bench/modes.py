"""Modes: everything that changes the numbers or the compilation of a training step."""

import dataclasses
from typing import Literal

from gpubench.errors import UnknownName

Float32 = Literal["ieee", "tf32"]
Autocast = Literal["bfloat16", "float16"]
Compile = Literal["default", "reduce-overhead", "max-autotune"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How one cell computes.

    ``float32`` is what a float32 matrix product or convolution uses inside: 24-bit IEEE, or the
    10-bit mantissa of TensorFloat-32. ``autocast`` names the dtype of autocast regions; float16
    brings a GradScaler with it. ``compile`` is the mode given to ``torch.compile``.
    """

    name: str
    float32: Float32 = "ieee"
    autocast: Autocast | None = None
    compile: Compile | None = None

    @property
    def base(self) -> str:
        """The name without its compile part: the numerics alone."""
        return self.name.partition("+")[0]

    @property
    def rounding(self) -> str:
        """The coarsest format that a product is rounded to: float32, tf32, bfloat16, float16."""
        return self.autocast or ("tf32" if self.float32 == "tf32" else "float32")


# The float32 work that autocast leaves over stays IEEE, so that an AMP row shows AMP alone.
MODES = (
    Mode(name="fp32"),
    Mode(name="fp32+compile", compile="default"),
    Mode(name="fp32+compile-overhead", compile="reduce-overhead"),
    Mode(name="fp32+compile-max", compile="max-autotune"),
    Mode(name="tf32", float32="tf32"),
    Mode(name="tf32+compile", float32="tf32", compile="default"),
    Mode(name="tf32+compile-overhead", float32="tf32", compile="reduce-overhead"),
    Mode(name="tf32+compile-max", float32="tf32", compile="max-autotune"),
    Mode(name="amp-bf16", autocast="bfloat16"),
    Mode(name="amp-bf16+compile", autocast="bfloat16", compile="default"),
    Mode(name="amp-bf16+compile-overhead", autocast="bfloat16", compile="reduce-overhead"),
    Mode(name="amp-bf16+compile-max", autocast="bfloat16", compile="max-autotune"),
    Mode(name="amp-fp16", autocast="float16"),
    Mode(name="amp-fp16+compile", autocast="float16", compile="default"),
    Mode(name="amp-fp16+compile-overhead", autocast="float16", compile="reduce-overhead"),
    Mode(name="amp-fp16+compile-max", autocast="float16", compile="max-autotune"),
)

REFERENCE = MODES[0]
"""IEEE float32, eager: what speed-ups and parity are held against."""


def mode_named(name: str) -> Mode:
    """The mode of that name; UnknownName with the nearest names otherwise."""
    for mode in MODES:
        if mode.name == name:
            return mode
    raise UnknownName("mode", name, (mode.name for mode in MODES))
