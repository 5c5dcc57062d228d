"""Listens for Xid errors of one GPU: through NVML, or where that cannot be, in the kernel log."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from typing import Any
from typing import Protocol as Interface

from gpubench.env.kernel_log import events_in, records_in
from gpubench.env.nvml_question import refusals

NVML_TIMEOUT = 10
WAIT_MILLISECONDS = 1
MOST_AT_ONCE = 100
KERNEL_LOG = "/dev/kmsg"


class XidWatch(Interface):
    """Somewhere that Xid errors are heard of; ``place`` is its name."""

    place: str

    def new(self) -> Iterator[int]:
        """The codes since the last time, and none from before the watch began."""


class NvmlEvents:
    """The event set of NVML: every Xid of this GPU from its making on."""

    place = "NVML"

    def __init__(self, nvml: Any, gpu: Any) -> None:
        self._nvml, self._kind = nvml, nvml.nvmlEventTypeXidCriticalError
        self._set = nvml.nvmlEventSetCreate()
        nvml.nvmlDeviceRegisterEvents(gpu, self._kind, self._set)

    def new(self) -> Iterator[int]:
        """The codes since the last time."""
        for _ in range(MOST_AT_ONCE):
            try:
                event = self._nvml.nvmlEventSetWait_v2(self._set, WAIT_MILLISECONDS)
            except self._nvml.NVMLError:
                return  # nothing came within the time, or the GPU is lost, which other calls say
            if event.eventType & self._kind:
                yield int(event.eventData)


class KernelLog:
    """The kernel's ring buffer, from its present end on."""

    place = "kernel log"

    def __init__(self, nvml: Any, gpu: Any, path: str = KERNEL_LOG) -> None:
        pci = nvml.nvmlDeviceGetPciInfo(gpu).busId
        self._pci = _address(pci.decode("ascii", "replace") if isinstance(pci, bytes) else pci)
        self._handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self._handle, 0, os.SEEK_END)

    def new(self) -> Iterator[int]:
        """The codes since the last time."""
        for record in itertools.islice(records_in(self._handle), MOST_AT_ONCE):
            for event in events_in(record.decode("utf-8", "replace").splitlines()):
                if event.kind == "xid" and _address(event.pci_address or "") == self._pci:
                    yield event.code or 0


def _address(text: str) -> tuple[int, ...]:
    """Domain, bus and device of a PCI address in any of its spellings; the function is left."""
    numbers = text.lower().partition(".")[0].split(":")
    with contextlib.suppress(ValueError):
        return tuple(int(number, 16) for number in numbers)
    return ()


def watch_xids(nvml: Any, gpu: Any) -> XidWatch | None:
    """The first of the two places that can be listened at, None where neither can."""
    for place in (NvmlEvents, KernelLog):
        with contextlib.suppress(nvml.NVMLError, OSError, *refusals(nvml)):
            watch: XidWatch = place(nvml, gpu)
            return watch
    return None
