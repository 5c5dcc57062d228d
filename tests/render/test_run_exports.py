"""Exports of run records are valid for the programs that read them, and give no false number."""

import dataclasses
import json
import re
import statistics
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("pandas")

from gpubench.bench.job import Subject
from gpubench.errors import BadUsage, UnknownName
from gpubench.gate.compare import compare
from gpubench.gate.pytest_benchmark import session_in
from gpubench.gate.sides import session_of
from gpubench.gate.summary import is_sound
from gpubench.render.registry import EXPORTS, exporter
from gpubench.render.run_cells import without_figure
from tests.fakes.records import FACTS, HEALTHY, PARITIES, broken, measurement, parity, record
from tests.fakes.sessions import GPU, run
from tests.render.prometheus import parse

pytestmark = pytest.mark.torch

NAMES = [entry.name for entry in EXPORTS]
WIDE = (measurement("fp32", 0, 0.1), measurement("fp32", 1, 0.9))
BROKEN_STATES = ("invalid", "failed", "timed-out", "out-of-memory", "not-supported")
ODD = 'x "q" \\ \n{a="b"} <i>&\x1b[31m\u202e %0A ::error::'


def written(name, *records):
    return exporter(name)(records or (record(),))


def with_fp32(*measurements, **changes):
    return record(measurements=[*measurements, *HEALTHY[2:]], **changes)


def cases(found):
    suite = ET.fromstring(written("junit", found)).find("testsuite")
    kinds = {case.get("name"): case[0].tag for case in suite.findall("testcase")}
    counts = {key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")}
    assert counts["tests"] == len(kinds)
    for tag, key in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert list(kinds.values()).count(tag) == counts[key]
    return kinds


def samples(found, figure):
    """Values of a figure by mode."""
    read = parse(written("prometheus", found))
    return {dict(labels)["mode"]: value for (name, labels), value in read.items() if name == figure}


def benchmarks(found):
    plain = json.loads(written("pytest-benchmark", found))
    return {entry["fullname"]: entry for entry in plain["benchmarks"]}


def entries(found):
    return {entry["name"]: entry for entry in json.loads(written("github-benchmark", found))}


# -- rules of every export ----------------------------------------------------------------------


@pytest.mark.parametrize("state", BROKEN_STATES)
def test_a_state_never_becomes_a_number(state):
    found = with_fp32(measurement("fp32", state=state, reason="why"))  # with times, all the same
    assert samples(found, "gpubench_run_samples_per_second").keys() == {"amp-bf16"}
    assert samples(found, "gpubench_run_peak_memory_bytes").keys() == {"amp-bf16"}
    assert benchmarks(found).keys() == {"deit[amp-bf16]"}
    assert not any("fp32" in entry for entry in entries(found))


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_that_was_never_measured_has_no_number(name):
    found = record(measurements=HEALTHY[2:])
    assert written(name, found)
    assert samples(found, "gpubench_run_samples_per_second").keys() == {"amp-bf16"}
    assert cases(found)["fp32"] == "skipped"
    assert benchmarks(found).keys() == {"deit[amp-bf16]"}


def test_a_figure_whose_losses_part_has_no_number():
    found = record(parities=(parity(), parity("amp-bf16", losses=(2.0, 9.0, 9.0))))
    assert samples(found, "gpubench_run_samples_per_second").keys() == {"fp32"}
    assert benchmarks(found).keys() == {"deit[fp32]"}
    assert cases(found)["amp-bf16"] == "failure"


def test_what_a_table_marks_is_left_out_where_no_mark_can_stand():
    found = with_fp32(*WIDE)
    assert benchmarks(found).keys() == {"deit[amp-bf16]"}
    assert not any("fp32" in name for name in entries(found))
    assert without_figure([found]) == ["deit · fp32: its processes differ"]


@pytest.mark.parametrize("name", NAMES)
def test_names_from_a_record_break_no_format(name):
    facts = dataclasses.replace(
        FACTS, device={**FACTS.device, "name": ODD, "torch": ODD}, settings={ODD: ODD}
    )
    found = with_fp32(broken("failed", ODD), facts=facts)
    text = written(name, found)
    assert "\x1b" not in text
    {"junit": ET.fromstring, "prometheus": parse}.get(name, json.loads)(text)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_the_loader_alone_gives_a_valid_file(name):
    header = dataclasses.replace(
        record().header, plan=dataclasses.replace(record().header.plan, tier="loader")
    )
    text = written(name, record(measurements=(), parities=(), header=header))
    {"junit": ET.fromstring, "prometheus": parse}.get(name, json.loads)(text)


def test_an_unknown_format_names_tables_and_exports():
    with pytest.raises(UnknownName, match="prometheus"):
        exporter("prometeus")
    assert exporter("csv") is None


# -- junit --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("invalid", "failure"),
        ("failed", "error"),
        ("timed-out", "error"),
        ("out-of-memory", "skipped"),
        ("not-supported", "skipped"),
    ],
)
def test_junit_fails_where_the_run_did(state, kind):
    found = with_fp32(broken(state, "why"))
    assert cases(found) == {"fp32": kind, "amp-bf16": "system-out"}
    assert is_sound(found) == (kind == "skipped")


