"""Rules that hold for every check."""

import dataclasses
import re

import pytest

from gpubench.checks.diagnosis import CAUSES
from gpubench.checks.outcome import Status
from gpubench.checks.registry import CATEGORIES, CHECKS
from gpubench.env.snapshot import Driver, Gpu, Snapshot
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK, judge, results

IDS = [check.id for check in CHECKS]


def test_ids_are_unique():
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_a_check_says_what_why_and_what_to_do(check):
    text = check.judge.__doc__
    assert check.title.endswith(".")
    assert "Why: " in text
    assert "Remedy: " in text
    assert check.reference


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_what_a_check_needs_is_run_before_it(check):
    earlier = IDS[: IDS.index(check.id)]
    assert set(check.needs) <= set(earlier)


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_a_check_points_to_a_cause_on_record(check):
    assert check.cause in CAUSES


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_every_check_belongs_to_one_category(check):
    homes = [name for name, subjects in CATEGORIES if check.subject in subjects]
    assert len(homes) == 1


ELSEWHERE = (
    "ctr.injection",  # it is no container
    "ctr.lost_access",
    "fan.speed",  # its GPUs have none
    "pages.retired",  # they remap rows instead
    "pcie.gen_load",  # no copy was watched
    "host.wsl",
    "cuda.require_env",  # it is no image that asks for a driver
    "tc.ext_build",  # nothing is built
    "log.report",  # and no pasted report
    "log.error",
    "env.launcher",
    "cuda.available",
    "comp.stack",  # it is no image of ours
)


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_a_healthy_machine_passes_every_check_it_is_asked(check):
    status = judge(check.id, HEALTHY).status
    allowed = dict.fromkeys(ELSEWHERE, Status.SKIP)
    assert status is allowed.get(check.id, Status.PASS)


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_nothing_known_is_never_a_pass(check):
    """An empty snapshot, as a report in which no line said anything."""
    empty = Snapshot(source="collect_env")
    assert judge(check.id, empty).status in (Status.SKIP, Status.UNKNOWN)


WHAT_IT_ASKS = {
    "drv.module": [("driver",)],
    "drv.user_kernel_match": [("driver", "version")],
    "drv.devnodes": [("driver", "device_nodes")],
    "nvml.load": [("driver", "nvml")],
    "gpu.count": [("driver", "nvml")],
    "cuda.floor": [("driver",), ("torch",)],
    "cuda.minor_compat": [("driver",), ("torch",)],
    "torch.cuda_build": [("torch",)],
    "torch.present": [("torch",)],
    "torch.arch": [("gpus",), ("torch",)],
    "torch.requires": [("python",)],
    "torch.cudnn": [("torch",)],
    "torch.nccl": [("torch",)],
    "torch.cuda_mix": [("python",), ("torch",)],
    "torch.record": [("python",)],
    "comp.vision_audio": [("python",), ("torch",)],
    "comp.triton": [("python",)],
    "comp.frameworks": [("python",), ("torch",)],
    "comp.extensions": [("python",), ("torch",)],
    "host.shm": [("host", "shm_bytes")],
    "tc.cc": [("toolchain",), ("torch",)],
    "tc.python_h": [("toolchain",), ("torch",)],
    "tc.ptxas": [("toolchain",), ("torch",)],
    "tc.cache": [("host", "folders"), ("torch",)],
    "cuda.toolkit": [("toolchain",), ("torch",)],
    "host.disk": [("host", "folders")],
    "host.nofile_pids": [("host", "limits")],
    "host.cgroup": [("host", "limits"), ("gpus",)],
    "host.memory": [("host", "memory_available_bytes")],
    "host.numa": [("host", "topology")],
    "pcie.acs": [("host", "topology")],
    "host.governor": [("host", "tuning")],
    "python.startup": [("python",)],
    "kmsg.xid": [("kernel_events",)],
    "kmsg.fallen_off_bus": [("kernel_events",)],
    "kmsg.access": [("kernel_events",)],
    "kmsg.sxid": [("kernel_events",)],
    "kmsg.pcie": [("kernel_events",)],
    "kmsg.oom_mce": [("kernel_events",)],
}


