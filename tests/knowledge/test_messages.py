"""Error lines, as the programs that print them word them, and the cause each points to."""

import re
from pathlib import Path

import pytest

from gpubench.knowledge.messages import messages, messages_in

DATA = Path(__file__).parent.parent / "data" / "messages"


def paragraphs(path: Path) -> list[str]:
    """The messages of a file, one a paragraph."""
    return path.read_text("utf-8").strip().split("\n\n")


SILENT = paragraphs(DATA / "none.txt")
ROWS = [
    (path.stem, message)
    for path in sorted(DATA.glob("*.txt"))
    if path.stem != "none"
    for message in paragraphs(path)
]


def first_cause(text: str) -> str | None:
    found = (said.message for said in messages_in(text))
    return next((m.cause for m in found if m.cause and not m.is_programs), None)


@pytest.mark.parametrize(("cause", "line"), ROWS, ids=range(len(ROWS)))
def test_a_line_points_to_its_cause(cause, line):
    assert first_cause(f"Traceback (most recent call last):\n  import torch\n{line}\n") == cause


@pytest.mark.parametrize("line", SILENT, ids=range(len(SILENT)))
def test_the_fault_of_a_program_points_to_nothing(line):
    assert first_cause(line) is None


COMPLAINTS = """torch.cuda.is_available() is False
torch.cuda.is_available() returns False
CUDA is not available
my GPU is not detected by PyTorch
Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False.
RuntimeError: No CUDA GPUs are available""".splitlines()


@pytest.mark.parametrize("line", COMPLAINTS)
def test_a_complaint_that_no_gpu_is_used_is_understood(line):
    assert any(said.message.wants_gpu for said in messages_in(line))


@pytest.mark.parametrize("line", SILENT, ids=range(len(SILENT)))
def test_the_fault_of_a_program_is_no_complaint(line):
    assert not any(said.message.wants_gpu for said in messages_in(line))


def test_every_row_says_what_it_means_and_where_that_stands():
    for message in messages():
        assert message.meaning
        assert message.source
        assert message.cause or message.wants_gpu or "memory" in message.meaning


@pytest.mark.parametrize("message", messages(), ids=lambda m: m.pattern.pattern[:30])
def test_no_pattern_takes_longer_than_the_text_is_long(message):
    """Repeats of a pattern's own words are where a careless one goes quadratic."""
    words = re.findall(r"[A-Za-z_]{4,}", message.pattern.pattern)[:40]
    for word in words:
        message.pattern.search(f"{word} " * (20_000 // len(word)))