def test_junit_has_an_error_for_a_process_that_broke_beside_others():
    found = with_fp32(HEALTHY[0], broken("failed", "out of luck", process=1))
    assert cases(found)["fp32"] == "error"
    assert "out of luck" in written("junit", found)
    assert not is_sound(found)


def test_junit_passes_a_marked_figure_with_its_mark():
    text = written("junit", with_fp32(*WIDE))
    assert re.search(r"<system-out>~\d+.*its processes differ", text)


# -- prometheus ---------------------------------------------------------------------------------


def test_prometheus_has_a_sample_per_cell_with_its_unit():
    assert samples(record(), "gpubench_run_samples_per_second") == {
        "fp32": pytest.approx(79.2, rel=1e-2),
        "amp-bf16": pytest.approx(158.4, rel=1e-2),
    }
    assert samples(record(), "gpubench_run_step_seconds")["amp-bf16"] == pytest.approx(0.0505)
    assert samples(record(), "gpubench_run_peak_memory_bytes")["fp32"] == 800 * 2**20


def test_prometheus_keeps_a_marked_figure_under_a_name_of_its_own():
    found = with_fp32(*WIDE)
    assert samples(found, "gpubench_run_samples_per_second").keys() == {"amp-bf16"}
    assert samples(found, "gpubench_run_doubtful_samples_per_second").keys() == {"fp32"}
    # a speed-up that a table calls inconclusive is no number anywhere
    assert not samples(found, "gpubench_run_doubtful_speedup_ratio").keys() & {"amp-bf16"}


def test_prometheus_says_in_which_state_each_cell_is():
    text = written("prometheus", with_fp32(broken("out-of-memory", "why")))
    states = {
        (dict(labels)["mode"], dict(labels)["state"])
        for name, labels in parse(text)
        if name == "gpubench_run_cell_state"
    }
    assert states == {("fp32", "out-of-memory"), ("amp-bf16", "ok")}


def test_prometheus_refuses_two_records_of_one_cell():
    with pytest.raises(BadUsage, match="stands twice"):
        written("prometheus", record(), record())


def test_two_gpus_of_one_model_are_two_series():
    facts = [
        dataclasses.replace(FACTS, device={**GPU, "torch": "2.8.0", "gpu": gpu})
        for gpu in ("a" * 16, "b" * 16)
    ]
    text = written("prometheus", *(record(facts=each) for each in facts))
    found = [dict(labels)["gpu"] for name, labels in parse(text) if name.endswith("_per_second")]
    assert sorted(found) == ["a" * 16] * 2 + ["b" * 16] * 2


