"""The action as GitHub would run it: what it measures, says, keeps, and how the job ends."""

import json
import re
import sys
import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("pandas")
pytest.importorskip("yaml")

from gpubench import codec
from gpubench.bench.record import RecordWriter
from gpubench.gate.compare import compare
from tests.ci.runner import ACTION, ROOT, plain_environment, run_action
from tests.fakes.sessions import run, sessions

pytestmark = pytest.mark.torch

STEPS = ACTION["runs"]["steps"]
HOSTILE = "a'b\"c $(touch owned) `touch owned` ; touch owned\n::error::fooled\n##[add-path]/x %0A é"
SLOWER = codec.to_json(compare(sessions((1, 2, 3)), sessions((11, 12, 13), slower=0.1)))
KNOWN = {"install": "false", "python": sys.executable, "doctor": "none"}
COMPARED = {"baseline": "old", "candidate": "new"}

STAND_IN = """#!{python} -SE
import json, os, pathlib, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(words) + chr(10))
said = json.loads(pathlib.Path({plan!r}).read_text())
command = words[2] if words[:2] == ["-m", "gpubench"] else ""
if command in said["real"] or not command:
    os.execv({python!r}, [{python!r}, *words])
output = pathlib.Path(next(word.split("=", 1)[1] for word in words if word[:9] == "--output="))
print("::error::a name in the log", file=sys.stderr)
if command == "run" and said["record"]:
    output.mkdir(parents=True)
    (output / "record.jsonl").write_text(said["record"])
elif command == "ab":
    print(said["answer"], end="")
elif command == "compare" and said["answer"]:
    output.write_text(said["answer"])
elif command == "report":
    output.write_text(json.dumps(words))
sys.exit(said["status"].get(command, 0))
"""
"""An interpreter whose gpubench answers at once as it was told, and keeps what it was asked."""


@pytest.fixture
def stand_in(tmp_path):
    """Run the action with a gpubench that answers at once; ``real`` names commands that are not."""
    log, plan, program = (tmp_path / name for name in ("asked", "plan", "python"))

    def _job(inputs, *, status=(), answer="", record="", real=()):
        said = {"status": dict(status), "answer": answer, "record": record, "real": list(real)}
        plan.write_text(json.dumps(said))
        program.write_text(STAND_IN.format(python=sys.executable, log=str(log), plan=str(plan)))
        program.chmod(0o755)
        given = {**KNOWN, "python": str(program), **inputs}
        return run_action(tmp_path, given, plain_environment())

    return _job


@pytest.fixture
def asked(tmp_path):
    """What a command of the stand-in was asked."""

    def _asked(command):
        words = [json.loads(line) for line in (tmp_path / "asked").read_text().splitlines()]
        return next(each[3:] for each in words if each[1:3] == ["gpubench", command])

    return _asked


def keep(folder, days, **changes):
    for day in days:
        found = run(day, **changes)
        writer = RecordWriter.create(folder / f"run{day}", found.header)
        for line in found.lines:
            writer.append(line)


def really(folder, inputs=(), **slower):
    """The action with the real gpubench, on records of two sides."""
    keep(folder / "old", (1, 2, 3, 4))
    keep(folder / "new", (11, 12, 13, 14), **slower)
    return run_action(folder, {**KNOWN, **COMPARED, **dict(inputs)}, plain_environment())


def errors(job):
    return [message for name, _, message in job.commands if name == "error"]


# -- what stands in the file --------------------------------------------------------------------


def test_no_expression_stands_in_the_text_of_a_script():
    assert [step["run"] for step in STEPS if "${{" in step.get("run", "")] == []


def test_every_input_reaches_a_script_and_every_variable_is_an_input():
    text = json.dumps(STEPS)
    assert [name for name in ACTION["inputs"] if f"inputs.{name}" not in text] == []
    told = {key for step in STEPS for key in step.get("env", {})}
    read = set()
    for script in (ROOT / "ci").glob("*.sh"):
        read |= set(re.findall(r"\$\{?(GPUBENCH_[A-Z_]+)", script.read_text()))
    assert read == told


def test_what_others_wrote_is_used_at_a_commit():
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name) for name in used)


def test_the_gate_is_last_and_the_artefact_before_it():
    names = [step["id"] for step in STEPS]
    assert names[-2:] == ["keep", "gate"]
    assert all("always()" in str(step["if"]) for step in STEPS[-2:])


# -- with the real gpubench ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def slower(tmp_path_factory):
    return really(tmp_path_factory.mktemp("slower"), slower=0.06)


def test_the_job_ends_with_the_status_of_the_comparison(slower):
    steps = {"install": 0, "doctor": 0, "measure": 0, "keep": 0, "gate": 1}
    assert slower.statuses == steps
    assert slower.outputs["measure", "verdict"] == "REGRESSION"
    assert slower.outputs["gate", "status"] == "1"


