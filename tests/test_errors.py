"""Messages say what to do next."""

from gpubench.errors import ExitStatus, Interrupted, MissingPackage, UnknownName


def test_an_unknown_name_brings_the_nearest_ones():
    assert str(UnknownName("suite", "bert-nre", ["deit", "bert-ner"])) == (
        "no suite named 'bert-nre'; did you mean bert-ner?"
    )


def test_a_name_near_to_nothing_brings_all():
    assert "known: a, b" in str(UnknownName("mode", "zzz", ["b", "a"]))


def test_a_missing_package_brings_the_install_line():
    assert "pip install 'gpubench[bench]'" in str(MissingPackage("torch", extra="bench"))


def test_an_interruption_has_the_status_of_a_signal():
    assert Interrupted("stopped").status == ExitStatus.INTERRUPTED == 130
