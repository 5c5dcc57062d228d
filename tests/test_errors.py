"""Messages say what to do next."""

import sys
from pathlib import Path

from gpubench.errors import EXTRA_OF, ExitStatus, Interrupted, MissingPackage, UnknownName

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def test_an_unknown_name_brings_the_nearest_ones():
    assert str(UnknownName("suite", "bert-nre", ["deit", "bert-ner"])) == (
        "no suite named 'bert-nre'; did you mean bert-ner?"
    )


def test_a_name_near_to_nothing_brings_all():
    assert "known: a, b" in str(UnknownName("mode", "zzz", ["b", "a"]))


def test_a_missing_package_brings_the_install_line():
    assert "pip install 'gpubench[bench]'" in str(MissingPackage("torch", extra="bench"))


def test_a_failed_import_asks_for_the_extra_that_has_the_package():
    problem = ModuleNotFoundError("No module named 'scipy.special'", name="scipy.special")
    assert "needs scipy, which is not installed: pip install 'gpubench[gate]'" in str(
        MissingPackage.of(problem)
    )


def test_a_failed_import_of_our_own_is_no_missing_package():
    assert MissingPackage.of(ModuleNotFoundError("No module", name="gpubench.gone")) is None
    assert MissingPackage.of(ModuleNotFoundError("No module")) is None


def test_every_extra_that_is_named_brings_the_package():
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for module, extra in EXTRA_OF.items():
        wanted = {"torchcrf": "pytorch-crf", "numpy": "pandas"}.get(module, module)  # pandas has it
        assert any(line.startswith(wanted) for line in extras[extra])


def test_an_interruption_has_the_status_of_a_signal():
    assert Interrupted("stopped").status == ExitStatus.INTERRUPTED == 130
