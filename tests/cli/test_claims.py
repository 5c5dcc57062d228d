"""``gpubench run --suite claims``: several ordinary runs, gone on with, and one table."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("pandas")
pytest.importorskip("scipy")

from gpubench.bench.record import read_record
from gpubench.bench.session import CannotTrain
from gpubench.cli import run as single
from gpubench.cli.app import main
from gpubench.cli.claim_parts import (
    ON_CPU,
    ON_GPU,
    PARTS,
    chosen_parts,
    left_out,
    plan_of,
    protocol_of,
    workload_of,
)
from gpubench.cli.claims import ClaimsRun, holds_claims, in_turn
from gpubench.errors import BadUsage, Interrupted
from tests.fakes.records import record, write

pytestmark = pytest.mark.torch

NAMES = [part.name for part in ON_CPU]
COMMAND = ["run", "--suite", "claims", "--device", "cpu", "--preset", "smoke"]


def quick(tmp_path, *arguments, kill=""):
    """The command in a process of its own, whose children answer at once."""
    (tmp_path / "pids").mkdir(exist_ok=True)
    return subprocess.run(
        [
            sys.executable, "-m", "tests.fakes.quick_cli", "run", "--suite", "claims",
            "--device", "cpu", "--output", str(tmp_path / "claims"), *arguments,
        ],
        env={
            **os.environ,
            "GPUBENCH_TEST_PIDS": str(tmp_path / "pids"),
            "GPUBENCH_TEST_KILL": kill,
        },
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip


def cells(folder):
    """What every part of a run measured."""
    return {
        name: sorted(
            (m.suite, m.variant, m.mode, m.process) for m in read_record(folder / name).measurements
        )
        for name in NAMES
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing ended, and what it said."""
    folder = tmp_path_factory.mktemp("whole")
    done = quick(folder, "--format", "json")
    assert done.returncode == 0, done.stderr
    return folder / "claims", done


def test_every_part_has_a_folder_with_a_record_and_tables_of_its_own(whole):
    folder, done = whole
    for name in NAMES:
        assert (folder / name / "table.txt").stat().st_size > 100
    measured = cells(folder)
    assert len(measured["vit-base-on-cpu"]) == 3
    assert {variant for _, variant, _, _ in measured["length"]} == {
        "128 tokens", "256 tokens", "512 tokens",
    }  # fmt: skip
    (table,) = json.loads(done.stdout)["tables"]
    assert {row["record"] for row in table["rows"]} >= {"length", "modes"}
    assert (folder / "table.json").read_text().strip() == done.stdout.strip()


def test_what_needs_a_gpu_is_left_out_with_words(whole):
    _, done = whole
    assert "left out, since they take a GPU: batch (F6), memory (F8), fed (F5)" in done.stderr


def test_a_report_of_the_folder_is_the_table_of_claims(whole, capsys):
    folder, done = whole
    assert main(["report", str(folder), "--format", "json"]) == 0
    assert capsys.readouterr().out == done.stdout


def test_a_report_holds_any_record_against_the_claims(tmp_path, capsys):
    write(tmp_path)
    assert main(["report", str(tmp_path), "--claims"]) == 0
    out = capsys.readouterr().out
    assert "claims of the source documents" in out
    assert "smoke shapes are not the model of the claim" in out or "no GPU" in out


