"""NVML through the real binding, against a fake driver compiled here."""

import time

import pytest

from gpubench.env.nvml import NO_ANSWER, ask_nvml, collect
from gpubench.env.nvml_links import fabric_problems
from gpubench.env.snapshot import Gpu
from gpubench.env.sources import Completed, Sources
from tests.fakedriver import build
from tests.fakedriver.build import but, healthy

pytestmark = build.needs_cc


def ask(tmp_path, scenario, *without, timeout=20.0, identify=False):
    sources = Sources(variables=build.variables(tmp_path, scenario, *without))
    return ask_nvml(sources, timeout=timeout, identify=identify)


def test_eight_healthy_gpus_are_described_in_full(tmp_path):
    answer = ask(tmp_path, healthy())

    assert answer.unread == {}
    assert answer.nvml.code == 0
    assert answer.nvml.driver_version == "580.82.07"
    assert answer.nvml.cuda_version == "13.0"
    assert len(answer.gpus) == 8
    gpu = answer.gpus[7]
    assert (gpu.name, gpu.compute_capability) == ("NVIDIA H100 80GB HBM3", "9.0")
    assert (gpu.memory_bytes, gpu.ecc_enabled, gpu.rows_pending) == (85520809984, True, False)
    assert (gpu.throttle_reasons, gpu.temperature_c, gpu.temperature_slowdown_c) == (1, 31, 89)
    assert (gpu.power_w, gpu.power_limit_w) == (70.0, 700.0)
    assert (gpu.pcie_width, gpu.pcie_width_max, gpu.persistence) == (16, 16, True)
    assert (gpu.mig_enabled, gpu.compute_mode, gpu.process_count) == (False, "default", 0)


def test_a_uuid_is_a_hash_unless_asked_for(tmp_path):
    hidden = ask(tmp_path, healthy(1)).gpus[0].uuid
    shown = ask(tmp_path, healthy(1), identify=True).gpus[0].uuid

    assert shown == "GPU-00000000-0000-0000-0000-000000000000"
    assert hidden != shown
    assert len(hidden) == 16


def test_a_lost_gpu_does_not_take_the_others_down(tmp_path):
    answer = ask(tmp_path, but(healthy(), "gpu.3.handle error 15"))

    assert [gpu.error_code for gpu in answer.gpus] == [None, None, None, 15, None, None, None, None]
    assert answer.gpus[7].name == "NVIDIA H100 80GB HBM3"


def test_a_gpu_lost_while_it_is_read_is_lost(tmp_path):
    answer = ask(tmp_path, but(healthy(2), "gpu.1.temperature error 15"))

    assert answer.gpus[1].error_code == 15
    assert answer.gpus[0].error_code is None


@pytest.mark.parametrize("code", [9, 17, 18, 999])
def test_what_init_answers_is_kept(tmp_path, code):
    answer = ask(tmp_path, but(healthy(), f"init error {code}"))

    assert answer.nvml.code == code
    assert answer.nvml.message
    assert answer.gpus == ()


def test_no_library_at_all_is_an_answer(tmp_path):
    answer = ask_nvml(Sources(variables={"LD_LIBRARY_PATH": str(tmp_path)}), timeout=20)

    assert answer.nvml.code in (12, 0, 9)  # 0 or 9 on a machine with a driver of its own
    assert answer.unread == {}


def test_what_a_gpu_does_not_support_is_absent_and_not_unread(tmp_path):
    scenario = but(healthy(1), "gpu.0.ecc_mode error 3", "gpu.0.rows error 3")
    answer = ask(tmp_path, scenario)

    assert answer.gpus[0].ecc_enabled is None
    assert answer.gpus[0].rows_pending is None
    assert answer.unread == {}


def test_what_may_not_be_read_is_unread_with_the_reason(tmp_path):
    answer = ask(tmp_path, but(healthy(1), "gpu.0.processes error 4"))

    assert answer.gpus[0].process_count is None
    assert "(4)" in answer.unread["gpus.0.process_count"]


