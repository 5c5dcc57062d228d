"""The tables that ``plan`` alone uses."""

import re

import pytest

from gpubench.knowledge import tables
from gpubench.plan.resolved import image_parts
from gpubench.plan.rules.images import whole_tag

ROWS = [
    (name, row)
    for name, kind in (("systems", "system"), ("images", "cuda"), ("imports", "name"))
    for row in tables.load(name)[kind]
]


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_every_row_names_a_source_of_its_file(name, row):
    assert row["source"] in tables.load(name)["sources"]


@pytest.mark.parametrize("row", tables.load("systems")["system"], ids=lambda row: row["name"])
def test_the_next_release_of_a_system_is_on_record(row):
    names = {entry["name"] for entry in tables.load("systems")["system"]}
    assert row.get("next", row["name"]) in names


@pytest.mark.parametrize("row", tables.load("images")["cuda"], ids=lambda row: row["release"])
def test_a_tag_that_is_made_whole_is_whole(row):
    tag = whole_tag({"cuda": row["release"], "kind": "devel"})
    parts = image_parts(tag)
    assert parts["cuda"] in row["patches"]
    assert parts["system"] in row["systems"]


@pytest.mark.parametrize("row", tables.load("imports")["name"], ids=lambda row: row["pattern"])
def test_every_pattern_of_a_name_compiles(row):
    re.compile(row["pattern"])
