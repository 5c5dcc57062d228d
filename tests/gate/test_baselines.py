"""Baselines are the records themselves, under a name that does not change."""

import dataclasses
import datetime
import json
import re

import pytest

pytest.importorskip("pandas")

from gpubench import codec
from gpubench.bench.job import Subject
from gpubench.bench.record import record_in
from gpubench.errors import UnreadableInput, UnwritableOutput
from gpubench.gate.baselines import (
    baselines_of,
    days_old,
    file_name,
    for_candidate,
    is_stored,
    refuse_old,
    remove,
    stored,
    too_old,
    write,
)
from gpubench.gate.compare import compare
from gpubench.gate.sides import CellName, read_side, session_of
from tests.fakes.ceilings import PEAKS, with_ceilings
from tests.fakes.records import HEALTHY, broken, measurement, record
from tests.fakes.sessions import CELL, GPU, run, sessions

pytestmark = pytest.mark.torch


def keep(folder, days=(1, 2, 3, 4), **changes):
    return [write(folder, entry) for entry in baselines_of([run(day, **changes) for day in days])]


def test_a_baseline_is_kept_by_machine_and_suite(tmp_path):
    assert keep(tmp_path, device=GPU) == [tmp_path / "nvidia-h100-80gb-hbm3" / "deit.json"]
    assert stored(tmp_path) == keep(tmp_path, device=GPU)


def test_what_is_read_back_is_what_was_measured(tmp_path):
    (path,) = keep(tmp_path)
    read = read_side(path)
    assert [s.cells[CELL].values for s in read] == [
        session_of(run(day)).cells[CELL].values for day in (1, 2, 3, 4)
    ]


def test_a_candidate_is_held_against_the_baseline_of_its_model(tmp_path):
    keep(tmp_path, device=GPU)
    keep(tmp_path, device={**GPU, "name": "NVIDIA A100"}, slower=0.5)
    new = sessions((11, 12, 13, 14), device=GPU, slower=0.06)
    assert compare(for_candidate(tmp_path, new), new).verdict == "REGRESSION"


def test_a_model_without_a_baseline_finds_none(tmp_path):
    keep(tmp_path, device=GPU)
    assert for_candidate(tmp_path, sessions([11], device={**GPU, "name": "Another"})) == []


def test_setting_again_replaces(tmp_path):
    keep(tmp_path)
    (path,) = keep(tmp_path, days=(9,))
    assert len(read_side(path)) == 1


def test_a_record_in_which_nothing_counts_makes_no_baseline():
    assert baselines_of([record(measurements=[broken("failed", "killed")])]) == []


def test_a_folder_of_records_is_not_taken_for_baselines(tmp_path):
    assert not is_stored(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y.json").write_text("{}")
    assert not is_stored(tmp_path)
    keep(tmp_path / "kept")
    assert is_stored(tmp_path / "kept")


NOW = datetime.datetime(2026, 12, 1, tzinfo=datetime.timezone.utc)


def test_the_newest_session_makes_the_age(tmp_path):
    (path,) = keep(tmp_path, days=(1, 21))
    assert not too_old(path, 10, NOW)
    assert too_old(path, 9, NOW)
    refuse_old(read_side(path), 10, NOW)
    with pytest.raises(UnreadableInput, match="10 days old, at most 9"):
        refuse_old(read_side(path), 9, NOW)


@pytest.mark.parametrize("created", ["", "yesterday", "2026-99-01"])
def test_a_date_that_cannot_be_read_has_no_age(created):
    assert days_old(created, NOW) is None


def test_a_date_without_a_zone_is_taken_for_utc():
    assert days_old("2026-11-30T00:00:00", NOW) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"records": []},
        {"records": 5},
        {"records": [[]]},
        {"records": [[1]]},
        {"records": [{"schema": "gpubench.run/1"}]},
        {"schema": "gpubench.baseline/9"},
    ],
)
def test_a_broken_baseline_is_refused(tmp_path, change):
    (path,) = keep(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UnreadableInput):
        read_side(path)


