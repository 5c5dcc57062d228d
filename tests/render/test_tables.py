"""Every format writes every table, and none lets a name out of its cell."""

import csv
import dataclasses
import io
import json

import pytest

pytest.importorskip("pandas")

from gpubench.errors import UnknownName
from gpubench.gate.tables import comparison
from gpubench.render.registry import FORMATS, format_named, renderer
from tests.fakes.records import FACTS, HEALTHY, broken, record

pytestmark = pytest.mark.torch

HOSTILE = "GPU \x1b[2J<script>alert(1)</script> | `rm` =1+1\u202e"


def tables(**changes):
    return comparison(record(**changes))


@pytest.mark.parametrize("name", [entry.name for entry in FORMATS])
def test_every_format_names_every_mode(name):
    text = renderer(name)(tables())
    assert "fp32" in text
    assert "amp-bf16" in text.replace("\\", "")


@pytest.mark.parametrize("name", [entry.name for entry in FORMATS])
def test_no_format_passes_terminal_codes_on(name):
    facts = dataclasses.replace(FACTS, device={**FACTS.device, "name": HOSTILE})
    text = renderer(name)(tables(facts=facts))
    assert "\x1b" not in text
    if name != "json":  # JSON escapes what is invisible and keeps the value
        assert "\u202e" not in text


def test_markdown_escapes_markup():
    facts = dataclasses.replace(FACTS, device={**FACTS.device, "name": HOSTILE})
    text = renderer("markdown")(tables(facts=facts))
    assert "<script>" not in text
    assert "\\|" in text


def test_a_markdown_row_has_as_many_cells_as_the_head():
    broken_row = broken("out-of-memory", "a | b", "amp-bf16")
    text = renderer("markdown")(tables(measurements=[*HEALTHY[:2], broken_row]))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1


def test_text_columns_line_up_also_with_wide_characters():
    facts = dataclasses.replace(FACTS, settings={**FACTS.settings, "model": "模型"})
    lines = renderer("text")(tables(facts=facts)).splitlines()
    ruler = next(line for line in lines if "───" in line)
    rows = lines[lines.index(ruler) - 1 :][:4]
    assert len({len(line) for line in rows}) == 1


def test_csv_is_in_base_units_with_absent_cells_empty():
    (fp32, amp) = csv.DictReader(io.StringIO(renderer("csv")(tables())))
    assert float(fp32["step_seconds"]) == pytest.approx(0.101)
    assert float(amp["speedup"]) == pytest.approx(2.0, rel=1e-3)
    assert fp32["parity_holds"] == ""


def test_a_csv_cell_never_starts_a_formula():
    reason = "=HYPERLINK(1)"
    text = renderer("csv")(tables(measurements=[broken("failed", reason), *HEALTHY[2:]]))
    (fp32, _) = csv.DictReader(io.StringIO(text))
    assert fp32["reason"] == "'" + reason


def test_json_says_its_schema_and_keeps_raw_values():
    plain = json.loads(renderer("json")(tables()))
    assert plain["schema"] == "gpubench.table/1"
    assert plain["tables"][0]["rows"][0]["samples_per_second"] == pytest.approx(79.2, rel=1e-2)


def test_an_unknown_format_brings_the_nearest():
    with pytest.raises(UnknownName, match="did you mean markdown"):
        format_named("markdwon")
