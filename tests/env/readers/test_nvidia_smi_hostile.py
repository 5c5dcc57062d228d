import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpubench.env.readers import nvidia_smi, nvidia_smi_q, nvidia_smi_xml
from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted
from tests.env.readers.smi import OUTPUTS

READERS = (nvidia_smi_xml, nvidia_smi_q, nvidia_smi)
RECORDED = [path.read_text(encoding="utf-8") for path in sorted(OUTPUTS.iterdir())]
PIECES = sorted({line for text in RECORDED for line in text.splitlines()})


def read_all(text):
    pasted, draft = Pasted(text), Draft()
    for reader in READERS:
        reader.read(pasted, draft)
    return draft.snapshot(("nvidia_smi",), {})


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=80), max_size=40))
def test_lines_in_any_order_are_no_error(lines):
    read_all("\n".join(lines))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_report_with_anything_changed_is_no_error(data):
    text = data.draw(st.sampled_from(RECORDED))[:20_000]
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 200)))
        text = text[:start] + data.draw(st.text(max_size=30)) + text[end:]
    read_all(text)


NOISE = random.Random(7)
ALPHABET = "abcdef GPU|:. \t0123456789<>/&%[],+-\\"
ANCHORS = (
    "| NVIDIA-SMI 535.104.05   Driver Version: 535.104.05   CUDA Version: 12.2 |",
    "==============NVSMI LOG==============",
    "<nvidia_smi_log>",
    "GPU 0: NVIDIA A100 (UUID: GPU-0)",
    "\tGPU0\tGPU1\tCPU Affinity",
    "index, name, driver_version, memory.total [MiB]",
)
LINES = {
    "noise": ["".join(NOISE.choices(ALPHABET, k=50)) for _ in range(2000)] * 40,
    "bars": ["|" * 3000] * 1000,
    "blanks": ["| " + " " * 3000] * 1000,
    "addresses": ["GPU 00000000:00:00.0 " * 100] * 1500,
    "heads": ["NVIDIA-SMI 1 NVIDIA-SMI 535.1 " * 100] * 1000,
    "documents": ["<!-- <nvidia_smi_log"] * 100_000,
    "sections": ["Remapped Rows"] * 100_000,
    "commas": ["a.b," * 900] * 800,
    "one line": ["GPU0 " * 500_000],
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES.keys())
def test_noise_around_an_anchor_is_read_in_time_that_grows_with_it(lines):
    text = "\n".join([*ANCHORS, *lines])
    started = time.process_time()
    read_all(text)
    assert time.process_time() - started < 10  # a guard against growth by the square
