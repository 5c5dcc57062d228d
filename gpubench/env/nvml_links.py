"""What NVML says of the ways between GPUs: NVLink, the NVSwitch fabric, peer access."""

import ctypes
from collections.abc import Iterator, Mapping
from typing import Any

from gpubench.env.nvml_question import (
    ABSENCES,
    Query,
    field_values,
    number,
)

MAX_LINKS = 64
"""More NVLinks than any GPU has (NVLink 5: 18)."""
REPLAY, RECOVERY, CRC_FLIT, CRC_DATA = 0, 1, 2, 3
FAILED_RECOVERIES = 214
"""NVLink 5 counts under numbered fields: link recoveries that failed."""
READ, NVLINK = 0, 2
"""Kinds of peer access."""
LETTERS = ("OK", "CNS", "GNS", "TNS", "DR", "NS", "U")
"""nvidia-smi's letters: fine, chipset, GPU, topology, registry key, not supported, unknown."""
FABRIC_STATES = ("not-supported", "not-started", "in-progress", "completed")
TRUE = 1
FABRIC_BITS = (
    (0, "degraded bandwidth"),
    (2, "route recovery in progress"),
    (4, "route unhealthy"),
    (6, "recovery from an access time-out"),
)
"""Place of each two-bit answer in the fabric's health mask, and what "true" means there."""
CONFIGURATION_SHIFT, CONFIGURATION_MASK = 8, 0xF
CONFIGURATIONS = {
    2: "wrong system GUID",
    3: "wrong chassis serial number",
    4: "no partition",
    5: "too few NVLinks",
    6: "incompatible GPU firmware",
    7: "wrong location",
    8: "GPU state invalid",
}


def _nvlinks(nvml: Any, gpu: Any) -> dict[str, Any]:
    """Links are asked until the GPU knows no more of them: 6 on a V100, 18 on an H100."""
    active = tuple(_states(nvml, gpu))
    if not any(active):  # a card without a bridge: its counters say nothing
        return {"nvlinks": active} if active else {}
    links = range(len(active))
    crc = [
        _either(_count(nvml, gpu, link, CRC_FLIT), _count(nvml, gpu, link, CRC_DATA))
        for link in links
    ]
    recoveries = [_count(nvml, gpu, link, RECOVERY) for link in links]
    if all(found is None for found in recoveries):
        recoveries = field_values(nvml, gpu, [(FAILED_RECOVERIES, link) for link in links])
    return {
        "nvlinks": active,
        "nvlink_crc_errors": _known(crc),
        "nvlink_replays": _known([_count(nvml, gpu, link, REPLAY) for link in links]),
        "nvlink_recoveries": _known(recoveries),
    }


def _states(nvml: Any, gpu: Any) -> Iterator[bool]:
    for link in range(MAX_LINKS):
        try:
            yield bool(nvml.nvmlDeviceGetNvLinkState(gpu, link))
        except nvml.NVMLError as problem:
            if problem.value in ABSENCES:
                return
            raise


def _count(nvml: Any, gpu: Any, link: int, counter: int) -> int | None:
    try:
        return number(nvml.nvmlDeviceGetNvLinkErrorCounter(gpu, link, counter))
    except nvml.NVMLError as problem:
        if problem.value in ABSENCES:
            return None
        raise


def _either(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def _known(counts: list[int | None]) -> tuple[int, ...] | None:
    """None where no link said anything."""
    if all(count is None for count in counts):
        return None
    return tuple(count or 0 for count in counts)


def _fabric(nvml: Any, gpu: Any) -> dict[str, Any]:
    """Asked in its versioned form alone.

    The form without a version has two layouts under one name (nvidia-ml-py 12.535 and later):
    a library of one may write past the end of what a binding of the other hands it.
    """
    info = nvml.c_nvmlGpuFabricInfoV_t()
    nvml.nvmlDeviceGetGpuFabricInfoV(gpu, ctypes.byref(info))
    known = 0 <= info.state < len(FABRIC_STATES)
    return {
        "fabric_state": FABRIC_STATES[info.state] if known else f"unknown ({info.state})",
        "fabric_status": int(info.status),
        "fabric_problems": fabric_problems(info.healthMask),
    }


def fabric_problems(mask: int) -> tuple[str, ...]:
    """What a fabric's health mask names; every answer in it may also be "not supported"."""
    found = [words for shift, words in FABRIC_BITS if (mask >> shift) & 3 == TRUE]
    configuration = (mask >> CONFIGURATION_SHIFT) & CONFIGURATION_MASK
    if configuration > 1:  # 0: not supported, 1: nothing wrong
        words = CONFIGURATIONS.get(configuration, f"code {configuration}")
        found.append(f"incorrect configuration: {words}")
    return tuple(found)


LINK_QUERIES: tuple[tuple[str, Query], ...] = (
    ("nvlinks", _nvlinks),
    ("fabric_state", _fabric),
)


def peer_access(nvml: Any, index: int, handles: Mapping[int, Any]) -> dict[str, Any]:
    """How GPU ``index`` reaches each of ``handles``; U for one that did not say."""
    last = max(handles) + 1
    return {
        field: [_letter(nvml, index, other, handles, kind) for other in range(last)]
        for field, kind in (("p2p_read", READ), ("p2p_nvlink", NVLINK))
    }


def _letter(nvml: Any, index: int, other: int, handles: Mapping[int, Any], kind: int) -> str:
    if index == other:
        return "X"
    if other not in handles:
        return "U"
    try:
        status = nvml.nvmlDeviceGetP2PStatus(handles[index], handles[other], kind)
    except nvml.NVMLError as problem:
        if problem.value in ABSENCES:
            raise
        return "U"
    return LETTERS[status] if 0 <= status < len(LETTERS) else "U"
