"""Files that are no report, or want to be more than one: answered or refused, never a traceback."""

import json
import os
import random
import re
import time

import pytest

from gpubench import codec
from gpubench.cli.app import main
from gpubench.env.saved import MAX_BYTES
from gpubench.render.findings import FORMATS
from tests.checks.healthy import QUICK, with_gpus
from tests.fakedriver import build
from tests.fakedriver.test_scenarios import report  # noqa: F401 - a fixture
from tests.render.test_formats import PARSERS

SECONDS = 2.0
"""Of this processor's time, for any input."""
REPORT = (
    "PyTorch version: 2.6.0+cu124\nCUDA used to build PyTorch: 12.4\nIs CUDA available: True\n"
    "GPU models and configuration: GPU 0: Tesla T4\nNvidia driver version: 550.54.15\n"
)
CHINESE = f"我的电脑出错了，请帮忙看一下。\n环境信息如下：\n{REPORT}报错：找不到显卡驱动，谢谢！\n"
NOISE = random.Random(11)
BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE nvidia_smi_log [\n<!ENTITY a0 "lol">\n'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">\n' for n in range(1, 12))
    + '<!ENTITY file SYSTEM "file:///etc/passwd">\n]>\n<nvidia_smi_log>\n'
    "<driver_version>550.54.15</driver_version><cuda_version>&file;</cuda_version>\n"
    '<gpu id="00000000:01:00.0"><product_name>&a11;</product_name></gpu>\n</nvidia_smi_log>\n'
)


@pytest.fixture
def ask(capsys):
    """Runs a command in time: its status, stdout and stderr."""

    def run(*arguments):
        capsys.readouterr()
        began = time.process_time()
        status = main([str(argument) for argument in arguments])
        assert time.process_time() - began < SECONDS
        shown = capsys.readouterr()
        for text in (shown.out, shown.err):
            assert "Traceback" not in text
            assert not obeyed(text)
        return int(status), shown.out, shown.err

    return run


def obeyed(text):
    """What a terminal would obey, the ends of lines aside."""
    return re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def refused(answer):
    status, out, err = answer
    return (status, out, len(err.splitlines())) == (2, "", 1) and err.startswith("gpubench: ")


def places(folder):
    """Paths that lead to no readable file."""
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "large").write_bytes(REPORT.encode() + b"\n" * MAX_BYTES)
    return {
        "a pipe": folder / "pipe",
        "a folder": folder,
        "nothing": folder / "nothing",
        "a loop": folder / "loop",
        "a device": "/dev/zero",
        "too large": folder / "large",
        "a long name": folder / ("x" * 5000),
        "a name with codes": f"{folder}/\x1b[31mred\x07",
        "a name with a NUL": f"{folder}/a\0b",
        "below a file": folder / "large" / "x",
    }


