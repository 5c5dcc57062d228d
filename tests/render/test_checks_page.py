"""The page of all checks."""

from pathlib import Path

import pytest

from gpubench.checks.registry import CHECKS
from gpubench.render.checks_page import main, page

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"


def test_the_page_is_current():
    """Written by ``python -m gpubench.render.checks_page``."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_command_writes_the_page(tmp_path):
    main(tmp_path / "checks.md")
    assert (tmp_path / "checks.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_stands_there_with_all_that_is_said_of_it(check):
    _, found, rest = page().partition(f"\n### {check.id}\n")
    assert found
    section = rest.partition("\n### ")[0]
    for label in ("- Why: ", "- Remedy: ", "- Cause: ", "- Level: ", "- Reference: "):
        assert label in section
    assert f"`{check.cause}`" in section


@pytest.mark.parametrize(
    ("check", "level"),
    [("torch.cudnn", "quick"), ("cuda.init", "standard"), ("fn.gemm", "standard")],
)
def test_the_level_is_the_one_at_which_it_is_answered(check, level):
    section = page().partition(f"\n### {check}\n")[2].partition("\n### ")[0]
    assert f"- Level: {level}\n" in section
