import textwrap

import pytest

from gpubench.env.redact import anonymous
from tests.env.readers.smi import OUTPUTS, output, snapshot_of

MIB = 2**20
MACHINES = sorted(path.name.removesuffix("_q.txt") for path in OUTPUTS.glob("*_q.txt"))


@pytest.mark.parametrize("machine", MACHINES)
def test_text_and_xml_of_a_machine_give_the_same_gpus(machine):
    text, xml = snapshot_of(output(f"{machine}_q.txt")), snapshot_of(output(f"{machine}_qx.xml"))
    assert text.gpus
    assert text.gpus == xml.gpus
    assert text.driver == xml.driver
    assert text.unread == xml.unread
    assert (text.paste.unread_line_count, xml.paste.unread_line_count) == (0, 0)


def test_a_gpu_is_described_in_full():
    gpu = snapshot_of(output("a100_rows_pending_q.txt")).gpus[1]
    assert gpu.name == "NVIDIA A100-SXM4-80GB"
    assert gpu.uuid == anonymous("GPU-0a1b2c3d-0001-4e5f-8a9b-0123456789ab")
    assert gpu.serial == anonymous("1653023000001")
    assert (gpu.vbios, gpu.pci_address) == ("92.00.45.00.03", "00000000:29:00.0")
    assert (gpu.memory_bytes, gpu.memory_used_bytes) == (81920 * MIB, MIB)
    assert (gpu.ecc_enabled, gpu.ecc_pending) == (True, True)
    assert (gpu.ecc_uncorrected_volatile, gpu.ecc_corrected_volatile) == (1, 177)
    assert (gpu.rows_pending, gpu.rows_failed, gpu.rows_remapped_uncorrected) == (True, False, 1)
    assert (gpu.temperature_c, gpu.temperature_slowdown_c, gpu.temperature_shutdown_c) == (
        29,
        89,
        92,
    )
    assert (gpu.power_w, gpu.power_limit_w, gpu.power_limit_default_w) == (68.79, 400.0, 400.0)
    assert (gpu.pcie_generation, gpu.pcie_generation_max) == (4, 4)
    assert (gpu.pcie_width, gpu.pcie_width_max) == (16, 16)
    assert (gpu.persistence, gpu.compute_mode) == (True, "default")


def test_neither_uuid_nor_serial_nor_program_is_kept():
    kept = repr(snapshot_of(output("h100x8_q.txt")))
    assert "0123456789ab" not in kept
    assert "16530230" not in kept
    assert "python3" not in kept


def test_the_head_names_driver_cuda_and_count():
    driver = snapshot_of(output("h100x8_q.txt")).driver
    assert (driver.version, driver.nvml.cuda_version, driver.nvml.device_count) == (
        "550.90.07",
        "12.4",
        8,
    )


def test_reasons_become_the_mask_of_nvml():
    slow, idle = snapshot_of(output("h100_slowdown_q.txt")).gpus
    assert slow.throttle_reasons == 0x4 | 0x8 | 0x40
    assert idle.throttle_reasons == 0x1


def test_counters_of_reasons_are_not_the_reasons():
    counters = (
        "    Clocks Event Reasons Counters\n"
        "        SW Power Capping                  : 4957032508 us\n"
        "        HW Thermal Slowdown               : 12 us\n"
    )
    text = output("h100x8_q.txt").replace("    FB Memory Usage", f"{counters}    FB Memory Usage")
    assert {gpu.throttle_reasons for gpu in snapshot_of(text).gpus} == {0x1}


def test_errors_before_turing_are_read_from_their_totals():
    gpu = snapshot_of(output("v100_pages_pending_q.txt")).gpus[0]
    assert (gpu.ecc_uncorrected_volatile, gpu.ecc_uncorrected_aggregate) == (0, 3)
    assert gpu.ecc_corrected_volatile == 0
    assert gpu.rows_pending is None


def test_a_gpu_without_ecc_has_no_counters():
    gpu = snapshot_of(output("rtx4090_q.txt")).gpus[0]
    assert gpu.ecc_enabled is None
    assert gpu.ecc_uncorrected_volatile is None
    assert gpu.serial is None


def test_a_margin_to_the_limit_is_no_temperature():
    gpu = snapshot_of(output("h100x8_q.txt")).gpus[0]
    assert gpu.temperature_slowdown_c is None


def test_what_belongs_to_a_mig_device_is_not_the_gpus():
    gpu = snapshot_of(output("a100_mig_q.txt")).gpus[0]
    assert (gpu.mig_enabled, gpu.mig_instances) == (True, 2)
    assert gpu.memory_bytes == 81920 * MIB