def test_removing_what_is_not_there_is_said(tmp_path):
    with pytest.raises(UnwritableOutput):
        remove(tmp_path / "none.json")


def test_only_what_was_measured_of_the_suite_is_kept():
    both = run(1)
    plan = dataclasses.replace(both.header.plan, suites=("deit", "bert-ner"))
    both = dataclasses.replace(both, header=dataclasses.replace(both.header, plan=plan))
    (kept,) = baselines_of([both])
    assert kept.records[0][0]["plan"]["suites"] == ["deit"]


def test_what_judges_the_figures_is_kept_with_them(tmp_path):
    """A baseline whose figures cannot be true is found out later, too."""
    fast = [measurement("amp-bf16", process, 0.01) for process in (0, 1, 2)]
    found = with_ceilings(*PEAKS, measurements=[*HEALTHY[:2], *fast])
    (path,) = [write(tmp_path, entry) for entry in baselines_of([found])]
    (session,) = read_side(path)
    assert {name.mode: c.state for name, c in session.cells.items()} == {
        "fp32": "ok",
        "amp-bf16": "implausible",
    }


def test_a_fresh_suite_does_not_hide_an_old_one():
    fresh, old = sessions([20])[0], sessions([1])[0]
    other = CellName(Subject("bert-ner"), "fp32")
    both = [fresh, dataclasses.replace(old, cells={other: old.cells[CELL]})]
    refuse_old(both, 30, NOW)
    with pytest.raises(UnreadableInput, match="bert-ner is 30 days old"):
        refuse_old(both, 29, NOW)


def test_copies_of_a_run_are_set_once():
    (kept,) = baselines_of([run(1, processes=2), run(1, processes=5), run(1, processes=3)])
    assert len(kept.records) == 1
    assert sum(line["kind"] == "measurement" for line in kept.records[0]) == 5


@pytest.mark.parametrize(("suite", "name"), [("deit", "deit.json"), ("bert-ner", "bert-ner.json")])
def test_a_suite_s_file_is_called_after_it(suite, name):
    assert file_name(suite) == name


def test_odd_names_of_suites_have_files_of_their_own():
    names = {file_name(suite) for suite in ("../a", "a", "/a", "A", "", "a" * 1_000)}
    assert len(names) == 6
    assert all(re.fullmatch(r"[a-z0-9-]+\.json", name) and len(name) < 80 for name in names)


def test_what_stands_in_the_folder_beside_baselines_is_none(tmp_path):
    (path,) = keep(tmp_path)
    (path.parent / "folder.json").mkdir()
    (path.parent / "a.json").write_text('{"note": "gpubench.baseline/1"}')
    assert stored(tmp_path) == [path]
    assert is_stored(tmp_path)


def test_the_baseline_of_a_suite_that_was_never_begun_is_loaded(tmp_path):
    """The candidate ended before its second suite: without that baseline it would pass."""
    keep(tmp_path)
    for day in (1, 2, 3):
        found = run(day)
        lines = tuple(dataclasses.replace(line, suite="bert-ner") for line in found.lines)
        plain = [found.header, *lines]
        plan = dataclasses.replace(found.header.plan, suites=("bert-ner",))
        plain[0] = dataclasses.replace(found.header, plan=plan)
        record = record_in(codec.to_plain(plain), "here")
        write(tmp_path, baselines_of([record])[0])
    new = []
    for day in (11, 12, 13):
        found = run(day)
        plan = dataclasses.replace(found.header.plan, suites=("deit", "bert-ner"))
        head = dataclasses.replace(found.header, plan=plan)
        new.append(session_of(dataclasses.replace(found, header=head)))
    found = compare(for_candidate(tmp_path, new), new)
    words = {v.suite: v.word for v in found.verdicts if v.metric == "throughput"}
    assert (words, found.exit_status) == ({"deit": "PASS", "bert-ner": "NOT-COMPARABLE"}, 5)
