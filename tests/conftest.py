"""What tests share: the mark for tests that need torch, and one that needs a GPU."""

import importlib.util
import os

import hypothesis
import pytest

# a shared machine may stop for a moment in any example; how long one takes is no property here
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=50_000, database=None)
hypothesis.settings.load_profile("house")

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported; no test may reach it


def pytest_collection_modifyitems(items):
    missing = [n for n in ("torch", "timm", "transformers", "pandas") if not _is_installed(n)]
    for item in items:
        if "torch" in item.keywords and missing:
            item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(missing)}"))
        if "gpu" in item.keywords and not _has_gpu():
            item.add_marker(pytest.mark.skip(reason="no NVIDIA GPU here"))


def _is_installed(name):
    return importlib.util.find_spec(name) is not None


def _has_gpu():
    if not _is_installed("torch"):
        return False
    import torch

    return torch.cuda.is_available()
