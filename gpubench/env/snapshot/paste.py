"""What only a pasted report says: who wrote it, what it claims of torch, and its error lines."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Paste:
    """The report a snapshot was read from; facts of machine and environment stand elsewhere."""

    kinds: tuple[str, ...] = ()
    """The kinds of report found in it, such as ``collect_env`` and ``nvidia_smi``."""
    line_count: int = 0
    """Lines that are not empty."""
    unread_line_count: int = 0
    """Those of them that no reader knew."""
    is_cut: bool = False
    """It breaks off, or says that parts were left out."""
    missing: tuple[str, ...] = ()
    """What such a report usually holds and this one does not, as words."""
    said: tuple[str, ...] = ()
    """Lines that are no fact of a known report: tracebacks, logs, prose; cleaned, bounded."""
    cuda_available: bool | None = None
    """What torch.cuda.is_available() answered there."""
    torch_import_failed: bool = False
    """The report's own tool could not import torch (``PyTorch version: N/A``)."""
    settings: dict[str, str] = dataclasses.field(default_factory=dict)
    """Saved settings of a launcher, such as accelerate's ``use_cpu``."""
    cudnn_files: tuple[str, ...] = ()
    """cuDNN libraries of the system that the report lists."""
