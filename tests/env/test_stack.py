"""What an image says it is made of."""

import dataclasses

import pytest

from gpubench.env.probe import take_snapshot
from gpubench.env.sources import Sources
from gpubench.env.stack import installed_here, pins_of, read_stack
from tests.env.machine import tree

FILE = "/opt/gpubench/constraints.txt"
VARIABLES = {
    "GPUBENCH_CONSTRAINTS": FILE,
    "GPUBENCH_STACK": "2.8",
    "GPUBENCH_REVISION": "abc",
    "GPUBENCH_IMAGE": "registry.example.com/gpubench@sha256:0123",
}


def read(tmp_path, text, variables=VARIABLES):
    sources = dataclasses.replace(tree(tmp_path, {FILE: text}), variables=variables)
    unread = {}
    found = read_stack(sources, unread, {"torch": "2.8.0"}.get)
    return found, unread


def test_a_stack_is_read_with_what_is_installed_of_it(tmp_path):
    stack, unread = read(tmp_path, "# Stack 2.8\ntorch==2.8.0\nPillow==11.0  # why\n")
    assert (stack.name, stack.revision) == ("2.8", "abc")
    assert stack.image == VARIABLES["GPUBENCH_IMAGE"]
    assert stack.pins == {"torch": "2.8.0", "pillow": "11.0"}
    assert stack.installed == {"torch": "2.8.0"}
    assert not unread


def test_outside_the_images_there_is_none(tmp_path):
    assert read(tmp_path, "torch==2.8.0", {}) == (None, {})


@pytest.mark.parametrize(("text", "words"), [("", "is empty"), ("torch>=2\n", "pins nothing")])
def test_a_file_without_pins_is_said(tmp_path, text, words):
    stack, unread = read(tmp_path, text)
    assert stack.pins == {}
    assert words in unread["stack.pins"]


def test_a_file_that_is_not_there_is_said(tmp_path):
    unread = {}
    stack = read_stack(Sources(root=tmp_path, variables=VARIABLES), unread)
    assert stack.pins == {}
    assert "is not there" in unread["stack.pins"]


def test_a_password_in_an_image_reference_is_not_kept(tmp_path):
    variables = {**VARIABLES, "GPUBENCH_IMAGE": "https://me:hunter2@registry.example.com/x"}
    stack, _ = read(tmp_path, "torch==2.8.0", variables)
    assert "hunter2" not in stack.image


def test_names_are_normalised():
    assert pins_of("Typing_Extensions == 4.1\n-r other.txt\n") == {"typing-extensions": "4.1"}


def test_what_is_installed_is_asked_of_this_interpreter():
    assert installed_here("pytest") == pytest.__version__
    assert installed_here("no-such-distribution") is None


def test_the_snapshot_holds_it(tmp_path, monkeypatch):
    (tmp_path / "stack.txt").write_text("pytest==0.1\n")
    monkeypatch.setenv("GPUBENCH_CONSTRAINTS", str(tmp_path / "stack.txt"))
    stack = take_snapshot().stack
    assert stack.pins == {"pytest": "0.1"}
    assert stack.installed == {"pytest": pytest.__version__}
