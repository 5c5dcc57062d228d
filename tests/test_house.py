"""Rules that hold for the whole house."""

import re
from pathlib import Path

import pytest

from gpubench.cli.app import app
from gpubench.errors import ExitStatus

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands():
    return [entry.name or entry.callback.__name__ for entry in app.registered_commands]


def two_commands():
    section = README.split("## Two commands")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)\n```", section, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_readme(command):
    assert f"gpubench {command}" in README


def test_the_two_commands_are_two_lines():
    setup, check = two_commands()
    assert "\n" not in setup + check
    assert "gpubench doctor" in setup
    assert "gpubench run" in setup
    assert "-m pytest" in check


@pytest.mark.parametrize("status", ExitStatus)
def test_every_exit_status_is_in_the_readme(status):
    assert re.search(rf"^\| {int(status)} \|", README, flags=re.MULTILINE)


def test_what_the_readme_links_to_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_session_of_nox_has_a_docstring():
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    sessions = re.findall(r"@nox\.session.*?\ndef \w+\(.*?\) -> None:\n    (.*)", source)
    assert len(sessions) == source.count("@nox.session")
    assert all(line.startswith('"""') for line in sessions)


@pytest.mark.parametrize(
    "package", sorted((ROOT / "gpubench").glob("*/")), ids=lambda path: path.name
)
def test_tests_mirror_the_package(package):
    if not (package / "__init__.py").exists():
        pytest.skip("not a package")
    assert (ROOT / "tests" / package.name).is_dir()
