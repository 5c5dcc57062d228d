"""The claims of the source documents."""

from pathlib import Path

from gpubench.bench.modes import mode_named
from gpubench.cli.claim_parts import PARTS
from gpubench.knowledge.claims import claims
from gpubench.suites.registry import suite_named

PAGE = Path(__file__).parents[2] / "docs" / "claims.md"
ROWS = {f"F{number}" for number in range(1, 10)}


def test_every_row_of_the_list_is_there_and_ids_are_unique():
    assert {each.row for each in claims()} == ROWS
    assert len({each.id for each in claims()}) == len(claims())
    assert all(each.id.startswith(each.row) for each in claims())


def test_modes_and_suites_are_those_that_there_are():
    for each in claims():
        for mode in (*each.modes, *(name for pair in each.pairs for name in pair)):
            assert mode_named(mode)
        for suite in each.suites:
            assert suite_named(suite).trains


def test_a_bound_has_a_unit_and_a_direction_and_a_range_two_ends():
    for each in claims():
        assert (each.bound is None) == (each.direction is None)
        assert each.bound is None or each.unit is not None
        assert (each.upper is not None) == (each.direction == "within")


def test_every_claim_has_a_part_that_measures_it():
    measured = {part.name for parts in PARTS.values() for part in parts}
    for each in claims():
        assert each.part in measured


def test_what_was_read_into_vague_words_is_said():
    for each in claims():
        if any(word in each.words for word in ("nearly", "almost", "about", "–50")):
            assert each.chosen


def test_the_page_says_of_every_claim_and_part_how_it_is_decided():
    page = PAGE.read_text()
    for each in claims():
        assert f"| {each.id} |" in page or f"| {each.row} |" in page
    for part in (part for parts in PARTS.values() for part in parts):
        assert f"`{part.name}`" in page