def test_summary_and_artefact_are_safe_before_the_job_fails(slower):
    assert slower.summary.startswith("### REGRESSION")
    kept = {path.name for path in slower.artefact.iterdir()}
    assert {"comparison.json", "report.md", "report.xml", "report.txt"} <= kept
    assert ET.parse(slower.artefact / "report.xml").getroot().get("failures") == "1"


def test_annotations_name_the_cell(slower):
    verdict, cell, end = errors(slower)
    assert verdict.startswith("REGRESSION: ")
    assert cell.startswith("throughput: REGRESSION +")
    assert end == "measurement: exit status 1: the answer is no"


def test_a_comparison_that_passes_lets_the_job_pass(tmp_path):
    found = really(tmp_path)
    assert (found.status, found.outputs["measure", "verdict"]) == (0, "PASS")
    assert errors(found) == []


def test_not_knowing_may_pass_with_a_warning(tmp_path):
    found = really(tmp_path, {"on-inconclusive": "warn"}, between=0.2)
    assert (found.status, found.outputs["measure", "verdict"]) == (0, "INCONCLUSIVE")
    assert {name for name, _, _ in found.commands} == {"warning"}


def test_an_answer_of_an_earlier_job_is_not_told_again(tmp_path):
    (tmp_path / "gpubench-results").mkdir()
    (tmp_path / "gpubench-results" / "comparison.json").write_text(SLOWER)
    found = really(tmp_path, {"baseline": "nowhere"})
    assert found.status == 2
    assert "no baseline at nowhere" in found.log
    assert "REGRESSION" not in found.summary
    assert found.outputs.get(("measure", "verdict"), "") == ""


def test_names_in_an_answer_reach_summary_and_annotations_as_text(stand_in):
    odd = "x\n::error::fooled\n::set-output name=verdict::PASS\n##[add-path]y<script>"
    answer = json.loads(SLOWER)
    for verdict in answer["verdicts"]:
        verdict["suite"] = odd
    found = stand_in(COMPARED, answer=json.dumps(answer), status={"compare": 1}, real=["report"])
    assert {name for name, _, _ in found.commands} == {"error"}
    assert "fooled" not in errors(found)
    assert "<script>" not in found.summary
    assert found.outputs["measure", "verdict"] == "REGRESSION"


def test_a_long_summary_is_cut_and_says_so(stand_in):
    answer = json.loads(SLOWER)
    answer["notes"] = ["é" * 1000] * 800
    found = stand_in(COMPARED, answer=json.dumps(answer), real=["report"])
    assert len(found.summary.encode()) < 1024 * 1024
    assert found.summary.rstrip().endswith("The rest is in the artefact.")


# -- what is asked of gpubench ------------------------------------------------------------------


def test_a_comparison_is_asked_for_with_every_rule(stand_in, asked):
    rules = {"tolerance": "2%", "calibration": "noise.json", "on-inconclusive": "pass"}
    stand_in({**COMPARED, **rules}, answer=SLOWER)
    assert asked("compare") == [
        "--on-inconclusive=pass", "--tolerance=2%", "--calibration=noise.json", "--format=json",
        "--output=gpubench-results/comparison.json", "--", "old", "new",
    ]  # fmt: skip


def test_a_run_is_compared_with_the_baseline(stand_in, asked):
    inputs = {"baseline": "old", "modes": "fp32", "extra": "--seconds=2\n\n--batch-size=8"}
    found = stand_in(inputs, record="{}", answer=SLOWER, status={"compare": 1})
    assert asked("run") == [
        "--suite=deit", "--modes=fp32", "--seconds=2", "--batch-size=8",
        "--output=gpubench-results/candidate",
    ]  # fmt: skip
    assert asked("compare")[-2:] == ["old", "gpubench-results/candidate"]
    assert found.outputs["measure", "record"] == "gpubench-results/candidate"
    assert (found.artefact / "candidate" / "record.jsonl").is_file()
    assert found.status == 1


def test_without_a_baseline_the_run_itself_is_reported(stand_in, asked):
    found = stand_in({}, record="{}")
    assert found.status == 0
    assert asked("report")[-1] == "gpubench-results/candidate"
    assert "--format=markdown" in found.summary


@pytest.mark.parametrize(
    ("ran", "compared", "status"),
    [
        (0, 0, 0),
        (0, 4, 4),
        (6, 0, 6),
        (6, 6, 6),
        (2, 0, 2),
        (6, 1, 6),
        (6, 4, 6),
        (6, 5, 6),
        (6, 2, 2),
    ],
)
def test_the_worse_of_run_and_comparison_is_the_status(stand_in, ran, compared, status):
    found = stand_in(
        {"baseline": "old"},
        record="{}",
        answer=SLOWER if ran != 2 else "",
        status={"run": ran, "compare": compared},
    )
    assert found.status == status


def test_a_run_that_could_not_be_asked_is_not_compared(stand_in, tmp_path):
    found = stand_in({"baseline": "old"}, status={"run": 2}, answer=SLOWER)
    assert found.status == 2
    assert '"compare"' not in (tmp_path / "asked").read_text()
    assert ("measure", "verdict") not in found.outputs