def test_programs_that_compute_are_counted():
    assert [gpu.process_count for gpu in snapshot_of(output("h100x8_q.txt")).gpus][:2] == [1, 0]


def test_an_error_in_place_of_a_value_is_unread():
    snapshot = snapshot_of(output("a100_reset_q.txt"))
    assert snapshot.gpus[1].rows_pending is None
    assert snapshot.unread["gpus.1.rows_pending"] == "nvidia-smi: Unknown Error"
    assert "gpus.0.rows_pending" not in snapshot.unread


def test_a_gpu_that_must_be_reset_has_the_code_for_it():
    assert [gpu.error_code for gpu in snapshot_of(output("a100_reset_q.txt")).gpus] == [None, 16]


def test_a_lost_gpu_has_the_code_for_it():
    text = output("k80_q.txt").replace(": 29 C", ": GPU is lost", 1)
    assert [gpu.error_code for gpu in snapshot_of(text).gpus] == [15, None]


def test_no_secret_stands_in_what_could_not_be_read():
    token = "hf_" + "a" * 30
    text = output("k80_q.txt").replace(": 29 C", f": Unknown Error \x1b[31m{token}", 1)
    kept = repr(snapshot_of(text))
    assert "gpus.0.temperature_c" in kept
    assert token not in kept
    assert "\\x1b" not in kept


# -- what pasting does ----------------------------------------------------------------------------

A100 = output("a100_mig_q.txt")
PASTED = {
    "without indentation": "\n".join(line.strip() for line in A100.splitlines()),
    "blanks collapsed": "\n".join(" ".join(line.split()) for line in A100.splitlines()),
    "fenced": f"```text\n{A100}\n```",
    "quoted": textwrap.indent(A100, "> ", lambda line: True),
    "crlf": A100.replace("\n", "\r\n"),
    "wide colons": A100.replace(" : ", " ： "),
    "in Chinese": f"问题描述：\n{A100}\n谢谢！",
    "after a table": output("table_r550_mig.txt")
    .replace("07:00.0", "18:00.0")
    .replace("0F:00.0", "29:00.0")
    + A100,
}


@pytest.mark.parametrize("pasted", PASTED.values(), ids=PASTED.keys())
def test_the_report_survives_pasting(pasted):
    found, whole = snapshot_of(pasted), snapshot_of(A100)
    assert [gpu.name for gpu in found.gpus] == ["NVIDIA A100-SXM4-80GB"] * 2
    assert found.gpus == whole.gpus


@pytest.mark.parametrize("length", range(60, len(A100), 1499))
def test_the_report_may_break_off_anywhere(length):
    snapshot = snapshot_of(f"{A100[:length]}\nDriver Version                 : 535.161.08\n")
    assert snapshot.driver.version in (None, "535.161.08")
    assert len(snapshot.gpus) <= 2


def test_one_gpu_of_several_keeps_the_index_of_the_table():
    text = output("a100_rows_pending_q.txt")
    only = text[: text.index("GPU 00000000:18")] + text[text.index("GPU 00000000:29") :]
    table = output("table_r470_a100.txt").replace("0F:00.0", "29:00.0")
    gpus = snapshot_of(f"{only}\n{table}").gpus
    assert [gpu.rows_pending for gpu in gpus] == [None, True]


def test_a_piece_of_the_report_is_about_as_many_gpus_as_it_repeats():
    piece = "    Remapped Rows\n        Correctable Error : 0\n        Pending : {}\n"
    snapshot = snapshot_of(piece.format("No") + "--\n" + piece.format("Yes"))
    assert [gpu.rows_pending for gpu in snapshot.gpus] == [False, True]


def test_performance_in_a_section_of_its_own_is_read():
    text = (
        "==============NVSMI LOG==============\nDriver Version : 580.95.05\nAttached GPUs : 1\n"
        "GPU 0000000F:01:00.0\n    Performance\n        Clocks Event Reasons\n"
        "            Idle                              : Not Active\n"
        "            HW Slowdown                       : Active\n"
    )
    assert snapshot_of(text).gpus[0].throttle_reasons == 0x8


def test_lines_around_the_report_are_left_to_others():
    text = f"RuntimeError: no kernel image is available\n{A100}\nPyTorch version: 2.1.0\nThanks\n"
    snapshot = snapshot_of(text)
    assert snapshot.torch.version == "2.1.0"
    assert any("no kernel image" in line for line in snapshot.paste.said)
