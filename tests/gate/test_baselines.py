"""Baselines are the records themselves, under a name that does not change."""

import dataclasses
import datetime
import json

import pytest

pytest.importorskip("pandas")

from gpubench.errors import UnreadableInput, UnwritableOutput
from gpubench.gate.baselines import (
    baselines_of,
    days_old,
    for_candidate,
    is_stored,
    refuse_old,
    remove,
    stored,
    too_old,
    write,
)
from gpubench.gate.compare import compare
from gpubench.gate.sides import read_side, session_of
from tests.fakes.records import broken, record
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
