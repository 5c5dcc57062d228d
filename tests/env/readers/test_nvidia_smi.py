import textwrap

import pytest

from gpubench.checks.facts import capability
from gpubench.checks.inventory import all_answer
from gpubench.checks.outcome import Status
from gpubench.env.redact import anonymous
from gpubench.versions import Version
from tests.env.readers.smi import output, snapshot_of, without_volatile

MIB = 2**20
A100 = output("table_r470_a100.txt")
TABLES = (
    "table_r340_k40.txt",
    "table_r418_truncated.txt",
    "table_r470_a100.txt",
    "table_r535_err.txt",
    "table_r550_mig.txt",
    "table_r610_windows.txt",
)


# -- the table --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "driver", "cuda"),
    [
        ("table_r340_k40.txt", "340.29", None),
        ("table_r418_truncated.txt", "418.67", "10.1"),
        ("table_r470_a100.txt", "470.57.02", "11.4"),
        ("table_r535_err.txt", "535.104.05", "12.2"),
        ("table_r550_mig.txt", "550.54.15", "12.4"),
        ("table_r610_windows.txt", "610.43", "13.3"),
    ],
)
def test_the_head_of_every_generation_names_driver_and_cuda(name, driver, cuda):
    snapshot = snapshot_of(output(name))
    assert snapshot.source == "nvidia_smi"
    assert snapshot.driver.version == driver
    assert snapshot.driver.nvml.cuda_version == cuda
    assert snapshot.driver.nvml.code == 0


@pytest.mark.parametrize("name", [name for name in TABLES if "err" not in name])
def test_a_whole_table_is_understood_line_by_line(name):
    snapshot = snapshot_of(output(name))
    assert snapshot.paste.unread_line_count == 0
    assert not snapshot.paste.is_cut
    assert snapshot.driver.nvml.device_count == len(snapshot.gpus)


def test_two_lines_of_the_table_describe_a_gpu():
    first, second = snapshot_of(A100).gpus
    assert (first.index, first.pci_address, first.persistence) == (0, "00000000:07:00.0", True)
    assert (first.memory_used_bytes, first.memory_bytes) == (1404 * MIB, 40537 * MIB)
    assert (first.temperature_c, first.power_w, first.power_limit_w) == (34, 58.0, 400.0)
    assert (first.ecc_enabled, first.ecc_uncorrected_volatile) == (True, 0)
    assert second.ecc_uncorrected_volatile == 2


def test_what_the_table_marks_as_not_there_is_none():
    gpu = snapshot_of(output("table_r418_truncated.txt")).gpus[0]
    assert gpu.ecc_enabled is None
    assert gpu.ecc_uncorrected_volatile is None
    assert gpu.mig_enabled is None


@pytest.mark.parametrize(
    ("name", "index", "mode"),
    [
        ("table_r340_k40.txt", 0, "exclusive-process"),
        ("table_r418_truncated.txt", 1, "prohibited"),
        ("table_r470_a100.txt", 0, "default"),
    ],
)
def test_the_compute_mode_is_read_in_its_short_forms(name, index, mode):
    assert snapshot_of(output(name)).gpus[index].compute_mode == mode


def test_a_driver_model_is_no_persistence_mode():
    gpu = snapshot_of(output("table_r610_windows.txt")).gpus[0]
    assert gpu.name == "NVIDIA GeForce RTX 4090"
    assert gpu.persistence is None
    assert gpu.ecc_enabled is False


def test_programs_that_compute_are_counted_and_never_named():
    snapshot = snapshot_of(output("table_r418_truncated.txt"))
    assert [gpu.process_count for gpu in snapshot.gpus] == [1, 0]
    assert "viewer" not in repr(snapshot)
    assert "Xorg" not in repr(snapshot)


def test_a_gpu_that_lists_no_processes_has_no_count():
    assert [gpu.process_count for gpu in snapshot_of(output("table_r340_k40.txt")).gpus] == [
        1,
        None,
    ]


def test_mig_devices_are_counted_by_gpu():
    first, second = snapshot_of(output("table_r550_mig.txt")).gpus
    assert (first.mig_enabled, first.mig_instances) == (True, 2)
    assert (second.mig_enabled, second.mig_instances) == (True, 0)


def test_a_star_is_a_mode_that_changes_with_the_next_reset():
    first, second = snapshot_of(A100).gpus
    assert (first.mig_enabled, first.mig_pending) == (False, True)
    assert (second.mig_enabled, second.mig_pending) == (False, False)


def test_an_error_in_a_cell_is_unread_and_its_line_stays_to_be_judged():
    snapshot = snapshot_of(output("table_r535_err.txt"))
    assert snapshot.unread["gpus.1.power_w"] == "nvidia-smi: ERR!"
    assert snapshot.gpus[1].temperature_c == 49
    assert "gpus.0.power_w" not in snapshot.unread
    assert snapshot.paste.unread_line_count == 4


