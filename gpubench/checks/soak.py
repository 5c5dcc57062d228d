"""GPUs under sustained load: do they keep their clocks, and is one slower than its like."""

import statistics

from gpubench.checks.outcome import Check, Outcome, fail, ok, skip, unknown, warn
from gpubench.checks.proofs import Blame, trouble
from gpubench.env.reasons import HARDWARE_SLOWDOWN
from gpubench.env.snapshot import Snapshot, Soak, TorchRun
from gpubench.knowledge.tables import xid
from gpubench.units import percent, significant

STRAGGLES = 0.95
"""Of the median of the GPUs of one model (Azure superbenchmark allows 5 % of variance)."""
LEAST_SHARE = 0.05
"""Of the readings under a hardware reason that is a fault; a flicker is a warning (own choice)."""
SOFTWARE_THERMAL = "software thermal slow-down"


def lasts(snapshot: Snapshot) -> Outcome:
    """Every GPU keeps its speed under sustained load, and computes the same to the end.

    Why: heat, power supply and ageing show after seconds of full load and never in a short
    test; one slow GPU slows all the others down.
    Remedy: check cooling, power cables and supplies; drain a GPU that raises errors.
    """
    run = snapshot.torch_run
    if run is None or (not run.soaks and not run.of("soak")):
        return skip("it is tried at --level deep")
    errors = _errors(run)
    if errors is not None:
        return errors
    wrong = trouble(snapshot, run.of("soak"), Blame())
    if wrong is not None:
        return wrong
    if not run.soaks:
        return unknown("nothing was measured under load")
    return _slowed(run.soaks) or _straggler(run) or _steady(run.soaks)


def _errors(run: TorchRun) -> Outcome | None:
    """What the driver reported while the GPUs worked."""
    hardware = [code for code in run.new_xids or () if _is_hardware(code)]
    bad = [soak.device for soak in run.soaks if soak.ecc_uncorrected]
    if not hardware and not bad:
        return None
    said = [f"Xid {', '.join(map(str, hardware))}"] if hardware else []
    said += [f"uncorrected memory errors on {', '.join(bad)}"] if bad else []
    return fail(
        f"under load: {'; '.join(said)}",
        "drain the machine; sudo dmesg | grep -i xid; dcgmi diag -r 3",
        cause="gpu-hardware-fault",
        confidence="likely",
        xids=hardware,
    )


def _is_hardware(code: int) -> bool:
    row = xid(code)
    return row is not None and row["class"] == "hardware"


def _slowed(soaks: tuple[Soak, ...]) -> Outcome | None:
    """Slowed down by hardware, or by the driver because of heat."""
    names = HARDWARE_SLOWDOWN.values()
    shares = {s.device: max((s.throttled.get(n, 0.0) for n in names), default=0.0) for s in soaks}
    worst = max(shares, key=lambda device: shares[device])
    remedy = "check cooling, power cables and supplies: nvidia-smi -q -d PERFORMANCE,TEMPERATURE"
    if shares[worst] > 0:
        give = fail if shares[worst] >= LEAST_SHARE else warn
        said = f"{worst} was slowed down by its hardware {percent(shares[worst], 0)} of the time"
        return give(said, remedy, cause="gpu-degraded", shares=shares)
    hot = [s.device for s in soaks if s.throttled.get(SOFTWARE_THERMAL, 0.0) >= LEAST_SHARE]
    if hot:
        said = f"the driver slowed {', '.join(hot)} down because of heat"
        return warn(said, remedy, cause="gpu-degraded")
    return None


def _straggler(run: TorchRun) -> Outcome | None:
    """The GPU furthest below the median of its like; two alone do not say which is slow."""
    behind: dict[str, float] = {}
    for model in {device.name for device in run.devices}:
        names = {f"cuda:{n}" for n, device in enumerate(run.devices) if device.name == model}
        like = [soak for soak in run.soaks if soak.device in names]
        if len(like) < 2:
            continue
        median = statistics.median(soak.tflops for soak in like)
        behind.update({s.device: s.tflops / median for s in like if s.tflops < STRAGGLES * median})
    if not behind:
        return None
    worst = min(behind, key=lambda device: behind[device])
    return warn(
        f"{worst} is {percent(1 - behind[worst])} slower than the median of its like",
        "compare power limits, clocks and temperatures: nvidia-smi -q -d POWER,CLOCK,TEMPERATURE",
        cause="gpu-degraded",
        confidence="likely",
        behind=behind,
    )


def _steady(soaks: tuple[Soak, ...]) -> Outcome:
    lowest = min(soaks, key=lambda soak: soak.tflops)
    clocks = [s.sm_clock_mhz_lowest for s in soaks if s.sm_clock_mhz_lowest is not None]
    at = f", clocks never below {min(clocks):.0f} MHz" if clocks else ""
    blind = [soak.unavailable for soak in soaks if soak.unavailable]
    words = f"at least {significant(lowest.tflops)} TFLOP/s for {lowest.seconds:.0f} s{at}"
    return unknown(f"{words}; the driver was not asked: {blind[0]}") if blind else ok(words)


CHECKS = (
    Check(
        id="fn.soak",
        judge=lasts,
        cause="gpu-degraded",
        needs=("torch.present", "torch.import", "fn.gemm", "clk.throttle_now", "kmsg.xid"),
        reference="microsoft/superbenchmark data diagnosis; NVML, nvmlClocksEventReasons",
    ),
)