def _gone(snapshot, path):
    """The snapshot without one fact, which it says it could not read."""
    reason = "not permitted"
    if path == ("driver",):
        unread = {"driver.version": reason, "driver.nvml": reason}
        return dataclasses.replace(snapshot, driver=Driver(), gpus=(), unread=unread)
    head, *rest = path
    blank = () if path == ("gpus",) else None
    if rest:
        blank = dataclasses.replace(getattr(snapshot, head), **{rest[0]: None})
    return dataclasses.replace(snapshot, **{head: blank, "unread": {".".join(path): reason}})


@pytest.mark.parametrize(
    ("check_id", "path"), [(key, path) for key, paths in WHAT_IT_ASKS.items() for path in paths]
)
def test_a_fact_that_could_not_be_read_is_never_a_pass(check_id, path):
    outcome = judge(check_id, _gone(QUICK, path))
    assert outcome.status in (Status.SKIP, Status.UNKNOWN)


GPU_FIELDS = {
    "ecc.mode": "ecc_enabled",
    "ecc.uncorrected": "ecc_uncorrected_volatile",
    "rows.pending": "rows_pending",
    "rows.failure": "rows_failed",
    "clk.throttle_now": "throttle_reasons",
    "tmp.core": "temperature_c",
    "pcie.width": "pcie_width",
    "pwr.limit": "power_limit_w",
    "drv.persistence": "persistence",
    "gpu.compute_mode": "compute_mode",
    "gpu.mig": "mig_enabled",
    "gpu.busy": "process_count",
    "gpu.recovery_action": "recovery_action",
    "gpu.inforom": "inforom_valid",
    "ecc.sram_threshold": "ecc_sram_threshold_exceeded",
    "ecc.corrected": "ecc_corrected_volatile",
    "rows.count": "rows_remapped_uncorrected",
    "pages.retired": "pages_retired_double_bit",
    "pcie.gen_max": "pcie_generation_max",
    "pcie.gen_load": "pcie_generation_loaded",
    "pcie.replay": "pcie_replays",
    "nvl.active": "nvlinks",
    "nvl.errors": "nvlink_recoveries",
    "nvl.p2p_status": "p2p_read",
    "fab.state": "fabric_state",
    "clk.throttle_history": "throttled_thermal_seconds",
    "clk.limits": "clock_graphics_applications_mhz",
    "tmp.hbm": "temperature_memory_c",
    "fan.speed": "fan_percent",
}


@pytest.mark.parametrize(("check_id", "field"), GPU_FIELDS.items())
def test_what_no_gpu_has_is_skipped(check_id, field):
    gpus = tuple(dataclasses.replace(gpu, **{field: None}) for gpu in HEALTHY.gpus)
    outcome = judge(check_id, dataclasses.replace(HEALTHY, gpus=gpus))
    assert outcome.status is Status.SKIP


@pytest.mark.parametrize(("check_id", "field"), GPU_FIELDS.items())
def test_what_one_gpu_did_not_let_us_read_is_unknown(check_id, field):
    gpus = (*HEALTHY.gpus[:7], dataclasses.replace(HEALTHY.gpus[7], **{field: None}))
    unread = {f"gpus.7.{field}": "NVML: no permission (4)"}
    outcome = judge(check_id, dataclasses.replace(HEALTHY, gpus=gpus, unread=unread))
    assert outcome.status is Status.UNKNOWN
    assert "no permission" in outcome.reason


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_gpus_that_say_nothing_are_never_a_pass(check):
    """Eight GPUs of which nothing but the number is known."""
    silent = dataclasses.replace(
        HEALTHY, gpus=tuple(Gpu(index=n) for n in range(8)), torch_run=None, cuda_init=None
    )
    about_gpus = {*GPU_FIELDS, "torch.arch", "drv.open_module", "cuda.init", "fn.gemm"}
    if check.id in about_gpus:
        assert judge(check.id, silent).status in (Status.SKIP, Status.UNKNOWN)
    else:
        assert judge(check.id, silent).status is not Status.CRASH


@pytest.mark.parametrize("snapshot", [HEALTHY, QUICK, NO_GPU, Snapshot()])
def test_no_check_breaks_on_a_machine_of_these_kinds(snapshot):
    crashed = [key for key, result in results(snapshot).items() if result.status is Status.CRASH]
    assert crashed == []


def test_ids_are_two_words_with_a_dot():
    assert all(re.fullmatch(r"[a-z]+\.[a-z0-9_]+", name) for name in IDS)
