"""How NVML is asked: what its answers mean, and which of them say "there is no such thing".

Numbers of NVML's header stand here where an older binding has no name for them.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND = 2, 3, 6, 13
CORRUPTED_INFOROM, NO_ECC_IN_VGPU, VERSION_MISMATCH, DEPRECATED = 14, 22, 25, 26
ABSENCES = frozenset(
    {
        INVALID_ARGUMENT,  # an older driver that does not know what it is asked for
        NOT_SUPPORTED,
        NOT_FOUND,
        FUNCTION_NOT_FOUND,
        NO_ECC_IN_VGPU,
        VERSION_MISMATCH,
        DEPRECATED,
    }
)
"""Codes that say "this GPU or this driver has no such thing", which is an answer."""
NO_ANSWERS = (
    AttributeError,
    ValueError,
    TypeError,
    ArithmeticError,
    MemoryError,
    ctypes.ArgumentError,
)
"""What a binding older than the question raises, or one that is told of four billion entries."""
NOT_SAID = frozenset({0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})
"""All bits set: a number that was never written, and no count."""


def refusals(nvml: Any) -> tuple[type[Exception], ...]:
    """``NO_ANSWERS``, and the binding's own error for a library older than itself."""
    own = getattr(nvml, "NVMLLibraryMismatchError", None)
    return NO_ANSWERS if own is None else (*NO_ANSWERS, own)


Query = Callable[[Any, Any], dict[str, Any]]


def text_of(call: Callable[..., Any], *arguments: Any) -> str:
    """A string of NVML, whatever binding is installed and whatever bytes it holds."""
    try:
        value = call(*arguments)
    except UnicodeDecodeError:
        value = getattr(call, "__wrapped__", call)(*arguments)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def number(value: Any) -> int | None:
    """A count, or None for one that was never written."""
    return None if int(value) in NOT_SAID else int(value)


def field_values(nvml: Any, gpu: Any, ids: Sequence[Any]) -> list[int | None]:
    """NVML's numbered fields, None for each that this driver or GPU does not have.

    An id may be a pair (id, link). NVMLError where the GPU is lost or refuses.
    """
    values = nvml.nvmlDeviceGetFieldValues(gpu, list(ids))
    return [_field_value(nvml, values[place]) for place in range(len(ids))]


def _field_value(nvml: Any, entry: Any) -> int | None:
    if entry.nvmlReturn != 0:
        if entry.nvmlReturn in ABSENCES:
            return None
        raise nvml.NVMLError(entry.nvmlReturn)
    members = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
    if not 0 <= entry.valueType < len(members):
        return None
    return number(getattr(entry.value, members[entry.valueType]))


def words_of(field: str, function: str) -> Query:
    """The question that fills ``field`` with what the text function ``function`` says."""
    return lambda nvml, gpu: {field: text_of(getattr(nvml, function), gpu)}


def number_of(field: str, function: str, *arguments: int, scale: float | None = None) -> Query:
    """The question that fills ``field`` with a number, divided by ``scale`` where one is given."""

    def query(nvml: Any, gpu: Any) -> dict[str, Any]:
        value = number(getattr(nvml, function)(gpu, *arguments))
        return {field: value / scale if scale and value is not None else value}

    return query


def running_processes(nvml: Any, gpu: Any) -> list[Any]:
    """The programs that compute on a GPU, as far as they are shown to this process.

    A driver before R510 has the second version of the question only. Asked for the third, the
    binding then raises an error of its own, which is no NVMLError.
    """
    try:
        return list(nvml.nvmlDeviceGetComputeRunningProcesses(gpu))
    except nvml.NVMLError as problem:
        if problem.value != FUNCTION_NOT_FOUND:
            raise
    except refusals(nvml):
        pass
    return list(nvml.nvmlDeviceGetComputeRunningProcesses_v2(gpu))
