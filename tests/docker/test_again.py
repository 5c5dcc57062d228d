"""Two builds of a stack are the same stack when all that is pinned is."""

from tests.docker.again import Packages, compared, versions

FIRST = Packages(
    pip={"torch": "2.8.0", "numpy": "2.4.6"}, debian={"gcc": "12", "openssl": "3.0.17"}
)


def test_what_is_listed_is_read_by_name():
    assert versions("torch==2.8.0\n\nWARNING: no pin\n") == {"torch": "2.8.0"}


def test_the_same_packages_are_the_same_stack():
    found = compared(FIRST, FIRST, seconds=1)
    assert (found.pip, found.debian, found.differing) == (2, 2, ())
    assert found.line().endswith("nothing differs")


def test_a_package_of_pip_that_moved_is_another_stack():
    second = Packages(pip={"torch": "2.8.1", "pip": "26"}, debian=FIRST.debian)
    found = compared(FIRST, second, seconds=1)
    assert found.differing == (
        "pip numpy: 2.4.6, then none",
        "pip pip: none, then 26",
        "pip torch: 2.8.0, then 2.8.1",
    )
    assert not found.is_same_stack


def test_an_update_of_debian_is_said_and_is_the_same_stack():
    second = Packages(pip=FIRST.pip, debian={**FIRST.debian, "openssl": "3.0.18"})
    found = compared(FIRST, second, seconds=1)
    assert found.is_same_stack
    assert found.line().endswith("debian openssl: 3.0.17, then 3.0.18")
