"""What lies under ``reports/``: named, and what its records give."""

import json
import re
from pathlib import Path

import pytest

from gpubench.bench.record import read_record
from gpubench.cli.claims import holds_claims, records_of
from gpubench.render.registry import FORMATS, renderer

REPORTS = Path(__file__).parents[1] / "reports"
FOLDERS = sorted(
    place
    for place in REPORTS.glob("*/")
    if place.is_dir() and not re.match(r"\d{8}-\d{6}-", place.name)  # runs of somebody's own
)
RECORDS = sorted(place for folder in FOLDERS for place in folder.rglob("record.jsonl"))

pytestmark = pytest.mark.skipif(not FOLDERS, reason="a copy without reports")


def page():
    return (REPORTS / "README.md").read_text()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_is_named_with_the_one_command_that_repeats_it(folder):
    (row,) = [line for line in page().splitlines() if line.startswith(f"| `{folder.name}/`")]
    _, _, what, command, _ = re.split(r" *\| *", row)
    assert len(what) > 20
    assert re.fullmatch(r"`[^`]+`", command)
    assert f"reports/{folder.name}" in command


def test_no_folder_is_named_that_is_not_there():
    named = re.findall(r"^\| `([^`/]+)/`", page(), re.MULTILINE)
    assert set(named) == {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("place", RECORDS, ids=lambda place: place.parent.name)
def test_every_record_can_be_read_and_names_no_path_of_a_machine(place):
    assert read_record(place).measurements
    assert not re.search(r'"/(home|root|tmp|work)/', place.read_text())


def written(folder, tables):
    """Pairs of what lies there and what its records give.

    Floats of the data formats may differ in their last digit, so they are read, not compared.
    """
    for entry in FORMATS:
        table = (folder / f"table.{entry.ending}").read_text()
        if entry.name in ("text", "markdown"):
            yield table, renderer(entry.name)(tables)
        elif entry.name == "json":
            yield shape(json.loads(table)), shape(json.loads(renderer("json")(tables)))
        elif entry.name == "csv":
            yield table.partition("\n")[0], renderer("csv")(tables).partition("\n")[0]


def shape(plain):
    """Titles and rows without their figures."""
    return [
        (table["title"], table["notes"], [sorted(row) for row in table["rows"]])
        for table in plain["tables"]
    ]


@pytest.mark.torch
@pytest.mark.parametrize("place", RECORDS, ids=lambda place: place.parent.name)
def test_every_table_is_what_its_record_gives(place):
    pytest.importorskip("pandas")
    from gpubench.gate.pages import pages

    for lies, given in written(place.parent, pages(read_record(place))):
        assert lies == given


@pytest.mark.torch
@pytest.mark.parametrize(
    "folder", [each for each in FOLDERS if holds_claims(each)] or [None], ids=str
)
def test_every_table_of_claims_is_what_its_parts_give(folder):
    pytest.importorskip("pandas")
    from gpubench.gate.claims.table import claims_table

    if folder is None:
        pytest.skip("no claims were measured yet")
    for lies, given in written(folder, [claims_table(records_of([folder]))]):
        assert lies == given


TRAININGS = sorted(place for folder in FOLDERS for place in folder.rglob("training.jsonl"))


@pytest.mark.parametrize("place", TRAININGS, ids=lambda place: place.parent.name)
@pytest.mark.parametrize(("name", "ending"), [("text", "txt"), ("markdown", "md")])
def test_a_training_gives_the_tables_that_lie_beside_it(place, name, ending):
    from gpubench.bench.learning.record import read_training
    from gpubench.cli.training_pages import shown

    assert not re.search(r'"/(home|root|tmp|work)/', place.read_text())
    assert shown(read_training(place), name).rstrip() == (
        (place.parent / f"table.{ending}").read_text().rstrip()
    )
