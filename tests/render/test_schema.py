"""The published schemas."""

import json
from pathlib import Path

import pytest

from gpubench import codec
from gpubench.checks.report import make_report
from gpubench.checks.running import run_checks
from gpubench.render.schema import PUBLISHED, main, schema
from tests.checks.healthy import HEALTHY
from tests.fakes.records import FACTS, HEADER, measurement, parity

FOLDER = Path(__file__).parents[2] / "docs" / "schema"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_schema_is_current(name):
    """Written by ``python -m gpubench.render.schema``."""
    written = json.loads((FOLDER / f"{name}.json").read_text())
    assert written == json.loads(codec.to_json(schema(name)))


def test_the_command_writes_every_schema(tmp_path):
    main(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == set(PUBLISHED)


def test_the_schema_names_what_the_report_holds():
    report = codec.to_plain(make_report(HEALTHY, run_checks(HEALTHY)))
    assert set(report) == set(schema("doctor")["properties"])
    assert set(report["snapshot"]) == set(schema("snapshot")["properties"])


def test_the_schema_of_a_record_names_every_field_of_every_line():
    described = schema("run")["$defs"]
    for line in (HEADER, FACTS, measurement(), parity()):
        assert set(described[type(line).__name__]["properties"]) == set(codec.to_plain(line))


def test_the_schema_of_a_run_has_every_kind_of_line_that_a_record_holds():
    from gpubench.bench.record import _KINDS

    described = {each["$ref"].rpartition("/")[2] for each in schema("run")["anyOf"]}
    assert {kind.__name__ for kind in _KINDS.values()} < described
