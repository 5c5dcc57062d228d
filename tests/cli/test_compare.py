"""``gpubench compare``, ``baseline`` and ``history`` from the command line."""

import dataclasses
import json
import os
import time

import pytest

pytest.importorskip("pandas")

from gpubench import codec
from gpubench.bench.record import RecordWriter
from gpubench.cli.app import main
from gpubench.gate.calibration import derive, path_of, write
from tests.fakes.pytest_benchmark import file
from tests.fakes.sessions import GPU, header, run, sessions

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """Each test has a working folder of its own: calibrations are looked for there."""
    monkeypatch.chdir(tmp_path)


def keep(folder, days, **changes):
    """Records of a side under a folder."""
    for day in days:
        found = run(day, **changes)
        writer = RecordWriter.create(folder / f"run{day}", found.header)
        for line in found.lines:
            writer.append(line)
    return str(folder)


@pytest.fixture
def sides(tmp_path):
    def make(**changes):
        old = keep(tmp_path / "old", (1, 2, 3, 4))
        return old, keep(tmp_path / "new", (11, 12, 13, 14), **changes)

    return make


def said(capsys):
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out, captured.err


@pytest.mark.parametrize(
    ("changes", "status"), [({}, 0), ({"slower": 0.06}, 1), ({"between": 0.2}, 4)]
)
def test_the_verdict_is_the_exit_status(sides, capsys, changes, status):
    assert main(["compare", *sides(**changes)]) == status
    assert said(capsys)[0]


@pytest.mark.parametrize(("asked", "status"), [("fail", 4), ("warn", 0), ("pass", 0)])
def test_not_knowing_is_what_the_caller_says_it_is(sides, capsys, asked, status):
    assert main(["compare", *sides(between=0.2), "--on-inconclusive", asked]) == status
    out, err = said(capsys)
    assert out.startswith("INCONCLUSIVE")
    assert ("warning" in err) == (asked == "warn")


def test_one_record_a_side_is_shown_and_refused(tmp_path, capsys):
    old, new = keep(tmp_path / "a", [1]), keep(tmp_path / "b", [2])
    assert main(["compare", f"{old}/run1", f"{new}/run2/record.jsonl"]) == 5
    out, _ = said(capsys)
    assert out.startswith("NOT-COMPARABLE")
    assert "calibrate" in out


def test_a_calibration_in_its_place_is_used(tmp_path, capsys):
    old, new = keep(tmp_path / "a", [1]), keep(tmp_path / "b", [2], slower=0.06)
    known = derive(sessions(range(1, 10)))
    write(path_of(tmp_path / "reports" / "calibrations", known.machine), known)
    assert main(["compare", old, new]) == 1
    said(capsys)


def test_a_calibration_of_another_machine_is_refused(sides, tmp_path, capsys):
    path = tmp_path / "calibration.json"
    write(path, derive(sessions((1, 2, 3), device=GPU)))
    assert main(["compare", *sides(), "--calibration", str(path)]) == 5
    assert "another machine" in said(capsys)[1]


@pytest.mark.parametrize("name", ["json", "junit", "markdown", "github-benchmark"])
def test_stdout_holds_the_answer_alone(sides, capsys, name):
    main(["compare", *sides(slower=0.06), "--format", name])
    out, err = said(capsys)
    assert err == ""
    if name in ("json", "github-benchmark"):
        json.loads(out)


def test_the_answer_may_go_to_a_file(sides, tmp_path, capsys):
    answer = tmp_path / "answer.json"
    assert main(["compare", *sides(), "--format", "json", "--output", str(answer)]) == 0
    assert said(capsys)[0] == ""
    assert json.loads(answer.read_text())["verdict"] == "PASS"


def test_a_missing_baseline_says_what_to_do(sides, capsys):
    _, new = sides()
    assert main(["compare", "nowhere", new]) == 2
    assert "gpubench baseline set" in said(capsys)[1]


