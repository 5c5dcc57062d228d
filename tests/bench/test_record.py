"""A record keeps what it was given, whatever ends the run."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gpubench.bench.job import Subject
from gpubench.bench.record import RecordWriter, Source, read_record
from gpubench.errors import BadUsage, UnknownSchema, UnreadableInput
from tests.fakes.records import FACTS, HEADER, HEALTHY, PARITIES, broken, measurement, write


def test_a_record_is_read_as_it_was_written(tmp_path):
    write(tmp_path)
    read = read_record(tmp_path)
    assert read.header == HEADER
    assert read.workloads == {Subject("deit"): FACTS}
    assert read.measurements == HEALTHY
    assert list(read.parities.values()) == list(PARITIES)
    assert not read.torn


def test_the_file_may_be_named_instead_of_its_folder(tmp_path):
    write(tmp_path)
    assert read_record(tmp_path / "record.jsonl").measurements == HEALTHY


def test_of_a_process_that_was_run_again_the_last_line_holds(tmp_path):
    write(tmp_path, measurements=[broken("failed", "killed"), measurement()])
    assert [m.state for m in read_record(tmp_path).measurements] == ["ok"]


@pytest.mark.parametrize("cut", range(1, 140, 13))
def test_a_record_cut_anywhere_in_its_last_line_loses_that_line_alone(tmp_path, cut):
    writer = write(tmp_path)
    content = writer.path.read_bytes()
    writer.path.write_bytes(content[:-cut])
    read = read_record(tmp_path)
    assert read.torn
    assert read.measurements == HEALTHY
    assert len(read.parities) == 1


def test_going_on_after_a_torn_line_writes_a_clean_one(tmp_path):
    writer = write(tmp_path, measurements=HEALTHY[:1], parities=())
    with writer.path.open("ab") as stream:
        stream.write(b'{"kind": "measurem')
    RecordWriter.reopen(tmp_path).append(HEALTHY[1])
    read = read_record(tmp_path)
    assert (read.torn, read.measurements) == (False, HEALTHY[:2])


def test_an_existing_record_is_not_overwritten(tmp_path):
    write(tmp_path)
    with pytest.raises(BadUsage, match="--resume"):
        RecordWriter.create(tmp_path, HEADER)
    assert read_record(tmp_path).measurements == HEALTHY


def test_an_unknown_schema_is_refused(tmp_path):
    write(tmp_path, header=dataclasses.replace(HEADER, schema="gpubench.run/2"))
    with pytest.raises(UnknownSchema, match=r"gpubench.run/2"):
        read_record(tmp_path)


def test_lines_of_a_newer_kind_are_counted_and_passed_over(tmp_path):
    writer = write(tmp_path)
    with writer.path.open("a") as stream:
        stream.write('{"kind": "telemetry"}\n')
    assert read_record(tmp_path).unknown_lines == 1


@pytest.mark.parametrize("content", [b"", b'{"kind": "head', b"\x00" * 100 + b"\n", b"[]\n"])
def test_what_is_no_record_is_refused(tmp_path, content):
    (tmp_path / "record.jsonl").write_bytes(content)
    with pytest.raises(UnreadableInput):
        read_record(tmp_path)


def test_a_loss_that_is_not_finite_is_kept_as_absent(tmp_path):
    write(tmp_path, measurements=[measurement(losses=(1.0, float("nan")))])
    assert read_record(tmp_path).measurements[0].losses == (1.0, None)


def test_throughput_is_samples_over_the_window():
    assert measurement(step=0.1, steps=10).throughput == pytest.approx(80)


def test_a_process_that_measured_nothing_has_no_throughput():
    with pytest.raises(ValueError, match="timed-out"):
        _ = broken("timed-out", "no answer").throughput


def test_a_record_with_its_header_alone_is_discarded(tmp_path):
    writer = RecordWriter.create(tmp_path / "run", HEADER)
    assert writer.discard_if_empty()
    assert not (tmp_path / "run").exists()


def test_a_record_with_lines_is_never_discarded(tmp_path):
    writer = write(tmp_path)
    assert not writer.discard_if_empty()
    assert writer.path.exists()


def test_a_source_keeps_no_path():
    source = Source.of(str(Path(__file__).parent))
    assert source.name == "bench"
    assert str(Path(__file__).parent) not in str(source)
    assert Source.of("org/model").name == "org/model"


def test_lines_written_before_a_kill_are_all_there(tmp_path):
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.fakes.records import write\n"
        "write(Path(sys.argv[1]))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -signal.SIGKILL
    assert read_record(tmp_path).measurements == HEALTHY
