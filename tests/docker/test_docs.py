"""The page for newcomers says what the doctor says."""

import re

import pytest

from gpubench.checks.registry import CHECKS
from gpubench.knowledge.messages import messages_in
from tests.docker.stacks import ASKED, ROOT

PAGE = (ROOT / "docs" / "from-bare-server.md").read_text(encoding="utf-8")
IMAGES = (ROOT / "docs" / "images.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ")
]
KNOWN = [
    pytest.param(seen.split("`")[1], cause.strip("`"), id=cause.strip("`"))
    for seen, cause, *_ in ROWS
    if re.fullmatch(r"`[a-z0-9-]+`", cause)
]


@pytest.mark.parametrize(("line", "cause"), KNOWN)
def test_the_doctor_names_the_cause_that_stands_beside_a_line(line, cause):
    causes = [found.message.cause for found in messages_in(f"RuntimeError: {line} ...")]
    assert causes[0] == cause


def test_the_page_has_such_lines():
    assert len(KNOWN) > 15


def test_a_check_that_is_named_is_one():
    """What has the form of a check's id and the first word of one is one."""
    ids = {check.id for check in CHECKS}
    areas = {name.partition(".")[0] for name in ids}
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", PAGE + IMAGES))
    assert {name for name in named if name.partition(".")[0] in areas} - ids == {
        "torch.compile"
    } & named


@pytest.mark.parametrize("stack", ASKED)
def test_every_stack_of_the_dockerfile_is_in_the_docs(stack):
    assert f"| `{stack}` |" in IMAGES
