import pytest

from gpubench.checks.heat import cool
from gpubench.checks.outcome import Status
from tests.env.readers.smi import output, snapshot_of

MIB = 2**20


def test_pages_that_wait_to_be_retired_are_read_from_both_forms():
    for name in ("v100_pages_pending_q.txt", "v100_pages_pending_qx.xml"):
        gpu = snapshot_of(output(name)).gpus[0]
        assert (gpu.pages_retired_single_bit, gpu.pages_retired_double_bit) == (2, 3)
        assert gpu.pages_pending is True


def test_a_gpu_that_remaps_rows_has_no_pages():
    gpu = snapshot_of(output("h100x8_q.txt")).gpus[0]
    assert gpu.pages_pending is None
    assert gpu.pages_retired_double_bit is None


def test_errors_are_known_by_place():
    gpu = snapshot_of(output("a100_rows_pending_q.txt")).gpus[1]
    assert (gpu.ecc_dram_corrected_volatile, gpu.ecc_sram_corrected_volatile) == (177, 0)
    assert (gpu.ecc_dram_uncorrected_volatile, gpu.ecc_sram_uncorrected_volatile) == (1, 0)
    assert gpu.ecc_sram_threshold_exceeded is False
    assert (gpu.rows_banks_low, gpu.rows_banks_none) == (0, 0)


def test_the_margin_to_the_limit_is_judged():
    text = output("h100x8_q.txt")
    gpu = snapshot_of(text).gpus[0]
    assert (gpu.temperature_margin_c, gpu.temperature_margin_slowdown_c) == (56, -2)
    hot = text.replace("GPU T.Limit Temp                  : 56 C", "GPU T.Limit Temp : -3 C", 1)
    assert cool(snapshot_of(hot)).status is Status.FAIL


def test_clocks_link_and_firmware_are_read():
    gpu = snapshot_of(output("k80_q.txt")).gpus[0]
    assert (gpu.clock_graphics_max_mhz, gpu.clock_graphics_applications_mhz) == (875, 562)
    gpu = snapshot_of(output("h100x8_q.txt")).gpus[0]
    assert (gpu.pcie_replays, gpu.pcie_generation_device_max) == (0, 5)
    assert (gpu.gsp_firmware, gpu.memory_reserved_bytes) == ("550.90.07", 551 * MIB)
    assert (gpu.fabric_state, gpu.fabric_status) == ("completed", 0)


TEXT = """\
    Clocks Event Reasons Counters
        SW Power Capping                  : 4957032508 us
        SW Thermal Slowdown               : 3893592 us
        HW Thermal Slowdown               : 1500000 us
        HW Power Braking                  : 0 us
    GPU Recovery Action                   : {}
"""
NAME = "clocks_event_reasons_counters"
XML = f"""\
<{NAME}>
<{NAME}_sw_power_cap>4957032508 us</{NAME}_sw_power_cap>
<{NAME}_sw_therm_slowdown>3893592 us</{NAME}_sw_therm_slowdown>
<{NAME}_hw_therm_slowdown>1500000 us</{NAME}_hw_therm_slowdown>
<{NAME}_hw_power_brake>0 us</{NAME}_hw_power_brake>
</{NAME}>
<gpu_recovery_action>{{}}</gpu_recovery_action>
"""
COUNTERS = {"_q.txt": ("    FB Memory", TEXT), "_qx.xml": ("\t\t<fb_memory_usage>", XML)}


@pytest.mark.parametrize("form", COUNTERS)
@pytest.mark.parametrize(
    ("said", "action"),
    [("None", "none"), ("GPU Reset", "reset"), ("Reboot", "reboot"), ("Drain P2P", "drain-p2p")],
)
def test_time_held_back_and_the_action_asked_for_are_read(form, said, action):
    before, extra = COUNTERS[form]
    text = output(f"h100x8{form}").replace(before, extra.format(said) + before)
    gpu = snapshot_of(text).gpus[0]
    assert (gpu.throttled_thermal_seconds, gpu.throttled_software_thermal_seconds) == (
        1.5,
        3.893592,
    )
    assert gpu.throttled_power_brake_seconds == 0
    assert gpu.recovery_action == action


def test_nvlinks_are_active_or_not():
    assert snapshot_of(output("nvlink_s.txt")).gpus[0].nvlinks == (True, True, False)


def test_the_fan_of_the_table_is_read_or_unread():
    snapshot = snapshot_of(output("table_r535_err.txt"))
    assert snapshot.gpus[0].fan_percent == 30
    assert snapshot.unread["gpus.1.fan_percent"] == "nvidia-smi: ERR!"
