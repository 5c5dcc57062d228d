"""``gpubench report`` renders what a run left behind."""

import io
import json
import sys

import pytest

pytest.importorskip("pandas")

from gpubench.cli.app import main
from gpubench.cli.report import print_tables
from gpubench.gate.compare import compare
from gpubench.render.compare import FORMATS as COMPARED
from gpubench.render.compare import renderer
from gpubench.render.registry import EXPORTS
from tests.fakes.records import HEALTHY, broken, record, write
from tests.fakes.sessions import sessions

pytestmark = pytest.mark.torch


def test_a_record_is_rendered_again(tmp_path, capsys):
    write(tmp_path)
    assert main(["report", str(tmp_path)]) == 0
    assert "SMOKE TEST" in capsys.readouterr().out


def test_several_records_follow_each_other(tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
    main(["report", str(tmp_path / "a"), str(tmp_path / "b"), "--format", "json"])
    tables = json.loads(capsys.readouterr().out)["tables"]
    assert [table["repeats"] for table in tables] == [False, False, True]
    assert "side by side" in tables[2]["title"]


def test_output_goes_to_a_file_whole(tmp_path, capsys):
    write(tmp_path)
    target = tmp_path / "out" / "table.md"
    assert main(["report", str(tmp_path), "--format", "markdown", "--output", str(target)]) == 0
    assert target.read_text().startswith("### deit")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b'{"kind": "header", "schema"', "its header is cut short"),
        (b'{"kind": "header", "schema": "gpubench.run/7"}\n', "schema 'gpubench.run/7'"),
        (b"\xff\xfe\x00 noise\n" * 1000, "not valid JSON"),
    ],
)
def test_what_is_no_record_is_one_line_and_status_2(tmp_path, capsys, content, said):
    (tmp_path / "record.jsonl").write_bytes(content)
    assert main(["report", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_an_output_that_cannot_be_written_is_one_line_and_status_2(tmp_path, capsys):
    write(tmp_path)
    (tmp_path / "file").write_text("")
    status = main(["report", str(tmp_path), "--output", str(tmp_path / "file" / "t")])
    assert status == 2
    assert "cannot write" in capsys.readouterr().err


def test_a_run_leaves_its_tables_in_every_format_and_prints_one(tmp_path, capsys):
    assert print_tables(record(), tmp_path, "csv") == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "table.txt", "table.md", "table.csv", "table.json"
    }  # fmt: skip
    assert capsys.readouterr().out == (tmp_path / "table.csv").read_text()


def test_a_run_with_an_invalid_cell_ends_with_status_6(tmp_path, capsys):
    spoilt = record(measurements=[broken("invalid", "TF32 leaked in"), *HEALTHY[2:]])
    assert print_tables(spoilt, tmp_path, "text") == 6
    assert "TF32 leaked in" in capsys.readouterr().out


def test_a_plot_is_drawn_in_characters_instead_of_tables(tmp_path, capsys):
    write(tmp_path)
    assert main(["report", str(tmp_path), "--plot", "parity"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("parity · deit")
    assert "images/s" not in out


def test_plots_are_written_beside_the_tables(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    write(tmp_path)
    assert main(["report", str(tmp_path), "--plots", str(tmp_path / "plots")]) == 0
    captured = capsys.readouterr()
    assert "images/s" in captured.out
    assert "wrote 8 files" in captured.err
    assert (tmp_path / "plots" / "parity-deit.png").stat().st_size > 1000


@pytest.mark.parametrize("options", [["--plot", "partiy"], ["--plots", "file/plots"]])
def test_a_plot_that_cannot_be_made_is_one_line_and_status_2(tmp_path, capsys, options):
    pytest.importorskip("matplotlib")
    write(tmp_path)
    (tmp_path / "file").write_text("")
    options = [option.replace("file", str(tmp_path / "file")) for option in options]
    assert main(["report", str(tmp_path), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_a_plot_in_characters_has_no_other_format(tmp_path, capsys):
    write(tmp_path)
    assert main(["report", str(tmp_path), "--plot", "parity", "--format", "json"]) == 2
    assert "leave --format json out" in capsys.readouterr().err
    assert main(["report", str(tmp_path), "--plot", "parity"]) == 0


@pytest.mark.parametrize("name", [entry.name for entry in EXPORTS])
def test_a_record_is_exported(tmp_path, capsys, name):
    write(tmp_path)
    assert main(["report", str(tmp_path), "--format", name]) == 0
    out, err = capsys.readouterr()
    assert "fp32" in out
    assert err == ""


def test_what_an_export_leaves_out_is_named(tmp_path, capsys):
    write(tmp_path, measurements=[broken("out-of-memory", "too big"), *HEALTHY[2:]])
    assert main(["report", str(tmp_path), "--format", "pytest-benchmark"]) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)["benchmarks"]) == 1
    assert err == "gpubench: left out: deit · fp32: out of memory: too big\n"


def test_two_records_in_a_format_of_one_are_status_2(tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
    sides = str(tmp_path / "a"), str(tmp_path / "b")
    assert main(["report", *sides, "--format", "pytest-benchmark"]) == 2
    assert "a file per record" in capsys.readouterr().err


@pytest.mark.parametrize("name", [entry.name for entry in COMPARED])
def test_a_comparison_is_rendered_as_it_was(tmp_path, capsys, name):
    found = compare(sessions((1, 2, 3)), sessions((11, 12, 13), slower=0.1))
    place = tmp_path / "comparison.json"
    place.write_text(renderer("json")(found))
    assert main(["report", str(place), "--format", name]) == 0
    assert capsys.readouterr().out == renderer(name)(found)


def test_a_comparison_has_no_price_and_no_plot(tmp_path, capsys):
    place = tmp_path / "comparison.json"
    place.write_text(renderer("json")(compare(sessions((1, 2, 3)), sessions((11, 12, 13)))))
    assert main(["report", str(place), "--price-per-hour", "2"]) == 2
    assert "shown as it is" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"schema": "gpubench.compare/7"}', "schema 'gpubench.compare/7'"),
        ('{"schema": "gpubench.compare/1", "verdict": "FINE"}', "verdict"),
        ('{"schema": "gpubench.compare/1"', "not valid JSON"),
        ("[]", "its header is cut short"),
    ],
)
def test_a_damaged_comparison_is_one_line_and_status_2(tmp_path, capsys, content, said):
    place = tmp_path / "comparison.json"
    place.write_text(content)
    assert main(["report", str(place)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


# -- pages and prices


def test_a_page_is_one_file_without_a_word_on_stdout(tmp_path, capsys):
    pytest.importorskip("jinja2")
    write(tmp_path)
    target = tmp_path / "out" / "page.html"
    assert main(["report", str(tmp_path), "--format", "html", "--output", str(target)]) == 0
    assert target.read_text().startswith("<!DOCTYPE html>")
    assert target.read_text().rstrip().endswith("</html>")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["text", "markdown", "json", "html"])
def test_what_a_price_buys_is_in_every_format_that_has_a_place_for_it(tmp_path, capsys, name):
    pytest.importorskip("jinja2")
    write(tmp_path)
    assert main(["report", str(tmp_path), "--format", name, "--price-per-hour", "2.49EUR"]) == 0
    out = capsys.readouterr().out
    assert "images per EUR" in out or name == "json"
    assert "2.49 EUR an hour" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--price-per-hour", "-3"], "give a price such as 2.49"),
        (["--price-per-hour", "1,2"], "one for each of the 1 records"),
        (["--price-per-hour", "2", "--format", "csv"], "has no place in csv"),
        (["--price-per-hour", "2", "--format", "junit"], "has no place in junit"),
        (["--plot", "parity", "--price-per-hour", "2"], "leave --price-per-hour out"),
        (["--plot", "parity", "--format", "html"], "leave --format html out"),
        (["--format", "htlm"], "did you mean html"),
    ],
)
def test_options_that_do_not_go_together_are_one_line_and_status_2(tmp_path, capsys, options, said):
    write(tmp_path)
    assert main(["report", str(tmp_path), *options]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


class Terminal(io.StringIO):
    """A stream that says it is a terminal, of an encoding."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.mark.parametrize(("encoding", "bar"), [("utf-8", "████"), ("ascii", "####")])
def test_on_a_terminal_bars_stand_below_the_tables(tmp_path, monkeypatch, encoding, bar):
    write(tmp_path)
    stream = Terminal()
    stream.encoding = encoding
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["report", str(tmp_path)]) == 0
    _, _, below = stream.getvalue().partition("Throughput by mode")
    assert bar in below
    assert "\x1b" not in below
    assert max(map(len, below.splitlines()[1:])) <= 60 + len("+-") - 1


def test_elsewhere_tables_stand_alone(tmp_path, capsys):
    write(tmp_path)
    main(["report", str(tmp_path)])
    assert "█" not in capsys.readouterr().out
