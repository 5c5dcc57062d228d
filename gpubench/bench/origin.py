"""Where a call comes from: the line of the model that made it, or the part of torch."""

import sysconfig
from pathlib import Path
from types import FrameType
from typing import Literal

import torch

Owner = Literal["model", "scaler", "optimizer", "torch"]

TORCH = str(Path(torch.__file__).parent)
MEASURING = str(Path(__file__).parent)
STANDARD = sysconfig.get_path("stdlib")
INSTALLED = ("site-packages", "dist-packages")


def origin(frame: FrameType | None) -> tuple[str | None, Owner]:
    """The innermost line of the model on the way here, or which part of torch it was."""
    owner: Owner = "torch"
    while frame is not None:
        path = frame.f_code.co_filename
        if not _is_plumbing(path):
            return f"{_shown(path)}:{frame.f_lineno}", "model"
        if owner == "torch":
            owner = _part_of_torch(path)
        frame = frame.f_back
        if frame is not None and _is_step(frame):
            break
    return None, owner


def _part_of_torch(path: str) -> Owner:
    if path.startswith(f"{TORCH}/optim"):
        return "optimizer"
    return "scaler" if path == f"{TORCH}/amp/grad_scaler.py" else "torch"


def _is_plumbing(path: str) -> bool:
    """Whether a file belongs to torch, to Python, or to the measuring itself."""
    if path.startswith((TORCH, MEASURING, "<")):
        return True
    return path.startswith(STANDARD) and not any(part in path for part in INSTALLED)


def _is_step(frame: FrameType) -> bool:
    """Whether a frame is the training step's own; what called it is no model's."""
    return frame.f_code.co_name == "__call__" and frame.f_code.co_filename.startswith(MEASURING)


def _shown(path: str) -> str:
    """A file as a reader knows it, without the folders of this machine."""
    for part in INSTALLED:
        if f"/{part}/" in path:
            return path.partition(f"/{part}/")[2]
    return "/".join(Path(path).parts[-2:])
