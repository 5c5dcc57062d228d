"""Pastes as people send them: mixed, cut, quoted, in other encodings, hostile."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpubench.env.readers.registry import READERS, read_report
from gpubench.errors import UnreadableInput
from tests.env.readers.reports import read

LINES = (
    "PyTorch version: 2.6.0+cu124\n"
    "CUDA used to build PyTorch: 12.4\n"
    "GPU models and configuration: GPU 0: Tesla T4\n"
    "Nvidia driver version: 550.54.15\n"
)


def facts(found):
    return (found.torch.version, found.torch.cuda, found.driver.version, found.gpus[0].name)


WANTED = ("2.6.0+cu124", "12.4", "550.54.15", "Tesla T4")


@pytest.mark.parametrize(
    "content",
    [
        LINES.encode(),
        LINES.replace("\n", "\r\n").encode(),
        LINES.replace("\n", "\r").encode(),
        LINES.encode("utf-16"),
        LINES.encode("utf-16-le"),
        LINES.encode("utf-16-be"),
        LINES.encode("utf-8-sig"),
        "".join(f"> {line}\n" for line in LINES.splitlines()).encode(),
        f"```\n{LINES}```\n".encode(),
        "".join(f"- {line}\n" for line in LINES.splitlines()).encode(),
        "".join(f"    {line}\n" for line in LINES.splitlines()).encode(),
        f"环境信息如下,求助:\n{LINES}\n谢谢".encode(),
        LINES.replace(": ", "：").encode(),
        LINES.replace(" ", "\u00a0").encode(),
        b"\x1b[31m" + LINES.replace("Tesla", "\x1b[1mTesla\x1b[0m").encode(),
        LINES.replace("Tesla", "Te\0sla").encode(),
    ],
    ids=range(16),
)
def test_the_same_report_in_another_dress_says_the_same(content):
    assert facts(read(content)) == WANTED


def test_the_first_of_two_reports_counts():
    assert facts(read(LINES + LINES.replace("2.6.0", "2.7.0"))) == WANTED


def test_a_report_cut_at_any_place_says_no_more_than_before():
    whole = read(LINES)
    for end in range(25, len(LINES)):
        found = read(LINES[:end])
        assert found.torch is None or whole.torch.version.startswith(found.torch.version)


def test_lines_nobody_knows_are_counted_and_harm_nothing():
    found = read(f"my machine:\n{LINES}\nthanks in advance\n")
    assert facts(found) == WANTED
    assert found.paste.unread_line_count == 2
    assert found.paste.line_count == 6


def test_a_traceback_beside_the_report_is_kept_without_secrets():
    found = read(
        LINES + "\nTraceback (most recent call last):\n"
        '  File "/home/erin/x.py", line 1, in <module>\n'
        "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"
        "password=hunter2 https://me:secret@example.org/x hf_abcdefghijklmnopqrstuvw\n"
    )
    text = repr(found)
    assert any("no kernel image" in line for line in found.paste.said)
    for secret in ("erin", "hunter2", "me:secret", "hf_abcdef"):
        assert secret not in text


@pytest.mark.parametrize("end", ["-----END PRIVATE KEY-----\n", ""])
def test_a_private_key_is_taken_out_and_what_follows_it_is_read(end):
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 3
    found = read(f"{key}{end}{LINES}RuntimeError: CUDA error: out of memory\n")
    assert facts(found) == WANTED
    assert "MIIEv" not in repr(found)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 4096, bytes(range(256)) * 64, b"\x89PNG\r\n\x1a\n" + b"\0\xff" * 4096, b"hello"],
    ids=range(5),
)
def test_what_is_no_report_is_refused_in_one_line(content):
    with pytest.raises(UnreadableInput) as problem:
        read(content)
    assert "\n" not in str(problem.value)


def test_a_report_longer_than_is_looked_at_says_so():
    found = read(LINES + "noise\n" * 200_000)
    assert facts(found) == WANTED
    assert found.paste.is_cut


@given(st.text(max_size=2000))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(UnreadableInput):
        read_report(text.encode("utf-8", "surrogatepass"), "paste")


@given(
    st.lists(
        st.one_of(
            st.sampled_from(LINES.splitlines()),
            st.text(max_size=60),
            st.from_regex(r"\A[A-Za-z ]{3,20}: [ -~]{0,30}\Z"),
        ),
        max_size=30,
    )
)
def test_any_mixture_of_lines_is_read_or_refused(lines):
    with contextlib.suppress(UnreadableInput):
        read_report("\n".join(lines).encode("utf-8", "surrogatepass"), "paste")


def test_every_reader_has_its_own_kind():
    assert len({reader.kind for reader in READERS}) == len(READERS)