def test_the_page_of_a_folder_has_the_claims_and_every_part(whole, tmp_path):
    pytest.importorskip("jinja2")
    folder, _ = whole
    page = tmp_path / "claims.html"
    assert main(["report", str(folder), "--format", "html", "--output", str(page)]) == 0
    text = page.read_text()
    assert "claims of the source documents" in text
    assert text.count("What it ran on") == len(NAMES)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--format", "junit"], "--claims is a table"),
        (["--price-per-hour", "2"], "--price-per-hour has no place"),
        (["--plot", "throughput"], "leave --claims out"),
    ],
)
def test_claims_have_no_price_no_export_and_no_plot(tmp_path, capsys, options, said):
    write(tmp_path)
    assert main(["report", str(tmp_path), "--claims", *options]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_with_a_record_of_its_own_is_no_folder_of_claims(tmp_path):
    write(tmp_path)
    (tmp_path / "modes").mkdir()
    write(tmp_path / "modes")
    assert not holds_claims(tmp_path)
    (tmp_path / "record.jsonl").unlink()
    assert holds_claims(tmp_path)


@pytest.mark.parametrize("kill", ["after:8", "during:20"])
def test_a_run_killed_between_parts_or_in_one_goes_on_to_the_same_cells(tmp_path, whole, kill):
    folder, _ = whole
    assert quick(tmp_path, kill=kill).returncode == -9
    done = quick(tmp_path, "--resume")
    assert done.returncode == 0, done.stderr
    assert cells(tmp_path / "claims") == cells(folder)


def test_a_finished_run_is_not_overwritten(whole, capsys):
    folder, _ = whole
    before = (folder / "length" / "record.jsonl").read_bytes()
    assert main([*COMMAND, "--parts", "length", "--output", str(folder)]) == 2
    assert (folder / "length" / "record.jsonl").read_bytes() == before
    assert "holds length already; go on with it by --resume" in capsys.readouterr().err


def test_a_run_gone_on_with_must_be_asked_the_same(whole, capsys):
    folder, _ = whole
    assert main([*COMMAND, "--output", str(folder), "--resume"]) == 2
    assert "begun with other options" in capsys.readouterr().err


def test_there_must_be_something_to_go_on_with(tmp_path, capsys):
    assert main([*COMMAND, "--output", str(tmp_path), "--resume"]) == 2
    assert "holds no run of claims to go on with" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--modes", "fp32"], "--modes: --suite claims chooses it"),
        (["--batch-size", "8"], "--batch-size: --suite claims chooses it"),
        (["--parts", "lenght"], "did you mean length"),
        (["--parts", "memory"], "no part of claims on cpu named 'memory'"),
        (["--preset", "smoky"], "did you mean smoke"),
        (["--budget", "soon"], "--budget soon"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_leaves_nothing(tmp_path, capsys, arguments, said):
    output = tmp_path / "run"
    command = ["run", "--suite", "claims", "--device", "cpu", "--output", str(output)]
    assert main([*command, *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not output.exists()


@pytest.mark.parametrize(
    ("suite", "said"),
    [("claims,deit", "run it alone"), ("deit", "--parts is of --suite claims")],
)
def test_claims_and_other_suites_do_not_go_together(capsys, suite, said):
    assert main(["run", "--suite", suite, "--parts", "length"]) == 2
    assert said in capsys.readouterr().err


def faked(monkeypatch, measured):
    """Let parts be measured by a function of the part's folder."""

    def measure(plan, protocol, workload, folder, snapshot, *, resume):
        answer = measured(folder.name)
        folder.mkdir(parents=True, exist_ok=True)
        write(folder)
        return answer or record()

    monkeypatch.setattr(single, "measure", measure)


def test_an_interruption_names_the_folder_of_all_parts(tmp_path, monkeypatch, capsys):
    def interrupted(part):
        if part == "length":
            raise Interrupted("of the part alone")

    faked(monkeypatch, interrupted)
    monkeypatch.setattr(sys, "argv", ["gpubench", *COMMAND])
    assert main([*COMMAND, "--output", str(tmp_path)]) == 130
    said = capsys.readouterr().err
    assert said.endswith(f"{' '.join(COMMAND)} --output {tmp_path} --resume\n")
    assert "of the part alone" not in said


def test_a_part_that_cannot_be_trained_ends_no_other(tmp_path, monkeypatch, capsys):
    def broken(part):
        if part == "vit-base-on-cpu":
            raise CannotTrain("deit cannot be trained:\n\x1b[2J no timm")

    faked(monkeypatch, broken)
    assert main([*COMMAND, "--output", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert "gpubench: deit cannot be trained: \ufffd[2J no timm\n" in captured.err
    assert "F9" in captured.out
    assert (tmp_path / "modes" / "table.md").exists()


def test_where_no_part_can_be_trained_there_is_no_table(tmp_path, monkeypatch, capsys):
    def broken(part):
        raise CannotTrain("no torch")

    faked(monkeypatch, broken)
    assert main([*COMMAND, "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().out == ""


def test_the_budget_is_shared_out_by_weight_and_what_is_left_passes_on():
    now = [0.0]
    asked = ClaimsRun(
        parts=ON_CPU, preset=None, processes=None, budget_seconds=100.0, folder=None,
        resume=False, snapshot=None,
    )  # fmt: skip
    shares = in_turn(asked, clock=lambda: now[0])
    assert next(shares) == (ON_CPU[0], pytest.approx(40))
    now[0] = 16.0
    assert next(shares)[1] == pytest.approx(84 * 5 / 6)
    now[0] = 100.0
    assert next(shares, None) is None
    endless = dataclasses.replace(asked, budget_seconds=None)
    assert [seconds for _, seconds in in_turn(endless)] == [None] * len(ON_CPU)


@pytest.mark.parametrize("part", [*ON_GPU, *ON_CPU], ids=lambda part: f"{part.device}-{part.name}")
@pytest.mark.parametrize("preset", [None, "smoke", "procurement"])
def test_every_part_is_a_run_that_can_be_asked_for(part, preset):
    protocol = protocol_of(part, preset, None)
    plan, workload = plan_of(part, protocol, 8), workload_of(part, protocol)
    assert plan.preset == workload.preset == (part.preset or preset or "standard")
    assert plan.device == part.device
    assert protocol.processes >= (2 if plan.preset == "smoke" else 3)
    if part.starved:
        assert (plan.feed.workers, plan.feed.pinned, plan.feed.non_blocking) == (0, False, False)


def test_strategies_take_two_gpus_and_use_no_more_than_four():
    (part,) = [part for part in ON_GPU if part.strategies]
    assert part not in chosen_parts("cuda", [], 1)
    assert left_out("cuda", 1) == (part,)
    assert part in chosen_parts("cuda", [], 2)
    assert left_out("cuda", 2) == ()
    with pytest.raises(BadUsage, match="takes two GPUs or more, there are 1"):
        chosen_parts("cuda", ["strategies"], 1)
    plan = plan_of(part, protocol_of(part, None, None), 8)
    assert plan.variants == ("single", "dp, 4 GPUs", "ddp, 4 processes")


def test_names_of_parts_are_unique_on_each_device():
    for parts in PARTS.values():
        assert len({part.name for part in parts}) == len(parts)


@pytest.mark.timeout(300)
def test_one_part_with_real_models(tmp_path):
    pytest.importorskip("timm")
    output = tmp_path / "run"
    done = subprocess.run(
        [
            sys.executable, "-m", "gpubench", *COMMAND, "--parts", "vit-base-on-cpu",
            "--processes", "1", "--output", str(output), "--format", "json",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (table,) = json.loads(done.stdout)["tables"]
    (row,) = [row for row in table["rows"] if row["claim"] == "F6 CPU"]
    assert (row["batch_size"], row["image_size"], row["mode"]) == (8, 96, "fp32")
    assert row["measured"] > 0
    assert row["verdict"] == "not decidable here"
    assert row["reason"] == "smoke shapes are not the model of the claim"
