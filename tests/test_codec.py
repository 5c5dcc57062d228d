"""Files are there whole or not at all, and what is wrong in one is named."""

import dataclasses
import errno
import os
import subprocess
import sys

import pytest

from gpubench import codec
from gpubench.errors import UnknownSchema, UnreadableInput, UnwritableOutput


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    x: float
    labels: tuple[str, ...] = ()


def test_a_record_survives_being_written_and_read():
    point = Point(x=1.5, labels=("a", "b"))
    plain = codec.parse_json(codec.to_json(point), "here")
    assert codec.from_plain(Point, plain, "here") == point


def test_a_field_of_the_wrong_type_is_named():
    with pytest.raises(UnreadableInput, match=r"here: x: .*number"):
        codec.from_plain(Point, {"x": "much"}, "here")


def test_a_number_that_is_not_finite_is_written_as_null():
    assert codec.to_json({"loss": float("nan"), "all": [float("inf")]}) == (
        '{"loss": null, "all": [null]}'
    )


def test_broken_json_is_named_with_its_place():
    with pytest.raises(UnreadableInput, match="here: not valid JSON at line 1, column 5"):
        codec.parse_json('{"a"', "here")


def test_deep_json_is_refused_without_a_traceback():
    with pytest.raises(UnreadableInput, match="not valid JSON"):
        codec.parse_json("[" * 200_000, "here")


def test_another_major_schema_is_refused():
    with pytest.raises(UnknownSchema, match=r"gpubench.run/9"):
        codec.check_schema({"schema": "gpubench.run/9"}, "gpubench.run/1", "here")


def test_a_file_without_a_schema_is_refused():
    with pytest.raises(UnreadableInput, match="names no schema"):
        codec.check_schema([1], "gpubench.run/1", "here")


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo"])
def test_what_is_not_a_file_is_refused_without_waiting(tmp_path, kind):
    place = tmp_path / kind
    if kind == "folder":
        place.mkdir()
    if kind == "fifo":
        os.mkfifo(place)
    with pytest.raises(UnreadableInput, match=r"not a file|no such file"):
        codec.read_bytes(place)


def test_a_file_over_the_limit_is_refused(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(UnreadableInput, match="larger than 10 bytes"):
        codec.read_bytes(tmp_path / "large", limit=10)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    place = tmp_path / "table.md"
    place.write_text("old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnwritableOutput, match="No space left on device"):
        codec.write_text(place, "new")
    assert place.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.md"]


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableOutput, match=r"Not a directory|File exists"):
        codec.write_text(tmp_path / "file" / "table.md", "new")


def test_a_line_that_does_not_fit_on_the_disk_is_taken_back(tmp_path, monkeypatch):
    place = tmp_path / "record.jsonl"
    codec.append_line(place, {"line": 1})

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnwritableOutput, match="No space left"):
        codec.append_line(place, {"line": 2})
    assert codec.read_lines(place) == ([{"line": 1}], False)


LIMITED = """
import resource, signal, sys
from pathlib import Path
from gpubench import codec
from gpubench.errors import UnwritableOutput
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
codec.append_line(Path(sys.argv[1]), {"line": 1})
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    codec.append_line(Path(sys.argv[1]), {"line": "x" * int(sys.argv[3])})
except UnwritableOutput as problem:
    print(problem)
"""


@pytest.mark.parametrize("length", [200, 5_000, 50_000])
def test_a_line_cut_by_a_full_disk_leaves_the_record_readable(tmp_path, length):
    place = tmp_path / "record.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, place, "100", str(length)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "cannot write" in done.stdout
    assert codec.read_lines(place) == ([{"line": 1}], False)


def test_a_torn_last_line_is_dropped_and_said(tmp_path):
    place = tmp_path / "record.jsonl"
    place.write_bytes(b'{"line": 1}\n{"li')
    assert codec.read_lines(place) == ([{"line": 1}], True)


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    place = tmp_path / "record.jsonl"
    place.write_bytes(b'{"line": 1}\n{"li\n{"line": 3}\n')
    with pytest.raises(UnreadableInput, match="line 2"):
        codec.read_lines(place)