def test_a_gpu_that_does_not_tell_its_name_cannot_be_used():
    snapshot = snapshot_of(output("table_r535_err.txt"))
    assert snapshot.gpus[2].name is None
    assert all_answer(snapshot).status is Status.FAIL


# -- names that were cut ------------------------------------------------------------------------


def test_a_name_that_was_cut_short_still_tells_the_capability():
    gpu = snapshot_of(A100).gpus[0]
    assert gpu.name == "NVIDIA A100-SXM"
    assert capability(gpu) == Version.parse("8.0")


def test_a_cut_number_tells_the_series_of_the_gpu():
    first, second = snapshot_of(output("table_r418_truncated.txt")).gpus
    assert capability(first) == Version.parse("7.5")
    assert capability(second) is None


def test_another_list_in_the_paste_completes_the_name():
    name = "NVIDIA A100-SXM4-40GB"
    listed = f"GPU models and configuration: \nGPU 0: {name}\nGPU 1: {name}\n"
    gpus = snapshot_of(f"{listed}\nNvidia driver version: 470.57.02\n{A100}").gpus
    assert [gpu.name for gpu in gpus] == [name] * 2
    assert gpus[0].memory_bytes == 40537 * MIB


def test_a_cut_name_is_completed_by_the_list_of_the_same_index():
    table = A100.replace("NVIDIA A100-SXM...", "NVIDIA GeForce ...")
    listed = "GPU 0: NVIDIA GeForce RTX 3090\nGPU 1: NVIDIA GeForce RTX 4090\n"
    gpus = snapshot_of(f"GPU models and configuration:\n{listed}\n{table}").gpus
    assert [gpu.name for gpu in gpus] == ["NVIDIA GeForce RTX 3090", "NVIDIA GeForce RTX 4090"]


def test_two_tables_of_a_machine_count_its_programs_once():
    assert snapshot_of(A100 + A100).gpus == snapshot_of(A100).gpus
    mig = output("table_r550_mig.txt")
    assert snapshot_of(mig + mig).gpus == snapshot_of(mig).gpus


# -- what pasting does to a table -----------------------------------------------------------------


def bent(how):
    lines = A100.splitlines()
    return "\n".join(how(line) for line in lines)


PASTED = {
    "fenced": f"It hangs:\n```\n{A100}```\nAny idea?",
    "quoted": bent(lambda line: f"> {line}"),
    "twice quoted": bent(lambda line: f"> > {line}"),
    "entities": A100.replace("|", "&#124;"),
    "escaped": A100.replace("|", "\\|"),
    "drawn": A100.replace("|", "│")
    .replace("-", "─")
    .replace("NVIDIA─SMI", "NVIDIA-SMI")
    .replace("A100─SXM", "A100-SXM"),
    "blanks collapsed": bent(lambda line: " ".join(line.split())),
    "indented": textwrap.indent(A100, "      "),
    "crlf": A100.replace("\n", "\r\n"),
    "coloured": bent(lambda line: f"\x1b[32m{line}\x1b[0m"),
    "without the first bar": bent(lambda line: line.removeprefix("|")),
    "in Chinese": f"## 环境\n显卡信息如下：\n{A100}\n请问怎么解决？驱动版本没有问题。",
    "in one line": " ".join(A100.split()),
    "wrapped": bent(lambda line: "\n".join(textwrap.wrap(line, 60, drop_whitespace=False))),
}


@pytest.mark.parametrize("pasted", PASTED.values(), ids=PASTED.keys())
def test_a_table_survives_pasting(pasted):
    gpus = snapshot_of(pasted).gpus
    assert without_volatile(gpus) == without_volatile(snapshot_of(A100).gpus)
    assert [gpu.temperature_c for gpu in gpus] == [34, 33]
    assert snapshot_of(pasted).driver.version == "470.57.02"


@pytest.mark.parametrize("length", range(0, len(A100), 97))
def test_a_table_may_break_off_anywhere(length):
    cut = A100[:length]
    if "Driver Version: 470.57.02 " not in cut:
        return
    snapshot = snapshot_of(cut)
    assert snapshot.driver.version == "470.57.02"
    assert len(snapshot.gpus) <= 2


def test_a_row_without_its_second_line_is_a_cut_table():
    cut = A100[: A100.index("| N/A   34C")]
    snapshot = snapshot_of(cut)
    assert snapshot.paste.is_cut
    assert snapshot.gpus[0].name == "NVIDIA A100-SXM"
    assert snapshot.driver.nvml.device_count is None


def test_rows_without_their_head_are_gpus():
    rows = A100[A100.index("|   0  NVIDIA") : A100.index("| Processes")]
    assert len(snapshot_of(rows).gpus) == 2


