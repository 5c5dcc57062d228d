"""Facts as files state them, each at its line."""

import os

import pytest

from gpubench.errors import UnreadableInput
from gpubench.plan.files import dockerfile
from gpubench.plan.files.registry import KINDS, read_source, read_stacks
from gpubench.plan.files.shell import commands, substituted
from gpubench.plan.files.specifiers import allows, exact, local_tag, of_conda, of_pip, of_poetry
from gpubench.plan.files.stated import MAX_BYTES, Source
from tests.plan.helpers import judge


def facts(text, name="Dockerfile", folder=None, kind=None):
    _, stacks = read_stacks(Source(name=name, text=text, folder=folder))
    found = stacks[-1].facts
    return [(f.kind, f.name, f.value, f.line) for f in found if kind in (None, f.kind)]


def words(text, **variables):
    return [[word.text for word in command] for command in commands(text, 1, variables)]


# -- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b && c||d;e | f", [["a", "b"], ["c"], ["d"], ["e"], ["f"]]),
        ("pip install 'torch>=2' \"numpy<2\"", [["pip", "install", "torch>=2", "numpy<2"]]),
        ("a \\\n  b # c\nd", [["a", "b"], ["d"]]),
        ("a 2>&1 > /dev/null", [["a", "/dev/null"]]),
        ("( a ; b )", [["a"], ["b"]]),
        ("pip install torch==$V ${W:-x} '$V'", [["pip", "install", "torch==2", "x", "$V"]]),
        ("a 'never closed && b", [["a", "never closed && b"]]),
    ],
)
def test_a_shell_line_is_split_into_commands_and_words(text, expected):
    assert words(text, V="2") == expected


def test_a_word_knows_its_line():
    found = commands("a \\\n b 'c\nd' \\\n e", 10)
    assert [(word.text, word.line) for word in found[0]] == [
        ("a", 10), ("b", 11), ("c\nd", 11), ("e", 13),
    ]  # fmt: skip


def test_a_variable_that_is_not_known_stays():
    assert substituted("$A-${B}-${C:-c}", {"B": "b"}) == "$A-b-c"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("torch==2.6.0+cu124", ("torch", "==2.6.0+cu124")),
        ("Torch_Vision[extra]>=0.2,<1", ("torch-vision", "<1,>=0.2")),
        ("torch; sys_platform == 'win32'", None),
        ("https://x/whl/cu124/torch-2.6.0%2Bcu124-cp310-cp310-linux_x86_64.whl",
         ("torch", "==2.6.0+cu124")),
        ("torch @ https://x/torch-2.6.0%2Bcu124-cp310-cp310-linux_x86_64.whl",
         ("torch", "==2.6.0+cu124")),
        ("two words", None),
        ("./wheels/x", None),
    ],
)  # fmt: skip
def test_a_requirement_is_a_name_and_a_specifier(text, expected):
    assert of_pip(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pytorch=2.6", ("pytorch", "==2.6.*")),
        ("pytorch=2.6.0", ("pytorch", "==2.6.0")),
        ("pytorch==2.6.0", ("pytorch", "==2.6.0")),
        ("pytorch::pytorch=2.5.1=py3.10_cuda12.1_cudnn9.1.0_0", ("pytorch", "==2.5.1+cu121")),
        ("numpy>=1.26,<2", ("numpy", ">=1.26,<2")),
        ("numpy 1.26.*", ("numpy", "==1.26.*")),
        ("pip", ("pip", "")),
    ],
)
def test_a_conda_spec_is_a_name_and_a_specifier(text, expected):
    assert of_conda(text) == expected


@pytest.mark.parametrize(
    ("text", "specifier"),
    [("^2.6", ">=2.6,<3"), ("~2.6.1", ">=2.6.1,<2.7"), ("2.6.0", "==2.6.0"), ("*", ""),
     (">=2,<3", ">=2,<3"), ("^0.21", ">=0.21,<0.22")],
)  # fmt: skip
def test_a_poetry_constraint_is_a_specifier(text, specifier):
    assert of_poetry(text) == specifier


def test_what_a_specifier_says():
    assert exact("==2.6.*") == "2.6"
    assert exact(">=2.6") is None
    assert local_tag("==2.6.0+cu124") == "cu124"
    assert allows("==2.6.0+cu124", "2.6.0")
    assert not allows("<2", "2.0.0")


# -- Dockerfiles ----------------------------------------------------------------------------------


def test_a_stage_has_the_facts_of_the_one_it_starts_from():
    text = (
        "FROM python:3.10 AS one\nRUN pip install torch==2.6.0\n"
        "FROM one AS two\nRUN pip install numpy\n"
    )
    assert facts(text) == [
        ("image", "python", "3.10", 1),
        ("package", "torch", "==2.6.0", 2),
        ("package", "numpy", "", 4),
    ]


def test_arguments_are_put_in_with_their_defaults():
    text = "ARG V=2.6.0\nARG T\nFROM a:${T:-x}\nARG V\nRUN pip install torch==${V} numpy==$N\n"
    found = facts(text)
    assert ("image", "a", "x", 3) in found
    assert ("package", "torch", "==2.6.0", 5) in found
    assert ("package", "numpy", None, 5) in found  # what is not known is not guessed


