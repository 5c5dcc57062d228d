"""The page on pipelines shows what is checked, and GitHub and GitLab would take it."""

import re

import pytest

pytest.importorskip("yaml", reason="`nox -s manifests` brings it")

import yaml

from tests.ci.runner import ACTION
from tests.docker.test_manifests import ROOT, said, tool

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
FILES = sorted((ROOT / "docs" / "ci").glob("*.yml"))
SCRIPTS = sorted((ROOT / "ci").glob("*.sh"))
SCHEMAS = {
    "action.yml": ["vendor.github-actions"],
    "docs/ci/github.yml": ["vendor.github-workflows"],
    "docs/ci/gitlab.yml": ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
}


@pytest.mark.parametrize("path", SCHEMAS)
def test_a_file_follows_its_schema(path):
    status, words = said(tool("check-jsonschema"), "--builtin-schema", *SCHEMAS[path], path)
    assert status == 0, words


def test_every_example_has_a_schema():
    assert {f"docs/ci/{path.name}" for path in FILES} == set(SCHEMAS) - {"action.yml"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script):
    assert said(tool("shellcheck"), "-x", str(script.relative_to(ROOT))) == (0, "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_page_shows_the_file_as_it_is(path):
    shown = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert path.read_text(encoding="utf-8") in shown


def test_the_workflow_gives_inputs_that_the_action_has():
    (workflow,) = (yaml.safe_load(path.read_text()) for path in FILES if path.stem == "github")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    given = {name for step in steps if "gpubench" in step.get("uses", "") for name in step["with"]}
    assert given
    assert given <= set(ACTION["inputs"])


def test_no_example_pastes_an_expression_into_a_script():
    (workflow,) = (yaml.safe_load(path.read_text()) for path in FILES if path.stem == "github")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("status", [0, 1, 2, 3, 4, 5, 6, 130])
def test_the_page_says_what_each_status_means_to_a_job(status):
    assert f"| {status} |" in PAGE
