"""What the tests of the nvidia-smi readers share: recorded-looking outputs, read as pastes."""

from pathlib import Path

from gpubench.env.readers.registry import read_report

OUTPUTS = Path(__file__).parents[2] / "data" / "tool_output"


def output(name):
    return (OUTPUTS / name).read_text(encoding="utf-8")


def snapshot_of(text):
    return read_report(text.encode("utf-8"), "paste")


def without_volatile(gpus):
    return [(gpu.index, gpu.name, gpu.pci_address, gpu.memory_bytes) for gpu in gpus]
