"""Why a GPU's clocks are not at their highest: the bits of nvml.h, nvmlClocksEventReasons."""

IDLE, APPLICATION_CLOCKS = 0x01, 0x02

HARDWARE_SLOWDOWN = {
    0x08: "hardware slow-down",
    0x40: "hardware thermal slow-down",
    0x80: "hardware power brake",
}
"""Reasons for which a measurement is thrown away."""

OTHER_REASONS = {
    APPLICATION_CLOCKS: "application clocks",
    0x04: "software power cap",
    0x10: "sync boost",
    0x20: "software thermal slow-down",
    0x100: "display clock",
}
"""Reasons that are recorded: a power cap under load is how a GPU normally runs."""

REASONS = HARDWARE_SLOWDOWN | OTHER_REASONS