def test_a_function_the_library_lacks_is_absent(tmp_path):
    answer = ask(tmp_path, healthy(1), "REMAPPED_ROWS")

    assert answer.gpus[0].rows_pending is None
    assert answer.gpus[0].name == "NVIDIA H100 80GB HBM3"
    assert answer.unread == {}


def test_throttle_reasons_are_read_under_their_older_name_too(tmp_path):
    answer = ask(tmp_path, but(healthy(1), "gpu.0.throttle 0x48"), "EVENT_REASONS")

    assert answer.gpus[0].throttle_reasons == 0x48


def test_a_name_that_is_no_text_does_not_stop_the_reading(tmp_path):
    answer = ask(tmp_path, but(healthy(1), r"gpu.0.name H100 \xff\xfe"))

    assert answer.gpus[0].name.startswith("H100 ")
    assert answer.gpus[0].memory_bytes == 85520809984


def test_a_terminal_code_in_a_name_is_taken_out(tmp_path):
    answer = ask(tmp_path, but(healthy(1), r"gpu.0.name \x1b[31mH100\x1b]0;x\x07"))

    assert answer.gpus[0].name == "H100"


def test_a_hanging_call_ends_at_the_time_limit_and_is_named(tmp_path):
    started = time.monotonic()
    answer = ask(tmp_path, but(healthy(4), "gpu.2.temperature hang"), timeout=2.0)

    assert time.monotonic() - started < 6
    assert answer.nvml.hung_in == "reading temperature_c, GPU 2"
    assert answer.nvml.driver_version == "580.82.07"
    assert [gpu.temperature_c for gpu in answer.gpus] == [31, 31, None]


def test_a_hanging_init_is_named(tmp_path):
    answer = ask(tmp_path, but(healthy(), "init hang"), timeout=1.5)

    assert answer.nvml.hung_in == "nvmlInit"
    assert "did not come back" in answer.unread["driver.nvml"]


@pytest.mark.parametrize(
    ("output", "doing"), [("", "start"), ('{"begin": "nvmlInit"}\n', "nvmlInit")]
)
def test_a_child_that_breaks_has_not_hung(output, doing):
    answer = collect(Completed(output=output, errors="Traceback\nOSError: no\n", code=1))

    assert answer.nvml.code == NO_ANSWER
    assert answer.nvml.hung_in is None
    assert answer.unread["driver.nvml"] == f"ended with exit status 1 in {doing}: OSError: no"


def test_a_child_that_is_slow_to_start_has_not_hung():
    late = Completed(output="", errors="", code=None, timed_out=True, seconds=30.0)

    assert collect(late).nvml.hung_in is None


def test_a_garbage_count_is_not_believed_for_ever(tmp_path):
    answer = ask(tmp_path, but(healthy(1), "count 4000000000"))

    assert len(answer.gpus) <= 64


def test_instances_of_mig_are_counted(tmp_path):
    scenario = but(healthy(1), "gpu.0.mig 1 1", "gpu.0.mig_slots 7", "gpu.0.mig_instances 2")

    assert ask(tmp_path, scenario).gpus[0].mig_instances == 2


def test_running_processes_are_counted(tmp_path):
    assert ask(tmp_path, but(healthy(1), "gpu.0.processes 3")).gpus[0].process_count == 3


def test_links_fabric_and_peers_are_read(tmp_path):
    lines = ["gpu.1.nvlink.4 0", "gpu.1.nvlink_error.1.3 6", "gpu.0.p2p.0.1 1"]
    first, second = ask(tmp_path, but(healthy(2), *lines)).gpus

    assert first.nvlinks == (True,) * 18
    assert [n for n, active in enumerate(second.nvlinks) if not active] == [4]
    assert second.nvlink_recoveries == (0, 0, 0, 6, *(0,) * 14)
    assert (first.p2p_read, second.p2p_read) == (("X", "CNS"), ("OK", "X"))
    assert (first.fabric_state, first.fabric_status, first.fabric_problems) == ("completed", 0, ())


def test_links_are_asked_until_the_gpu_knows_no_more(tmp_path):
    assert len(ask(tmp_path, but(healthy(1), "gpu.0.nvlinks 6")).gpus[0].nvlinks) == 6
    assert ask(tmp_path, but(healthy(1), "gpu.0.nvlinks error 3")).gpus[0].nvlinks is None


