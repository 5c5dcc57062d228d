"""Snapshots read back, and what is no snapshot."""

import io
import json
import os
import sys

import pytest

from gpubench import codec
from gpubench.checks.report import make_report
from gpubench.checks.running import run_checks
from gpubench.env.saved import MAX_BYTES, read_snapshot
from gpubench.errors import UnknownSchema, UnreadableInput
from tests.checks.healthy import HEALTHY, change


def written(tmp_path, text):
    path = tmp_path / "file.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_a_snapshot_and_a_report_that_holds_one_are_read(tmp_path):
    report = make_report(HEALTHY, run_checks(HEALTHY))
    assert read_snapshot(written(tmp_path, codec.to_json(HEALTHY))) == HEALTHY
    assert read_snapshot(written(tmp_path, codec.to_json(report))) == HEALTHY


def test_stdin_is_read_for_a_dash(monkeypatch):
    content = io.BytesIO(codec.to_json(HEALTHY).encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    assert read_snapshot("-") == HEALTHY


DEEP = "[" * 100_000
NESTED = '{"schema": "gpubench.snapshot/1", "environment": ' + '{"a":' * 900 + "1" + "}" * 901


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        codec.to_json(HEALTHY)[:5000],
        "null",
        "[]",
        '{"schema": null}',
        '{"schema": "gpubench.doctor/1"}',
        '{"schema": "gpubench.doctor/1", "snapshot": []}',
        '{"schema": "gpubench.snapshot/1", "gpus": [{"index": "many"}]}',
        '{"schema": "gpubench.snapshot/1", "host": 3}',
        b"\xff\xfe{\x00}\x00",
        b"\x00" * 1000,
        DEEP,
        NESTED,
        "NaN",
        os.urandom(100_000),
    ],
    ids=range(16),
)
def test_what_is_no_snapshot_is_refused_in_one_line(tmp_path, content):
    with pytest.raises(UnreadableInput) as refused:
        read_snapshot(written(tmp_path, content))
    assert str(refused.value)


@pytest.mark.parametrize("schema", ["gpubench.snapshot/2", "gpubench.run/1", "other"])
def test_another_schema_is_named(tmp_path, schema):
    with pytest.raises(UnknownSchema, match=r"gpubench\.snapshot/1"):
        read_snapshot(written(tmp_path, json.dumps({"schema": schema})))


def test_a_folder_a_missing_file_and_a_pipe_are_refused(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, tmp_path / "missing", pipe):
        with pytest.raises(UnreadableInput):
            read_snapshot(str(path))


def test_a_file_that_is_too_large_is_refused(tmp_path):
    with pytest.raises(UnreadableInput, match="larger than"):
        read_snapshot(written(tmp_path, b" " * (MAX_BYTES + 1)))


def test_secrets_in_a_file_do_not_come_through(tmp_path):
    leaking = change(
        HEALTHY,
        environment={"LD_LIBRARY_PATH": "/home/alice/x"},
        unread={"python": "proxy https://u:hunter2@proxy.example"},
    )
    read = read_snapshot(written(tmp_path, codec.to_json(leaking)))
    assert read.environment == {"LD_LIBRARY_PATH": "~/x"}
    assert "hunter2" not in codec.to_json(read)
