"""Files made to take long or to break the readers end soon, as an answer or a refusal."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpubench.errors import UnreadableInput
from gpubench.plan.files.stated import MAX_BYTES
from tests.plan.helpers import judge

SECONDS = 6.0
"""Of this processor's time; seen are at most 1.5 s, and a backtracking reader takes minutes."""

NAMES = (
    "Dockerfile", "requirements.txt", "environment.yml", "pyproject.toml", "uv.lock",
         "Pipfile.lock", "notes.md", "train.py", "install.sh", "docker-compose.yml",
    "any")  # fmt: skip
HEAD = "FROM a\nRUN "
SHAPES = {
    "stages": "FROM nvidia/cuda:12.1-devel\n",
    "quotes": "\"'",
    "backslashes": "\\",
    "variables": "${",
    "heredocs": "RUN <<A\n",
    "brackets": "[({",
    "ampersands": "a&",
    "letters": "a",
    "spaces": " ",
    "lists": "  - pip:\n",
    "fences": "```\nFROM a\n```\n",
    "imports": "from torchvision import (deit_a\n",
    "images": "image: nvidia/cuda:11.8\n",
    "marks": "torch; (((((\n",
    "packages": "pip install torch==2.6.0 ",
    "names": "_TOKEN",
}


def judged(text, name):
    try:
        return judge(text, name)
    except UnreadableInput as refused:
        return refused


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_of_one_shape_is_answered_in_time(shape):
    text = (SHAPES[shape] * MAX_BYTES)[: MAX_BYTES - len(HEAD)]
    for name, head in (("Dockerfile", HEAD), ("Dockerfile", "FROM a\n"), ("any", ""),
                       ("notes.md", ""), ("environment.yml", "dependencies:\n")):  # fmt: skip
        began = time.process_time()
        judged(head + text, name)
        assert time.process_time() - began < SECONDS, name


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=400), st.sampled_from(NAMES))
def test_any_text_is_answered_or_refused(text, name):
    judged(text, name)


PIECES = st.sampled_from(
    ["FROM ", "RUN ", "pip install ", "torch", "==2.6.0", "==", "+cu121", "\\\n", "\n", "'", '"',
     "<<EOF\n", "EOF\n", "$", "${A:-", "}", "ENV ", "ARG ", "A=", "nvidia/cuda:", "11.8-devel",
     "--index-url ", "https://download.pytorch.org/whl/cu121", "- ", "dependencies:\n", "  ",
     "python -c ", "from torchvision import ", "deit_x", "(", ")", ",", "#", "[", "]", "{", "```",
     "conda install ", "pytorch=2.6", "=py3_cuda12.1_", "apt-get install ", "python3.10", ";", "\0",
     "\x1b[31m", "ubuntu:20.04", "-r x.txt ", "name = \"torch\"\n", "version = \"2.6.0\"\n"]
)  # fmt: skip


@settings(deadline=None, max_examples=600)
@given(st.lists(PIECES, max_size=60).map("".join), st.sampled_from(NAMES))
def test_any_mixture_of_what_files_hold_is_answered_or_refused(text, name):
    found = judged(text, name)
    assert "\x1b" not in repr(found).replace("\\x1b", "")
