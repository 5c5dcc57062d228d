"""What `nox -s images` builds and tries; the building itself is done by name."""

import pytest

from tests.docker import build, resolve
from tests.docker.stacks import ASKED
from tests.docker.trials import RUNTIME
from tests.docker.ways_in import DEV


def test_every_stack_is_built_as_runtime_and_the_newest_as_dev():
    images = build._images([], None)
    assert images == [*((stack, "runtime") for stack in ASKED), ("current", "dev")]


def test_one_image_can_be_asked_for():
    assert build._images(["2.8"], "dev") == [("2.8", "dev")]
    assert build._images(["2.8"], None) == [("2.8", "runtime")]


def test_the_certificate_of_pip_stays_outside_of_the_layers(tmp_path):
    certificate = tmp_path / "ca.crt"
    volumes = build._volumes(certificate, tmp_path)
    assert volumes[1::2] == [
        f"{certificate}:/run/pip-ca.crt:ro",
        f"{tmp_path / 'pip.conf'}:/etc/pip.conf:ro",
    ]
    assert build._volumes(None, tmp_path) == []


@pytest.mark.parametrize("trial", dict.fromkeys((*RUNTIME, *DEV)), ids=lambda trial: trial.__name__)
def test_a_trial_says_what_it_tries(trial):
    assert trial.__doc__.endswith(".")


def test_a_build_without_room_is_not_begun(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "_ask", lambda *command: str(tmp_path))
    monkeypatch.setattr(build, "NEEDED_BYTES", 2**63)
    with pytest.raises(SystemExit, match="make room first"):
        build._hold_room()


def test_a_stack_that_does_not_resolve_is_said(monkeypatch):
    monkeypatch.setattr(resolve, "PYTHON", "no-version")
    with pytest.raises(SystemExit, match=r"stack 2\.8 does not resolve"):
        resolve._report("2.8", ())


def test_settings_of_this_machine_do_not_reach_the_resolver(monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", "/somewhere")
    monkeypatch.setenv("PIP_CERT", "/ca.crt")
    settings = resolve._environment()
    assert "PIP_FIND_LINKS" not in settings
    assert settings["PIP_CONFIG_FILE"] == "/dev/null"
    assert settings["PIP_CERT"] == "/ca.crt"


def test_an_image_is_tried_and_asked_before_it_is_removed(monkeypatch):
    done = []
    monkeypatch.setattr(build, "_remove", lambda name: done.append("removed"))
    monkeypatch.setattr(build, "_ask", lambda *command: done.append("asked") or "8 GB|sha256:00")

    def lazily(name, trials):
        done.append("tried")
        yield from ()

    monkeypatch.setattr(build, "_try", lazily)
    options = build._options(["2.8", "--built"])
    build._one("2.8", "runtime", "base", [], options)
    assert done == ["tried", "asked", "asked", "removed"]