def test_two_interpreters_are_measured_in_pairs(stand_in, asked):
    sides = {"a-python": "/a/python", "b-python": "/b/python"}
    found = stand_in(sides, answer=SLOWER, status={"ab": 1})
    assert asked("ab") == [
        "--a-python=/a/python", "--b-python=/b/python", "--suite=deit", "--on-inconclusive=fail",
        "--output=gpubench-results/pairs", "--format=json",
    ]  # fmt: skip
    assert (found.status, found.outputs["measure", "verdict"]) == (1, "REGRESSION")


def test_two_images_are_measured_in_pairs(stand_in, asked):
    stand_in({"a-image": "x:1", "b-image": "x:2"}, status={"ab": 4}, answer=SLOWER)
    assert asked("ab")[:2] == ["--a-image=x:1", "--b-image=x:2"]


def test_pairs_that_were_broken_off_give_no_verdict(stand_in):
    found = stand_in({"b-python": "/b"}, status={"ab": 130}, answer='{"verdict": "PASS"')
    assert found.status == 130
    assert found.outputs["measure", "verdict"] == ""
    assert "interrupted" in errors(found)[-1]


@pytest.mark.parametrize(
    "inputs",
    [{"candidate": "new"}, {"b-python": "/b", "baseline": "old"}, {**COMPARED, "a-image": "x"}],
)
def test_inputs_that_ask_two_questions_or_half_a_one_are_status_2(stand_in, tmp_path, inputs):
    found = stand_in(inputs, answer=SLOWER)
    assert found.status == 2
    assert not (tmp_path / "asked").exists()
    assert len(errors(found)) == 2


def test_an_install_that_is_neither_true_nor_false_is_refused(stand_in):
    found = stand_in({"install": "maybe"})
    assert found.statuses["install"] == 2
    assert found.statuses["gate"] == 3


# -- hostile inputs -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(ACTION["inputs"]) - {"install", "artifact"}))
def test_an_input_is_never_a_command(stand_in, tmp_path, name):
    measured = name[:2] in ("a-", "b-") or name in ("suite", "modes", "extra")
    found = stand_in({**({} if measured else COMPARED), name: HOSTILE}, answer=SLOWER)
    assert list(tmp_path.rglob("owned")) == []
    assert not {"fooled", "a name in the log"} & set(errors(found))
    assert "old" not in {command for command, _, _ in found.commands}


def test_a_hostile_folder_is_a_folder(stand_in, tmp_path):
    folder = HOSTILE.replace("/", "-")
    found = stand_in({**COMPARED, "output": folder}, answer=SLOWER)
    assert list(tmp_path.rglob("owned")) == []
    assert (tmp_path / folder / "comparison.json").is_file()
    assert (found.status, errors(found)) == (0, [])


def test_the_log_of_gpubench_holds_no_command(stand_in):
    found = stand_in(COMPARED, answer=SLOWER)
    assert "::error::a name in the log" in found.log
    assert errors(found) == []


def test_a_hostile_name_is_one_argument(stand_in, asked):
    stand_in({"a-image": HOSTILE, "b-image": "--help"}, status={"ab": 2})
    assert asked("ab")[:2] == [f"--a-image={HOSTILE}", "--b-image=--help"]


def test_what_begins_like_an_option_is_a_place(stand_in, asked):
    stand_in({"baseline": "--help", "candidate": "-x"}, status={"compare": 2})
    assert asked("compare")[-3:] == ["--", "--help", "-x"]


# -- the doctor ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def examined(tmp_path_factory):
    """A job whose doctor looks at this machine against a contract that it does not meet."""
    folder = tmp_path_factory.mktemp("examined")
    (folder / "contract.toml").write_text('[packages]\ntorch = "0.1"\n')
    inputs = {**KNOWN, **COMPARED, "doctor": "quick", "expect": "contract.toml"}
    return run_action(folder, inputs, plain_environment())


def test_a_doctor_that_says_no_ends_the_job_before_anything_is_measured(examined):
    assert "measure" not in examined.statuses
    assert examined.status == 1
    assert errors(examined)[-1] == "doctor: exit status 1: the answer is no"


def test_the_doctor_says_the_same_in_every_format(examined):
    plain = json.loads((examined.artefact / "doctor.json").read_text())
    assert examined.outputs["doctor", "verdict"] == plain["verdict"]
    assert plain["verdict"] in examined.summary
    cases = ET.parse(examined.artefact / "doctor.xml").getroot().findall(".//testcase")
    assert {case.get("name") for case in cases} == {line["id"] for line in plain["checks"]}
    failed = {
        f"gpubench doctor {finding['check']}"
        for finding in plain["findings"]
        if finding["severity"] == "error"
    }
    marks = {words["title"] for name, words, _ in examined.commands if name == "error"}
    assert "gpubench doctor expect.packages.torch" in failed
    assert failed <= marks


def test_an_unknown_level_is_status_2(tmp_path):
    found = run_action(tmp_path, {**KNOWN, "doctor": "thorough"}, plain_environment())
    assert found.status == 2
