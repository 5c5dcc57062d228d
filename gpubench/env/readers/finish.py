"""What follows from all lines together, once every reader has had its turn."""

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.values import cuda_of_tag

USUAL = (
    ("driver", "the driver's release"),
    ("gpus", "the GPUs"),
    ("torch", "the release of torch"),
    ("distributions", "the packages"),
)


def finish(draft: Draft) -> None:
    """Say what is missing, and that a build which nobody named is unknown."""
    _build(draft)
    missing = tuple(words for section, words in USUAL if not getattr(draft, section))
    draft.paste["missing"] = missing
    if "version" in draft.driver or draft.gpus:
        draft.unread.pop("driver.version", None) if "version" in draft.driver else None


def _build(draft: Draft) -> None:
    """The CUDA of torch: from its own lines, else from the tag of the torch in the list."""
    torch = draft.torch
    if "version" not in torch or "cuda" in torch:
        return
    own = next((d for d in draft.distributions if d.name == "torch" and "+" in d.version), None)
    cuda = cuda_of_tag(own.version) if own else None
    if cuda is not None and own is not None and own.version.startswith(str(torch["version"])):
        torch["cuda"] = cuda
        return
    draft.unread["torch.cuda"] = "the report does not say with which CUDA torch was built"
