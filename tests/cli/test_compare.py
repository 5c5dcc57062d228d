"""``gpubench compare``, ``baseline`` and ``history`` from the command line."""

import dataclasses
import datetime
import json
import os
import shutil
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


def planned(folder, lines=(), **plan):
    """A record of a run that was asked for something else, at a folder."""
    found = run(1)
    plan = dataclasses.replace(found.header.plan, **plan)
    writer = RecordWriter.create(folder, dataclasses.replace(found.header, plan=plan))
    for line in lines:
        writer.append(line)
    return str(folder)


@pytest.mark.parametrize(
    "asked", [{}, {"suites": ("ceilings",)}, {"modes": (), "tier": "loader"}]
)  # begun and ended at once; a machine's ceilings; a loader alone
def test_a_record_in_which_nothing_was_trained_is_status_two(sides, tmp_path, capsys, asked):
    facts = run(1).lines[:1] if asked.get("tier") else ()
    bare, new = planned(tmp_path / "bare", facts, **asked), sides()[1]
    assert main(["compare", bare, new]) == 2
    assert main(["compare", new, bare]) == 2
    out, err = said(capsys)
    assert (out, err.count("nothing was trained in it")) == ("", 2)


def test_backup_copies_in_a_folder_are_no_sessions(tmp_path, capsys):
    """Taken for sessions they would have no variance, and prove anything."""
    for side, day, slower in (("a", 1, 0.0), ("b", 11, 0.04)):
        found = run(day, slower=slower)
        for copy in ("run", "backup", "backup2"):
            writer = RecordWriter.create(tmp_path / side / copy, found.header)
            for line in found.lines:
                writer.append(line)
    assert main(["compare", "a", "b"]) == 5
    assert "given 3 times" in said(capsys)[0]
    assert main(["baseline", "set", "a/run", "a/backup", "a/backup2"]) == 0
    assert "1 session" in said(capsys)[0]


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


@pytest.mark.parametrize("place", [".", "reports/baselines/a-cpu", "copy"])
def test_an_old_baseline_is_refused_wherever_it_is_reached_from(
    tmp_path, capsys, monkeypatch, place
):
    keep(tmp_path / "old", (1, 2, 3))
    main(["baseline", "set", *(f"old/run{day}" for day in (1, 2, 3))])
    new = keep(tmp_path / "new", (11, 12, 13))
    if place == "copy":
        shutil.copytree("reports/baselines/a-cpu", "copy")
    else:
        monkeypatch.chdir("reports/baselines/a-cpu" if place == "." else ".")
    reached = "deit.json" if place == "." else place
    later = datetime.datetime(2027, 6, 1, tzinfo=datetime.timezone.utc)
    monkeypatch.setattr("gpubench.cli.compare.today", lambda: later)
    assert main(["compare", reached, new]) == 2
    assert "days old" in said(capsys)[1]


@pytest.mark.parametrize("suite", ["../../../x/pwned", "/tmp/pwned", "a/b", "", "\x1b[31mred"])
def test_no_suite_s_name_leads_out_of_the_folder(tmp_path, capsys, suite):
    found = run(1)
    (tmp_path / "kept").mkdir()
    lines = [dataclasses.replace(line, suite=suite) for line in found.lines]
    record = planned(tmp_path / "hostile", lines, suites=(suite,))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["baseline", "set", record, "--folder", "kept"]) == 0
    (new,) = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert new.parent == tmp_path / "kept" / "a-cpu"
    assert main(["compare", "kept", record, "--max-age", "100000"]) == 5
    assert "\x1b" not in said(capsys)[0]


def test_prune_leaves_files_of_others_alone(tmp_path, capsys):
    (tmp_path / ".benchmarks" / "Linux").mkdir(parents=True)
    other = tmp_path / ".benchmarks" / "Linux" / "0001.json"
    other.write_text(json.dumps(file(1) | {"datetime": "2020-01-01T00:00:00+00:00"}))
    assert main(["baseline", "prune", "--folder", ".benchmarks", "--older-than", "1"]) == 2
    main(["baseline", "set", keep(tmp_path / "old", (1,)) + "/run1", "--folder", ".benchmarks"])
    assert main(["baseline", "prune", "--folder", ".benchmarks"]) == 0
    assert other.exists()
    said(capsys)


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


def test_a_history_shows_words_and_marks_where_a_table_does(tmp_path, capsys):
    for day, state in enumerate(("ok", "invalid", "unstable", "ok"), start=1):
        keep(tmp_path / "all", [day], state=state)
    assert main(["history", "all", "--suite", "deit"]) == 0
    table = said(capsys)[0].partition("notes")[0].splitlines()
    lines = [line for line in table if "2026-11-0" in line][:4]
    assert ["~" in line for line in lines] == [False, False, True, True]
    assert ["invalid" in line for line in lines] == [False, True, False, False]
    assert main(["history", "all", "--suite", "deit", "--format", "json"]) == 0
    rows = json.loads(said(capsys)[0])["tables"][0]["rows"]
    assert [row["state"] for row in rows] == ["ok", "invalid", "unstable", "ok"]
    assert [row["samples_per_second"] is None for row in rows] == [False, True, False, False]
    assert {row["batch_size"] for row in rows} == {8}


def test_a_history_without_any_figure_says_why(tmp_path, capsys):
    keep(tmp_path / "all", [1], state="invalid", reason="NaN")
    assert main(["history", "all", "--suite", "deit"]) == 2
    assert "invalid: NaN" in said(capsys)[1]


# -- speed ----------------------------------------------------------------------------------------


def test_a_thousand_cells_are_compared_in_seconds(tmp_path, capsys):
    """The issue asks for 2 s; the bound here leaves room for a busy machine."""
    for side in ("a", "b"):
        found = run(1 if side == "a" else 2, processes=3)
        names = tuple(f"batch {n}" for n in range(1_000))
        plan = dataclasses.replace(found.header.plan, variants=names)
        head = dataclasses.replace(found.header, plan=plan)
        writer = RecordWriter.create(tmp_path / side, head)
        lines = [
            codec.to_json(dataclasses.replace(line, variant=name))
            for name in names
            for line in found.lines
        ]
        with writer.path.open("a") as stream:
            stream.write("\n".join(lines) + "\n")
    began = time.process_time()
    assert main(["compare", "a", "b", "--format", "json"]) == 5
    assert time.process_time() - began < 6
    assert len(json.loads(said(capsys)[0])["verdicts"]) == 2_000
