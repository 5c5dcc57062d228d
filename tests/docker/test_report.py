"""What was found in the images, kept and shown."""

import dataclasses
import json

import pytest

from tests.docker.again import Compared
from tests.docker.report import Built, Tried, main, note, table
from tests.docker.stacks import ASKED, ROOT

FINE = Tried(name="is_no_root", words="The user is not root.", problem="", seconds=1.2)
BROKEN = Tried(
    name="trains", words="It trains.", problem="exit status 6", seconds=70, notes=("a", "b")
)


def built(**changes):
    fields = {
        "stack": "2.8", "target": "runtime", "torch": "2.8.0", "revision": "31adc96cc9ac4",
        "seconds": 223.1, "size": "8.16 GB", "digest": "sha256:cd74", "tried": (FINE,),
    }  # fmt: skip
    return Built(**{**fields, **changes})


@pytest.fixture
def file(tmp_path):
    return tmp_path / "reports" / "images.json"


def test_an_image_that_is_tried_again_keeps_the_seconds_of_its_build(file):
    note(file, built())
    note(file, built(seconds=None))
    (image,) = json.loads(file.read_text())["images"].values()
    assert image["seconds"] == 223.1


def test_trials_of_the_same_image_are_kept_and_those_of_another_are_not(file):
    note(file, built(tried=(FINE, BROKEN)))
    mended = dataclasses.replace(BROKEN, problem="")
    note(file, built(tried=(mended,)))
    (image,) = json.loads(file.read_text())["images"].values()
    assert [(t["name"], t["problem"]) for t in image["tried"]] == [
        ("is_no_root", ""),
        ("trains", ""),
    ]
    note(file, built(tried=(FINE,), digest="sha256:other"))
    (image,) = json.loads(file.read_text())["images"].values()
    assert [trial["name"] for trial in image["tried"]] == ["is_no_root"]


def test_each_image_has_a_row_and_what_was_tried_in_it(file, capsys):
    note(file, built())
    note(file, built(target="dev", tried=(FINE, BROKEN)))
    main([str(file)])
    shown = capsys.readouterr().out
    assert "| `2.8` | 2.8.0 | 223 s | 8.16 GB | 1 passed | - |\n" in shown
    assert "| `2.8-dev` | 2.8.0 | 223 s | 8.16 GB | failed: trains | - |\n" in shown
    assert "    no   It trains.: exit status 6 (70 s)\n         a\n         b\n" in shown


def test_what_a_second_build_gave_stays_when_the_image_is_only_tried_again(file):
    same = Compared(pip=73, debian=150, differing=(), seconds=200)
    note(file, built(again=same))
    note(file, built())
    shown = table(json.loads(file.read_text()))
    assert "| 1 passed | the same packages |" in shown
    assert "    built again: 73 of pip's packages, 150 of Debian's: nothing differs" in shown


def test_a_second_build_with_another_package_fails_the_image():
    moved = Compared(pip=73, debian=150, differing=("pip torch: 2.8.0, then 2.8.1",), seconds=200)
    assert built(again=moved).failed == ("built again",)


def test_an_image_that_failed_says_so_in_its_line():
    assert "FAILED: trains" in built(tried=(FINE, BROKEN)).line()
    assert "all trials passed" in built().line()


def test_the_table_that_lies_under_reports_is_that_of_its_file_and_nothing_failed_in_it():
    folder = ROOT / "reports" / "images"
    found = json.loads((folder / "images.json").read_text(encoding="utf-8"))
    assert (folder / "images.md").read_text(encoding="utf-8") == table(found)
    assert set(found["images"]) == {*ASKED, "current-dev"}
    tried = [trial for image in found["images"].values() for trial in image["tried"]]
    assert [trial["problem"] for trial in tried if trial["problem"]] == []


def test_a_table_of_nothing_has_no_rows():
    assert "| --- |" in table({"images": {}})