@pytest.mark.parametrize(
    "run",
    [
        'RUN ["pip", "install", "torch==2.6.0"]',
        "RUN --mount=type=cache,target=/x --network=host pip install torch==2.6.0",
        "RUN set -ex; cd /x && python3 -m pip install --no-cache-dir -t /y torch==2.6.0",
        "run uv pip install --system torch==2.6.0",
        "RUN bash -lc 'pip install torch==2.6.0'",
        "RUN sudo PIP_X=1 /opt/conda/bin/pip install torch==2.6.0",
        "RUN <<EOF\npip install torch==2.6.0\nEOF",
        "RUN conda install -y -c pytorch pytorch==2.6.0",
    ],
)
def test_every_form_of_a_command_is_read(run):
    found = [(f[1], f[2]) for f in facts(f"FROM a\n{run}\n", kind="package")]
    assert found == [("torch", "==2.6.0")]


@pytest.mark.parametrize(
    "text",
    ["# RUN pip install torch==2.6.0", "RUN echo pip install torch", "RUN pip uninstall torch",
     "RUN pip install --target torch"],
)  # fmt: skip
def test_what_installs_nothing_states_nothing(text):
    assert facts(f"FROM a\n{text}\n", kind="package") == []


def test_comments_between_continued_lines_do_not_move_the_lines():
    text = "FROM a\nRUN pip install \\\n # why\n\n  torch==2.6.0 \\\n  numpy\nRUN true\n"
    assert [f[3] for f in facts(text, kind="package")] == [5, 6]


def test_imports_in_heredocs_and_commands_are_read():
    text = (
        "FROM a\nRUN python - <<'PY'\nfrom x import y, z as q\nPY\n"
        'RUN python3 -c "from t import (u, v)"\nRUN cat > /a.py <<EOF\nfrom w import k\nEOF\n'
    )
    assert [(f[1], f[2], f[3]) for f in facts(text, kind="import")] == [
        ("y", "x", 3), ("z", "x", 3), ("u", "t", 5), ("v", "t", 5), ("k", "w", 7),
    ]  # fmt: skip


def test_requirements_beside_a_dockerfile_are_followed(tmp_path):
    (tmp_path / "requirements.txt").write_text("torch==2.6.0\n-r more.txt\n-r requirements.txt\n")
    (tmp_path / "more.txt").write_text("numpy\n")
    text = "FROM a\nCOPY requirements.txt /tmp/r.txt\nRUN pip install -r /tmp/r.txt\n"
    found = facts(text, folder=tmp_path, kind="package")
    assert ("package", "torch", "==2.6.0", 1) in found
    assert ("package", "numpy", "", 1) in found


def test_no_file_outside_the_folder_is_read(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("torch==2.6.0\n")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "link.txt").symlink_to(secret)
    os.mkfifo(inner / "pipe.txt")
    for path in ("../secret.txt", str(secret), "link.txt", "pipe.txt", "missing.txt", "."):
        text = f"FROM a\nRUN pip install -r {path}\n"
        assert facts(text, folder=inner, kind="package") == []


# -- other kinds ----------------------------------------------------------------------------------


def test_requirements_are_read_with_their_options():
    text = (
        "# stack\n-i https://x/whl/cu124\n--extra-index-url=https://y\ntorch==2.6.0 \\\n"
        "    --hash=sha256:00\nnumpy>=1 # abi\n-e .\n"
    )
    assert facts(text, "requirements.txt") == [
        ("index", "index-url", "https://x/whl/cu124", 2),
        ("index", "extra-index-url", "https://y", 3),
        ("package", "torch", "==2.6.0", 4),
        ("package", "numpy", ">=1", 6),
    ]


def test_a_conda_environment_is_read_with_its_pip_list():
    text = (
        "name: x\nchannels:\n  - pytorch\ndependencies:\n  - python=3.10  # why\n"
        "  - 'pytorch=2.5.1'\n  - pip:\n    - timm==1.0.0\n    - --extra-index-url https://y\n"
        "  - numpy\nvariables:\n  A: b\n"
    )
    assert facts(text, "environment.yml") == [
        ("channel", "pytorch", None, 3),
        ("python", "conda", "==3.10.*", 5),
        ("package", "torch", "==2.5.1", 6),
        ("package", "timm", "==1.0.0", 8),
        ("index", "extra-index-url", "https://y", 9),
        ("package", "numpy", "", 10),
        ("variable", "A", "b", 12),
    ]


