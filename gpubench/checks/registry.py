"""Every check, in the order it is run: what a check needs stands above it."""

from gpubench.checks import (
    clocks,
    companions,
    container,
    cuda,
    cuda_families,
    driver,
    environment,
    functional,
    host,
    integrity,
    interpreter,
    inventory,
    kernel_log,
    library_path,
    loaded_libraries,
    memory_health,
    numpy_extensions,
    requirements,
    torch_build,
    torch_libraries,
)
from gpubench.checks.outcome import Check

CHECKS: tuple[Check, ...] = (
    *container.CHECKS,
    *interpreter.CHECKS,
    *driver.CHECKS,
    *environment.CHECKS,
    *inventory.CHECKS,
    *memory_health.CHECKS,
    *kernel_log.CHECKS,
    *cuda.CHECKS,
    *torch_build.CHECKS,
    *cuda_families.CHECKS,
    *library_path.CHECKS,
    *torch_libraries.CHECKS,
    *loaded_libraries.CHECKS,
    *requirements.CHECKS,
    *companions.CHECKS,
    *numpy_extensions.CHECKS,
    *integrity.CHECKS,
    *functional.CHECKS,
    *clocks.CHECKS,
    *host.CHECKS,
)

CATEGORIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Host", ("host", "ctr", "env", "tc")),
    ("Driver", ("drv", "nvml", "gpu")),
    ("CUDA", ("cuda",)),
    ("Torch", ("torch",)),
    ("Companions", ("comp",)),
    ("Functional", ("fn",)),
    ("Health", ("ecc", "rows", "kmsg", "clk", "tmp", "pwr", "pcie")),
)
"""How a report groups them, by the part of the id before the dot."""
