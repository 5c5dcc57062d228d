"""Hands the trained model over through ``torch.export``, and asks the file for the same answers."""

import os
import tempfile
from pathlib import Path
from typing import Any

import torch

from gpubench.bench.learning.learner import Exported
from gpubench.errors import BadData, UnwritableOutput

TOLERANCE = 1e-4
"""How far an output of the loaded program may lie from the model's, absolutely and relatively.

Own choice: the same float32 operations in another order differ by some 1e-6, weights that were
not taken along by far more than this."""


def export(model: Exported, path: Path) -> dict[str, Any]:
    """Write the program at ``path``, load it again and compare; what was written, and how near.

    The batch is a dimension of any size where torch can express that, and of the example's size
    otherwise; the answer says which. A program that answers something else is BadData, and no
    file is left.
    """
    module = model.module.cpu().eval()
    inputs = tuple(tensor.cpu() for tensor in model.inputs)
    with torch.no_grad():
        program, dynamic, why = _program(module, inputs, model.names)
        size = _save(program, path, lambda loaded: _furthest(loaded, module, inputs, dynamic))
    words = "any batch size" if dynamic else f"batches of {len(inputs[0])} alone ({why})"
    return {
        "file": path.name,
        "size_bytes": size[0],
        "dynamic_batch": dynamic,
        "furthest": size[1],
        "tolerance": TOLERANCE,
        "said": f"exported to {path.name} for {words}; loaded again it answers within "
        f"{size[1]:.1e} of the model (at most {TOLERANCE:g} is allowed)",
    }


def _program(
    module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], names: tuple[str, ...]
) -> tuple[Any, bool, str]:
    """The exported program, whether its batch may have any size, and why not."""
    batch = torch.export.Dim("batch", min=1, max=4096)
    shapes = tuple({0: batch} for _ in names)
    try:
        program = torch.export.export(module, inputs, dynamic_shapes=shapes, strict=False)
    except Exception as problem:  # torch.export raises what its many parts raise
        said = (str(problem).splitlines() or [type(problem).__name__])[0][:200]
        return torch.export.export(module, inputs, strict=False), False, said
    return program, True, ""


def _save(program: Any, path: Path, furthest: Any) -> tuple[int, float]:
    """Write it whole or not at all, once the file itself has given the answers; size, distance."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
            unproven = Path(folder) / path.name
            torch.export.save(program, unproven)
            with unproven.open("rb") as stream:
                os.fsync(stream.fileno())
            distance = furthest(torch.export.load(unproven).module())
            size = unproven.stat().st_size
            unproven.replace(path)
    except OSError as problem:
        raise UnwritableOutput.of(path, problem) from None
    return size, distance


def _furthest(
    loaded: Any, module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], dynamic: bool
) -> float:
    """How far the loaded program's outputs lie from the model's, over one batch or two sizes."""
    asked = [inputs]
    if dynamic:
        asked.append(tuple(torch.cat([tensor, tensor[:1]]) for tensor in inputs))
    distances = []
    for given in asked:
        expected, found = module(*given), loaded(*given)
        if not torch.allclose(found, expected, atol=TOLERANCE, rtol=TOLERANCE):
            raise BadData(
                "the exported program does not answer as the model does: an output lies "
                f"{float((found - expected).abs().max()):.3g} away; no file was written"
            )
        distances.append(float((found - expected).abs().max()))
    return max(distances)