def test_a_poetry_project_is_read():
    text = (
        '[tool.poetry.dependencies]\npython = "^3.10"\n'
        'torch = { version = "2.6.0", source = "cu" }\n[[tool.poetry.source]]\n'
        'name = "cu"\nurl = "https://x/whl/cu124"\n'
    )
    assert facts(text, "pyproject.toml") == [
        ("python", "requires-python", ">=3.10,<4", 2),
        ("package", "torch", "==2.6.0", 3),
        ("index", "index-url", "https://x/whl/cu124", 6),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", '[[package]]\nname = "torch"\nversion = "2.6.0"\n'),
        ("pylock.toml", '[[packages]]\nname = "torch"\nversion = "2.6.0"\n'),
        ("poetry.lock", '[[package]]\nname = "torch"\nversion = "2.6.0"\n'),
        ("Pipfile.lock", '{"default": {\n"torch": {"version": "==2.6.0"}}}'),
    ],
)
def test_every_lock_file_is_read(name, text):
    assert facts(text, name) == [("package", "torch", "==2.6.0", 2)]


def locked(*entries):
    """An uv.lock of (name, version, variant of the index)."""
    return "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
        f'source = {{ registry = "https://download.pytorch.org/whl/{variant}" }}\n'
        for name, version, variant in entries
    )


def test_every_torch_that_is_locked_is_judged_with_what_goes_with_it():
    text = locked(
        ("torch", "2.6.0+cpu", "cpu"), ("torch", "2.6.0+cu121", "cu121"),
        ("torchvision", "0.21.0+cpu", "cpu"), ("torchvision", "0.20.0+cu121", "cu121"),
    )  # fmt: skip
    report = judge(text, "uv.lock")
    found = {(p.rule, p.line) for p in report.problems}
    assert found == {("torch.cuda", 6), ("companion.pair", 14), ("companion.tag", 14)}
    assert not any("no torch" in note for note in report.notes)


def test_a_release_that_all_entries_of_a_package_share_is_that_of_each_torch():
    text = locked(("torch", "2.6.0", "cu124"), ("numpy", "2.0.0+a", "x"), ("numpy", "2.0.0+b", "y"))
    assert ("package", "numpy", "==2.0.0", 6) in facts(text, "uv.lock")


def test_a_package_in_several_releases_is_left_out_where_nothing_says_which():
    text = locked(("torch", "2.2.2", "cu121"), ("numpy", "1.26.4", "x"), ("numpy", "2.0.0", "y"))
    assert facts(text, "uv.lock", kind="package") == [("package", "torch", "==2.2.2", 2)]


def test_the_first_kind_that_recognises_a_file_reads_it():
    assert read_stacks(Source(name="any", text="FROM a\nRUN true\n"))[0] == "Dockerfile"
    assert read_stacks(Source(name="any", text="torch==2.6.0\nnumpy\n"))[0] == "requirements"
    assert read_stacks(Source(name="any", text="#!/bin/sh\npip install x\n"))[0] == "shell script"
    assert len({kind.name for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    "text", ["", "\n\n", "This is prose, and says nothing.\nAt all.\n", "<html></html>", "{}"]
)
def test_what_is_of_no_kind_is_refused(text):
    with pytest.raises(UnreadableInput, match="neither a Dockerfile"):
        read_stacks(Source(name="notes", text=text))


def test_what_cannot_be_read_is_refused_in_one_line(tmp_path):
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "large").write_bytes(b"a\n" * MAX_BYTES)
    os.mkfifo(tmp_path / "pipe")
    for name in ("noise", "large", "pipe", "missing", "."):
        with pytest.raises(UnreadableInput) as caught:
            read_source(str(tmp_path / name))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_text_is_decoded_leniently(tmp_path, encoding):
    path = tmp_path / "requirements.txt"
    path.write_bytes("# Wärme\r\ntorch==2.7.0\r\ntorchvision==0.18.0\r\n".encode(encoding))
    source = read_source(str(path))
    report = judge(source.text, "requirements.txt")
    assert [p.line for p in report.problems] == [3]
    assert report.problems[0].correction.text == "torchvision==0.22.0"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "a = ["),
        ("uv.lock", "= = ="),
        ("Pipfile.lock", "{"),
        ("pyproject.toml", "a = " + "[" * 5000),
        ("Pipfile.lock", "[" * 100_000),
    ],
)
def test_a_broken_file_is_refused_with_where(name, text):
    with pytest.raises(UnreadableInput, match="not valid"):
        read_stacks(Source(name=name, text=text))


# -- which kind a text is -------------------------------------------------------------------------

SLIPS = "from torchvision.models import deit_small_patch16_224\nfrom transformers import AdamW\n"


@pytest.mark.parametrize("name", ["train.py", "stdin", "dockerfile_of.py"])
def test_python_imports_are_no_dockerfile(name):
    report = judge(SLIPS, name)
    assert report.file_kind == "Python script"
    assert [p.rule for p in report.problems] == ["import.moved", "import.moved"]
    assert report.answer == "no"


@pytest.mark.parametrize("name", ["a.txt", "a.toml", "a.sh", "a.yml"])
def test_a_name_of_another_kind_is_no_dockerfile(name):
    assert not dockerfile.recognises(name, "FROM a\nRUN b\n")


@pytest.mark.parametrize("name", ["stdin", "image", "Dockerfile.txt", "prod.dockerfile"])
def test_a_dockerfile_is_known_by_its_name_or_its_instructions(name):
    assert dockerfile.recognises(name, "# x\nFROM a\nRUN b\n")
