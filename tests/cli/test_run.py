"""``gpubench run`` as a user has it: real models, real files, interrupted and resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("timm")
pytest.importorskip("transformers")

from gpubench.bench.job import Subject
from gpubench.bench.record import read_record
from tests.suites.test_images import picture, truncate

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]

QUICK = ["--preset", "smoke", "--device", "cpu", "--processes", "1", "--seconds", "0.2"]


def command(*arguments):
    return [sys.executable, "-m", "gpubench", "run", *map(str, arguments)]


def run(*arguments):
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False)


def test_deit_trains_on_photographs_and_counts_what_it_skipped(tmp_path):
    for index in range(12):
        picture(tmp_path / "photos" / "ab"[index % 2] / f"{index}.jpg", seed=index % 2)
    truncate(tmp_path / "photos" / "a" / "0.jpg")
    (tmp_path / "photos" / "notes.txt").write_text("not an image")
    output = tmp_path / "run"
    done = run(
        "--suite", "deit", "--data", tmp_path / "photos", "--modes", "fp32,tf32,amp-bf16",
        "--output", output, "--format", "json", *QUICK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (table,) = json.loads(done.stdout)["tables"]
    assert [row["state"] for row in table["rows"]] == ["ok", "not-supported", "ok"]
    assert table["rows"][0]["loss_last"] < table["rows"][0]["loss_first"]
    assert table["rows"][2]["parity_holds"] is True
    assert "11 read, 1 unreadable and skipped, 1 other file skipped" in table["about"][-1]
    record = read_record(output)
    assert record.workloads[Subject("deit")].survey["images_found"] == 12
    assert record.measured(Subject("deit"), "fp32")[0].data["images_read"] > 0
    assert str(tmp_path) not in (output / "record.jsonl").read_text()


def test_bert_trains_on_sentences_and_counts_what_it_cut(tmp_path):
    sentence = "".join(
        f"{char}\t{label}\n" for char, label in zip("中国人", ["B-LOC", "I-LOC", "O"], strict=True)
    )
    long = "的\tO\n" * 2427
    (tmp_path / "train.bio").write_text((sentence + "\n") * 50 + long)
    output = tmp_path / "run"
    done = run(
        "--suite", "bert-ner", "--data", tmp_path / "train.bio", "--modes", "fp32",
        "--output", output, *QUICK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "51 sentences read (2 577 words, longest 2427), 1 truncated" in done.stdout
    assert "tokenizer: built from the data" in done.stdout
    assert "sentences/s" in (output / "table.md").read_text()


def test_a_label_file_that_does_not_align_is_one_line_and_leaves_nothing(tmp_path):
    (tmp_path / "train.bio").write_text("中\tO\n国\n")
    output = tmp_path / "run"
    done = run("--suite", "bert-ner", "--data", tmp_path / "train.bio", "--output", output, *QUICK)
    assert done.returncode == 2
    said = done.stderr.splitlines()[-1]
    assert "train.bio, line 2: one column; a word and its label are expected" in said
    assert done.stdout == ""
    assert not output.exists()


def test_a_missing_data_folder_is_one_line(tmp_path):
    done = run("--suite", "deit", "--data", tmp_path / "no", "--output", tmp_path / "run", *QUICK)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("no such folder")


def test_a_torch_that_aborts_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("import os; os.abort()")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{Path.cwd()}")
    done = run("--suite", "deit", "--output", tmp_path / "run", *QUICK)
    assert done.returncode == 2
    assert "deit cannot be trained: the process was killed by SIGABRT" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("--suite", "deit", "--output", tmp_path / "file" / "run", *QUICK)
    assert done.returncode == 2
    assert "cannot write" in done.stderr


def begun(output, *arguments, kind=b"measurement"):
    """A run in a process of its own, as soon as its record holds a line of that kind."""
    child = subprocess.Popen(
        command("--suite", "deit", "--modes", "fp32,amp-bf16", "--output", output, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    record = output / "record.jsonl"
    ends = time.monotonic() + 120
    while not record.exists() or b'"kind": "%s"' % kind not in record.read_bytes():
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < ends
        time.sleep(0.1)
    return child


def test_ctrl_c_keeps_what_was_measured_and_the_printed_command_goes_on(tmp_path):
    output = tmp_path / "run"
    child = begun(output, *QUICK)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert len(read_record(output).measurements) == 1
    assert "Traceback" not in said
    _, _, again = said.splitlines()[-1].partition("go on with: gpubench ")
    assert again.endswith("--resume")
    changed = run("--suite", "deit", "--output", output, "--resume", *QUICK)
    assert changed.returncode == 2
    assert "begun with other options" in changed.stderr
    done = subprocess.run(
        [sys.executable, "-m", "gpubench", *again.split()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [m.mode for m in read_record(output).measurements] == ["fp32", "amp-bf16"]


def test_a_parent_killed_outright_leaves_its_record_and_no_process(tmp_path):
    output = tmp_path / "run"
    child = begun(output, *QUICK)
    ends = time.monotonic() + 60
    while not (children := _children(child.pid)) and time.monotonic() < ends:
        time.sleep(0.01)
    child.kill()
    child.communicate()
    assert children
    ends = time.monotonic() + 10
    while any(map(_is_alive, children)) and time.monotonic() < ends:
        time.sleep(0.1)
    assert not any(map(_is_alive, children))
    assert len(read_record(output).measurements) == 1


def _children(pid):
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_an_environment_that_changed_is_not_gone_on_with(tmp_path):
    output = tmp_path / "run"
    child = begun(output, *QUICK, kind=b"workload")
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    assert child.returncode == 130
    record = output / "record.jsonl"
    header, _, rest = record.read_text().partition("\n")
    changed = json.dumps({**json.loads(header), "environment": "0" * 64})
    record.write_text(f"{changed}\n{rest}")
    done = run(
        "--suite", "deit", "--modes", "fp32,amp-bf16", "--output", output, *QUICK, "--resume"
    )
    assert done.returncode == 5
    assert "environment has changed" in done.stderr


def test_ceilings_are_a_suite_with_a_table_of_its_own(tmp_path):
    output = tmp_path / "run"
    done = run("--suite", "ceilings", "--output", output, "--format", "json", *QUICK)
    assert done.returncode == 0, done.stderr
    (table,) = json.loads(done.stdout)["tables"]
    states = {row["ceiling"]: row["state"] for row in table["rows"]}
    assert (states["gemm-float32"], states["memory-triad"], states["launch"]) == ("ok",) * 3
    assert states["to-device-pinned"] == states["all-reduce"] == "not-supported"
    rates = {row["ceiling"]: row["measured"] for row in table["rows"]}
    assert rates["gemm-float32"] > 1e9
    assert rates["memory-copy"] > 1e8
    assert 1e-8 < rates["launch"] < 1e-2


def test_the_ceilings_of_a_gpu_that_is_not_there_are_one_line(tmp_path):
    if any(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("there is a GPU")
    done = run("--suite", "ceilings", "--preset", "smoke", "--device", "cuda", "--output",
               tmp_path / "run")  # fmt: skip
    assert done.returncode == 2
    assert "--device cpu measures the CPU" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_the_loader_tier_times_windows_over_seeded_sentences_and_trains_nothing(tmp_path):
    output = tmp_path / "run"
    done = run(
        "--suite", "bert-ner", "--tier", "loader", "--workers", "1", "--lengths", "bucketed",
        "--long", "window", "--output", output, "--format", "json", *QUICK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (table,) = json.loads(done.stdout)["tables"]
    assert [row["workers"] for row in table["rows"]] == [0, 1]
    assert all(row["items_per_second"] > 0 for row in table["rows"])
    assert all(
        0 < row["real_tokens_per_second"] < row["padded_tokens_per_second"] for row in table["rows"]
    )
    record = read_record(output)
    survey = record.workloads[Subject("bert-ner")].survey
    assert (survey["words_cut"], record.measurements) == (0, ())
    assert survey["sentences_windowed"] > 0


def test_a_run_from_files_says_which_side_bounds_it(tmp_path):
    for index in range(8):
        picture(tmp_path / "photos" / "ab"[index % 2] / f"{index}.jpg", seed=index)
    output = tmp_path / "run"
    done = run(
        "--suite", "deit", "--data", tmp_path / "photos", "--workers", "0", "--modes", "fp32",
        "--output", output, "--format", "json", *QUICK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["tables"][0]["rows"]
    assert row["bound_by"] in ("input", "device", "neither", "contention")
    assert 0 < row["waiting_share"] < 1
    assert row["device_samples_per_second"] > 0
    assert row["loader_samples_per_second"] > 0
    assert row["cores_to_feed_device"] > 0
    again = run(
        "--suite", "deit", "--data", tmp_path / "photos", "--workers", "1", "--modes", "fp32",
        "--output", output, "--resume", *QUICK,
    )  # fmt: skip
    assert again.returncode == 2
    assert "begun with other options" in again.stderr