def test_counters_of_links_that_only_newer_gpus_have_are_read(tmp_path):
    lines = [f"gpu.0.nvlink_error.{kind} error 3" for kind in range(3)]
    answer = ask(tmp_path, but(healthy(1), *lines, "gpu.0.field.214 0", "gpu.0.field.214.2 9"))

    assert answer.gpus[0].nvlink_recoveries == (0, 0, 9, *(0,) * 15)
    assert answer.gpus[0].nvlink_replays is None
    assert answer.unread == {}


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (0x0, ()),  # not supported
        (0x1AA, ()),
        (0x1A9, ("degraded bandwidth",)),
        (0x410, ("route unhealthy", "incorrect configuration: no partition")),
        (0xF00, ("incorrect configuration: code 15",)),
    ],
)
def test_a_fabrics_health_is_read_bit_by_bit(mask, words):
    assert fabric_problems(mask) == words


def test_an_older_library_tells_nothing_of_the_fabric_and_less_of_memory(tmp_path):
    gpu = ask(tmp_path, healthy(1), "NEWER").gpus[0]

    assert (gpu.fabric_state, gpu.fabric_problems) == (None, None)
    assert (gpu.memory_used_bytes, gpu.memory_reserved_bytes) == (1048576, None)


def test_numbered_fields_are_read_with_their_sign_and_unit(tmp_path):
    lines = ["gpu.0.field.270 3600000000000", "gpu.0.field.230 9", "gpu.0.field.31 1"]
    gpu = ask(tmp_path, but(healthy(1), *lines)).gpus[0]

    assert gpu.temperature_margin_slowdown_c == -2
    assert gpu.throttled_thermal_seconds == 3600.0
    assert gpu.recovery_action == "unknown (9)"
    assert gpu.pages_pending is True


def test_a_field_that_may_not_be_read_is_unread(tmp_path):
    answer = ask(tmp_path, but(healthy(1), "gpu.0.field.230 error 4"))

    assert answer.gpus[0].recovery_action is None
    assert "(4)" in answer.unread["gpus.0.recovery_action"]


def test_an_argument_that_an_older_driver_does_not_know_is_an_absence(tmp_path):
    answer = ask(tmp_path, but(healthy(1), "gpu.0.ecc.1.0.7 error 2", "gpu.0.field.230 error 2"))

    assert answer.gpus[0].ecc_sram_uncorrected_volatile is None
    assert answer.gpus[0].recovery_action is None
    assert answer.unread == {}


def test_a_corrupted_inforom_is_an_answer(tmp_path):
    answer = ask(tmp_path, but(healthy(1), "gpu.0.inforom error 14"))

    assert answer.gpus[0].inforom_valid is False
    assert answer.unread == {}


def test_a_gpu_lost_among_peers_leaves_the_others_theirs(tmp_path):
    answer = ask(tmp_path, but(healthy(3), "gpu.1.handle error 15"))

    assert answer.gpus[0].p2p_read == ("X", "U", "OK")
    assert answer.gpus[1].p2p_read is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [((), (None, None)), (("cc 0",), (False, None)), (("cc 1", "cc_ready 1"), (True, True))],
)
def test_confidential_computing_is_the_machines_and_not_a_gpus(tmp_path, lines, expected):
    nvml = ask(tmp_path, but(healthy(1), *lines)).nvml

    assert (nvml.cc_enabled, nvml.cc_ready) == expected


def test_a_library_with_hardly_a_function_gives_what_it_has():
    variables = {"LD_LIBRARY_PATH": str(build.minimal())}
    answer = ask_nvml(Sources(variables=variables), timeout=20)

    assert (answer.nvml.code, answer.nvml.device_count, answer.nvml.message) == (0, 1, "")
    assert answer.gpus == (Gpu(index=0, name="NVIDIA A100-PCIE-40GB"),)
    assert answer.unread == {}


def test_processes_are_counted_under_an_older_driver_too(tmp_path):
    assert ask(tmp_path, but(healthy(1), "gpu.0.processes 3"), "NEWER").gpus[0].process_count == 3