COMMANDS = (("doctor", "--from"), ("doctor", "--against"), ("plan", "--from"), ("plan", "--file"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "kind",
    [
        "a pipe", "a folder", "nothing", "a loop", "a device", "too large", "a long name",
        "a name with codes", "a name with a NUL", "below a file",
    ],
)  # fmt: skip
def test_what_is_no_readable_file_is_refused_in_one_line(tmp_path, ask, command, kind):
    assert refused(ask(*command, places(tmp_path)[kind]))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_that_may_not_be_read_is_refused_in_one_line(tmp_path, ask, command):
    path = tmp_path / "closed"
    path.write_text(REPORT)
    path.chmod(0)
    answer = ask(*command, path)
    assert refused(answer)
    assert "Permission denied" in answer[2]


def test_the_reason_of_the_system_is_kept(tmp_path, ask, monkeypatch):
    """As root sees it who may read everything: the system refuses for another reason."""

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "closed"
    path.write_text(REPORT)
    monkeypatch.setattr("pathlib.Path.open", refuse)
    answer = ask("doctor", "--from", path)
    assert refused(answer)
    assert "Permission denied" in answer[2]


CONTENTS = {
    "empty": b"",
    "blank": b"\n \t\r\n" * 100,
    "NULs": b"\0" * 100_000,
    "noise": NOISE.randbytes(MAX_BYTES),
    "letters": "".join(NOISE.choices("abcdef @:=/._-\\\n", k=2**20)).encode() * 9,
    "one line": b"a" * MAX_BYTES,
    "prose": b"my computer does not work, please help\n" * 200_000,
    "picture": b"\x89PNG\r\n\x1a\n" + NOISE.randbytes(100_000),
    "half a JSON": b'{"schema": "gpubench.snapshot/1", "gpus": [',
    "deep JSON": b'{"a":' * 200_000,
    "deep and whole JSON": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "deep snapshot": b'{"schema": "gpubench.snapshot/1", "host": '
    + b"[" * 90_000 + b"]" * 90_000 + b"}",
    "other schema": b'{"schema": "gpubench.run/1"}',
    "later schema": b'{"schema": "gpubench.snapshot/2", "gpus": []}',
    "schema of codes": b'{"schema": "\\u001b[31mred\\u0007"}',
    "no schema": b'{"gpus": []}',
    "wrong field": b'{"schema": "gpubench.snapshot/1", "gpus": "\\u001b[31m"}',
    "a number that is long": b'{"schema": ' + b"9" * 100_000 + b"}",
    "a list": b"[1, 2]",
    "NaN": b'{"schema": "gpubench.snapshot/1", "gpus": NaN}',
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS[:3], ids=" ".join)
@pytest.mark.parametrize("kind", CONTENTS)
def test_what_is_no_report_is_refused_in_one_line(tmp_path, ask, command, kind):
    path = tmp_path / "report"
    path.write_bytes(CONTENTS[kind])
    assert refused(ask(*command, path))


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_report_before_10_mib_of_noise_is_read_or_refused_in_time(tmp_path, ask, kind):
    path = tmp_path / "report"
    path.write_bytes((REPORT.encode() + CONTENTS[kind])[:MAX_BYTES])
    status, out, _ = ask("doctor", "--from", path, "--format", "json")
    if status == 2:
        assert kind in ("noise", "NULs", "picture")
    else:
        assert json.loads(out)["snapshot"]["driver"]["version"] == "550.54.15"


@pytest.mark.parametrize("form", FORMATS)
def test_an_entity_bomb_is_not_expanded_and_no_file_is_read(tmp_path, ask, form):
    path = tmp_path / "report"
    for text in (BOMB, f"my GPU:\n{BOMB}\n{REPORT}", BOMB.replace("\n", "\r\n")):
        path.write_text(text)
        status, out, err = ask("doctor", "--from", path, "--format", form)
        assert status in (0, 1, 2)
        assert "root:x:" not in out + err
        assert "lollol" not in out + err


ENCODINGS = {
    "UTF-8": CHINESE.encode(),
    "UTF-8 with a mark": CHINESE.encode("utf-8-sig"),
    "UTF-16": CHINESE.encode("utf-16"),
    "UTF-16 without a mark": CHINESE.encode("utf-16-le"),
    "UTF-16, the other way": b"\xfe\xff" + CHINESE.encode("utf-16-be"),
    "GBK": CHINESE.encode("gbk"),
    "GB18030": CHINESE.encode("gb18030"),
    "Big5, as far as it goes": CHINESE.encode("big5", "replace"),
    "CRLF": CHINESE.replace("\n", "\r\n").encode(),
    "CRLF in GBK": CHINESE.replace("\n", "\r\n").encode("gbk"),
    "CR": CHINESE.replace("\n", "\r").encode(),
    "NULs": CHINESE.replace("2.6", "\0002.6").replace("Tesla", "Te\0sla").encode(),
    "colours": CHINESE.replace("Tesla T4", "\x1b[1mTesla\x1b[0m T4\x07").encode(),
    "mostly Chinese in GBK": ("显卡驱动安装失败，" * 4000 + "\n" + CHINESE).encode("gbk"),
}


@pytest.mark.parametrize("kind", ENCODINGS)
def test_the_facts_of_a_report_are_read_in_any_encoding(tmp_path, ask, kind):
    path = tmp_path / "report"
    path.write_bytes(ENCODINGS[kind])
    status, out, err = ask("doctor", "--from", path, "--format", "json")
    assert (status, err) == (0, "")
    snapshot = json.loads(out)["snapshot"]
    assert snapshot["torch"]["version"] == "2.6.0+cu124"
    assert snapshot["driver"]["version"] == "550.54.15"
    assert [gpu["name"] for gpu in snapshot["gpus"]] == ["Tesla T4"]


NAME = "\x1b]0;owned\x07\x1b[31mTesla\x1b[0m T4\x9b2J\u202egnp\u2066\x08\x7f\r\x00"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["a paste", "a snapshot"])
def test_a_name_with_terminal_codes_is_harmless_in_every_format(tmp_path, ask, form, kind):
    path, kept = tmp_path / "report", tmp_path / "kept.json"
    text = REPORT.replace("Tesla T4", NAME)
    if kind == "a snapshot":
        text = codec.to_json(with_gpus(QUICK, name=NAME, persistence=False))
    path.write_bytes(text.encode())
    status, out, _ = ask("doctor", "--from", path, "--format", form, "--save-snapshot", kept)
    assert status in (0, 1)
    PARSERS[form](out)
    assert not obeyed(kept.read_text())
    for words in ("text", "json", "markdown"):
        ask("plan", "--from", path, "--format", words)


@build.needs_cc
def test_a_name_with_terminal_codes_of_a_living_driver_is_harmless(report, capsys, monkeypatch):  # noqa: F811
    lines = "gpu.*.name \x1b]0;owned\x07\x1b[31mH100\x1b[0m\x9b2J\x08\x7f"
    monkeypatch.setattr(build, "named", lambda _: build.but(build.healthy(8), lines))
    found = report("healthy")
    assert not obeyed(json.dumps(found, ensure_ascii=False))
    assert found["snapshot"]["gpus"][7]["name"].startswith("H100")
    for form in FORMATS:
        main(["doctor", "--level", "quick", "--format", form])  # the fixture's machine is asked
        shown = capsys.readouterr()
        assert not obeyed(shown.out + shown.err)
        assert "H100" in shown.out or form in ("junit", "prometheus", "sarif", "github")


@pytest.mark.parametrize("name", ["Dockerfile", "requirements.txt", "environment.yml", "uv.lock"])
@pytest.mark.parametrize("kind", CONTENTS)
def test_a_file_to_be_planned_for_is_answered_or_refused(tmp_path, ask, name, kind):
    path = tmp_path / name
    path.write_bytes(CONTENTS[kind][: 2**20])
    status, _, err = ask("plan", "--file", path)
    assert status in (0, 2)
    assert len(err.splitlines()) == (1 if status else 0)