@pytest.mark.parametrize(
    "options",
    [
        ("--tolerance", "zero"),
        ("--tolerance", "speed=3%"),
        ("--on-inconclusive", "maybe"),
        ("--format", "yaml"),
        ("--calibration", "nowhere"),
        ("--max-age", "0"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_two(sides, capsys, options):
    assert main(["compare", *sides(), *options]) == 2
    out, err = said(capsys)
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\x00\xff",
        b'{"schema": "gpubench.run/9"}\n',
        b'{"schema": "gpubench.run/1"}\n',
        b'{"schema": "gpubench.doctor/1"}',
        b'{"benchmarks": [], "machine_info": {}}',
        b'{"a": 1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
@pytest.mark.parametrize("name", ["record.jsonl", "file.json", "file"])
def test_what_is_no_record_is_one_line_and_status_two(sides, tmp_path, capsys, content, name):
    _, new = sides()
    path = tmp_path / name
    path.write_bytes(content)
    assert main(["compare", str(path), new]) == 2
    assert main(["compare", new, str(path)]) == 2
    out, err = said(capsys)
    assert (out, err.count("\n")) == ("", 2)


def test_an_empty_folder_is_status_two(sides, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["compare", str(tmp_path / "empty"), sides()[1]]) == 2
    assert "no record" in said(capsys)[1]


def test_a_folder_that_may_not_be_read_is_status_two(sides, tmp_path, capsys):
    place = tmp_path / "pipe"
    os.mkfifo(place)
    assert main(["compare", str(place), sides()[1]]) == 2
    said(capsys)


def test_a_torn_record_is_compared_and_said(sides, tmp_path, capsys):
    old, new = sides()
    path = tmp_path / "new" / "run11" / "record.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    assert main(["compare", old, new]) == 0
    assert "cut short" in said(capsys)[0]


def test_pytest_benchmark_is_compared(tmp_path, capsys):
    for side, factor in (("a", 1.0), ("b", 1.2)):
        (tmp_path / side).mkdir()
        for day in (1, 2, 3):
            plain = file(day, factor * (1 + 0.001 * day))
            (tmp_path / side / f"{day}.json").write_text(json.dumps(plain))
    assert main(["compare", "a", "b"]) == 1
    assert main(["compare", "a/1.json", "b/1.json"]) == 4
    assert main(["compare", "a", "a"]) == 0
    said(capsys)


# -- baselines ------------------------------------------------------------------------------------


def test_a_baseline_is_set_shown_compared_with_and_pruned(sides, capsys):
    old, new = sides(slower=0.06)
    records = [f"{old}/run{day}" for day in (1, 2, 3, 4)]
    assert main(["baseline", "set", *records]) == 0
    assert main(["baseline", "show"]) == 0
    assert "4 sessions" in said(capsys)[0]
    age = ["--max-age", "100000"]
    assert main(["compare", "reports/baselines", new, *age]) == 1
    assert main(["compare", "reports/baselines/a-cpu/deit.json", new, *age]) == 1
    assert main(["baseline", "prune", "--older-than", "100000"]) == 0
    assert main(["baseline", "show"]) == 0


def test_no_baseline_for_this_model_says_what_to_do(sides, tmp_path, capsys):
    old, _ = sides()
    other = keep(tmp_path / "gpu", (5,), device=GPU)
    main(["baseline", "set", f"{old}/run1"])
    assert main(["compare", "reports/baselines", other]) == 2
    assert "gpubench baseline set" in said(capsys)[1]


@pytest.mark.parametrize("command", ["show", "prune"])
def test_no_baselines_is_status_two(capsys, command):
    assert main(["baseline", command]) == 2
    assert "gpubench baseline set" in said(capsys)[1]


def test_an_old_baseline_is_refused_and_pruned(tmp_path, capsys):
    old = header(1).created.replace("2026", "2020")
    found = run(1)
    head = dataclasses.replace(found.header, created=old)
    writer = RecordWriter.create(tmp_path / "ancient", head)
    for line in found.lines:
        writer.append(line)
    main(["baseline", "set", "ancient"])
    new = keep(tmp_path / "new", (11, 12, 13))
    assert main(["compare", "reports/baselines", new]) == 2
    assert main(["compare", "reports/baselines/a-cpu/deit.json", new]) == 2
    assert "days old" in said(capsys)[1]
    assert main(["baseline", "prune", "--dry-run"]) == 0
    assert main(["baseline", "show"]) == 0
    assert main(["baseline", "prune"]) == 0
    assert main(["baseline", "show"]) == 2


# -- history --------------------------------------------------------------------------------------


def test_a_history_is_a_table_and_a_plot(sides, capsys):
    old, new = sides(slower=0.5)
    assert main(["history", old, new, "--suite", "deit"]) == 0
    out, _ = said(capsys)
    assert "8 records" in out
    assert out.count("●") == 8


def test_a_history_as_data_has_no_plot(sides, capsys):
    assert main(["history", *sides(), "--suite", "deit", "--format", "json"]) == 0
    rows = json.loads(said(capsys)[0])["tables"][0]["rows"]
    assert len(rows) == 8


@pytest.mark.parametrize(
    "options",
    [("--suite", "dait"), ("--suite", "deit", "--mode", "fp8"), ("--suite", "bert-ner")],
)
def test_a_history_of_nothing_is_status_two(sides, capsys, options):
    assert main(["history", *sides(), *options]) == 2
    said(capsys)


# -- speed ----------------------------------------------------------------------------------------


def test_a_thousand_cells_are_compared_in_seconds(tmp_path, capsys):
    """The issue asks for 2 s; the bound here leaves room for a busy machine."""
    for side in ("a", "b"):
        found = run(1 if side == "a" else 2, processes=3)
        writer = RecordWriter.create(tmp_path / side, found.header)
        lines = [
            codec.to_json(dataclasses.replace(line, variant=f"batch {n}"))
            for n in range(1_000)
            for line in found.lines
        ]
        with writer.path.open("a") as stream:
            stream.write("\n".join(lines) + "\n")
    began = time.process_time()
    assert main(["compare", "a", "b", "--format", "json"]) == 5
    assert time.process_time() - began < 6
    assert len(json.loads(said(capsys)[0])["verdicts"]) == 2_000