def test_a_header_in_a_sentence_names_the_driver():
    text = "I run NVIDIA-SMI 460.32.03 Driver Version: 460.32.03 CUDA Version: 11.2 here"
    assert snapshot_of(text).driver.version == "460.32.03"


# -- errors ---------------------------------------------------------------------------------------

LOST = (
    "Unable to determine the device handle for GPU{}: GPU is lost.  "
    "Reboot the system to recover this GPU"
)


def test_a_lost_gpu_with_its_index_is_that_gpu_and_the_line_stays():
    text = f"{A100}\n{LOST.format('1: 0000:0F:00.0')}\n"
    snapshot = snapshot_of(text)
    assert snapshot.gpus[1].error_code == 15
    assert snapshot.paste.unread_line_count == 1
    assert all_answer(snapshot).status is Status.FAIL


def test_a_lost_gpu_is_known_by_its_address():
    snapshot = snapshot_of(f"{A100}\n{LOST.format(' 0000:0f:00.0')}\n")
    assert [gpu.error_code for gpu in snapshot.gpus] == [None, 15]


def test_a_lost_gpu_without_an_index_is_given_none():
    snapshot = snapshot_of(f"Driver Version: 535\n{LOST.format('0000:17:00.0')}\n{HEAD_ALONE}")
    assert snapshot.gpus == ()


HEAD_ALONE = "| NVIDIA-SMI 535.129.03   Driver Version: 535.129.03   CUDA Version: 12.2     |"


@pytest.mark.parametrize(
    "error",
    [
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
        "Failed to initialize NVML: Driver/library version mismatch",
        "NVML library version: 535.129",
        "Failed to initialize NVML: Unknown Error",
        "No devices were found",
    ],
)
def test_errors_stay_for_those_who_know_them(error):
    snapshot = snapshot_of(f"{HEAD_ALONE}\n{error}\n")
    assert snapshot.paste.unread_line_count == 1


def test_no_devices_is_a_count():
    assert snapshot_of(f"{HEAD_ALONE}\nNo devices were found\n").driver.nvml.device_count == 0


# -- lists ----------------------------------------------------------------------------------------


def test_the_list_gives_names_and_hashed_uuids():
    first, second = snapshot_of(output("list_mig.txt")).gpus
    assert first.name == second.name == "NVIDIA A100-SXM4-80GB"
    assert first.uuid == anonymous("GPU-0a1b2c3d-0000-4e5f-8a9b-0123456789ab")
    assert (first.mig_enabled, first.mig_instances) == (True, 2)
    assert second.mig_enabled is None


def test_no_uuid_of_the_list_is_kept():
    assert "0123456789ab" not in repr(snapshot_of(output("list_mig.txt")))


@pytest.mark.parametrize("name", ["topo_m.txt", "nvlink_s.txt", "list_mig.txt", "query_gpu.csv"])
def test_every_line_of_a_list_is_understood(name):
    assert snapshot_of(output(name)).paste.unread_line_count == 0


def test_columns_are_read_by_their_head():
    first, second = snapshot_of(output("query_gpu.csv")).gpus
    assert first.name == "NVIDIA H100 80GB HBM3"
    assert (first.pcie_width, first.pcie_width_max, second.pcie_width) == (16, 16, 8)
    assert (first.throttle_reasons, second.throttle_reasons) == (0x1, 0x48)
    assert (first.ecc_uncorrected_volatile, second.ecc_uncorrected_volatile) == (0, None)
    assert second.memory_bytes == 81559 * MIB


def test_columns_without_a_head_are_read_by_the_command():
    text = (
        "$ nvidia-smi --query-gpu=name,driver_version,remapped_rows.pending --format=csv,noheader\n"
        "NVIDIA A10, 535.54.03, No\nNVIDIA A10, 535.54.03, Yes\n"
    )
    snapshot = snapshot_of(text)
    assert [gpu.rows_pending for gpu in snapshot.gpus] == [False, True]
    assert snapshot.driver.version == "535.54.03"


def test_a_single_column_is_read():
    assert snapshot_of("driver_version\n535.54.03\n535.54.03\n").driver.version == "535.54.03"


def test_a_gpu_that_requires_a_reset_says_so_in_columns():
    text = (
        "index, temperature.gpu, memory.used [MiB]\n0, [GPU requires reset], 0 MiB\n1, 74, 9 MiB\n"
    )
    assert [gpu.error_code for gpu in snapshot_of(text).gpus] == [16, None]


def test_details_win_over_a_list_of_names():
    listed = "PyTorch version: 2.1.0\nGPU models and configuration: GPU 0: Tesla V100\n"
    gpu = snapshot_of(f"{listed}\n{output('rtx4090_q.txt')}").gpus[0]
    assert gpu.name == "NVIDIA GeForce RTX 4090"
