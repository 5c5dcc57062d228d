"""Xid errors are heard of from the moment of listening on, of one GPU alone."""

import os
import types

import pytest

from gpubench.env.xids import KernelLog, NvmlEvents, watch_xids


class NVMLError(Exception):
    pass


def nvml(pci=b"00000000:41:00.0", events=None):
    def refuse(*arguments):
        raise NVMLError("not supported")

    def wait(handle, milliseconds):
        if not events:
            raise NVMLError("time-out")
        kind, data = events.pop(0)
        return types.SimpleNamespace(eventType=kind, eventData=data)

    return types.SimpleNamespace(
        NVMLError=NVMLError,
        nvmlEventTypeXidCriticalError=8,
        nvmlEventSetCreate=object if events is not None else refuse,
        nvmlDeviceRegisterEvents=lambda gpu, kinds, handle: None,
        nvmlEventSetWait_v2=wait,
        nvmlDeviceGetPciInfo=lambda gpu: types.SimpleNamespace(busId=pci),
    )


def line(address, code):
    return f"4,1,2,-;NVRM: Xid (PCI:{address}): {code}, pid=7, name=python\n".encode()


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A kernel log whose reader is given a record at a time, as the kernel does."""
    path = tmp_path / "kmsg"
    path.write_bytes(line("0000:41:00", 13))
    records = []

    def read(handle, size):
        if not records:
            raise BlockingIOError
        record = records.pop(0)
        if isinstance(record, BaseException):
            raise record
        return record

    monkeypatch.setattr(os, "read", read)
    watch = KernelLog(nvml(), object(), str(path))
    return lambda *said: (records.extend(said), list(watch.new()))[1]


def test_nvml_tells_xids_and_other_events_are_passed_over():
    watch = NvmlEvents(nvml(events=[(8, 79), (2, 5), (8, 48)]), object())
    assert list(watch.new()) == [79, 48]
    assert list(watch.new()) == []


def test_the_kernel_log_tells_those_of_its_gpu(kernel):
    assert kernel(line("0000:41:00", 79), line("0000:42:00", 48)) == [79]
    assert kernel() == []


def test_records_that_were_overwritten_do_not_end_the_listening(kernel):
    assert kernel(BrokenPipeError(), line("0000:41:00", 31)) == [31]


def test_what_was_in_the_kernel_log_before_is_not_heard(tmp_path):
    path = tmp_path / "kmsg"
    path.write_bytes(line("0000:41:00", 13))
    watch = KernelLog(nvml(), object(), str(path))
    assert list(watch.new()) == []


def test_a_machine_that_lets_nobody_listen_has_no_watch(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "gpubench.env.xids.KernelLog.__init__.__defaults__", (str(tmp_path / "no"),)
    )
    assert watch_xids(nvml(), object()) is None


def test_the_driver_is_asked_before_the_kernel():
    assert watch_xids(nvml(events=[]), object()).place == "NVML"