def test_the_client_of_prometheus_reads_it():
    parser = pytest.importorskip("prometheus_client.parser")
    families = list(parser.text_string_to_metric_families(written("prometheus", with_fp32(*WIDE))))
    assert {family.type for family in families} == {"gauge"}
    assert all(family.documentation for family in families)
    assert [s.timestamp for family in families for s in family.samples if s.timestamp] == []
    values = {f.name: [s.value for s in f.samples] for f in families}
    assert values["gpubench_run_samples_per_second"] == [pytest.approx(158.4, rel=1e-2)]


# -- pytest-benchmark ---------------------------------------------------------------------------


def test_a_round_is_a_process_and_steps_are_not_pooled():
    stats = benchmarks(record())["deit[fp32]"]["stats"]
    assert stats["rounds"] == 2
    assert stats["data"] == [pytest.approx(0.100), pytest.approx(0.102)]
    assert stats["median"] == pytest.approx(0.101)
    assert stats["stddev"] == pytest.approx(statistics.stdev([0.100, 0.102]))
    assert stats["iterations"] == 10


def test_one_process_alone_has_no_spread():
    stats = benchmarks(with_fp32(HEALTHY[0]))["deit[fp32]"]["stats"]
    assert (stats["rounds"], stats["stddev"], stats["iqr"]) == (1, 0.0, 0.0)


def test_a_file_is_of_one_record():
    with pytest.raises(BadUsage, match="a file per record"):
        written("pytest-benchmark", record(), record())


def test_the_program_itself_compares_what_was_written(tmp_path):
    pytest.importorskip("pytest_benchmark")
    for number in (1, 2):
        (tmp_path / f"{number}.json").write_text(written("pytest-benchmark", run(number)))
    done = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", "1.json", "2.json"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "deit[fp32] (1)" in done.stdout
    assert "deit[fp32] (2)" in done.stdout


def exported(days, **changes):
    return [
        session_in(json.loads(written("pytest-benchmark", run(day, **changes))), f"{day}.json")
        for day in days
    ]


@pytest.mark.parametrize(("slower", "said"), [(0.0, "PASS"), (0.06, "REGRESSION")])
def test_exports_of_several_runs_are_gated(slower, said):
    found = compare(exported((1, 2, 3, 4)), exported((11, 12, 13, 14), slower=slower))
    assert [verdict.word for verdict in found.verdicts] == [said]


def test_one_export_a_side_is_inconclusive_however_many_processes_it_has():
    found = compare(exported([1]), exported([2], slower=0.5, processes=20))
    assert (found.verdict, found.exit_status) == ("INCONCLUSIVE", 4)


def test_an_export_keeps_what_must_be_equal():
    own, other = exported([1], device=GPU), exported([2], device={**GPU, "gpu": "b" * 16})
    assert "different GPUs" in compare(own, other).verdicts[0].reason
    facts = session_of(run(1)).cells[Subject("deit"), "fp32"].facts
    told = exported([1])[0].cells[Subject("deit[fp32]"), "benchmark"].facts
    assert {key: told[key] for key in facts} == facts


def test_an_export_names_no_host():
    plain = json.loads(written("pytest-benchmark", run(1)))
    assert plain["machine_info"]["node"] == ""


# -- github-benchmark ---------------------------------------------------------------------------


def test_github_benchmark_has_costs_under_the_names_of_a_comparison():
    found = entries(record())
    assert found["deit · fp32 · throughput"]["value"] == pytest.approx(0.101 / 8, rel=1e-3)
    assert found["deit · fp32 · throughput"]["unit"] == "s/sample"
    assert found["deit · fp32 · peak memory"] == {
        "name": "deit · fp32 · peak memory",
        "unit": "B",
        "value": 800 * 2**20,
    }


def test_the_fakes_are_healthy():
    assert is_sound(record(parities=PARITIES))
