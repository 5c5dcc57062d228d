"""A place says how a program starts there, and tells what its guard said from other words."""

import subprocess
import sys
from pathlib import Path

import pytest

from gpubench.env.places import HERE, PACKAGE, Folders, Interpreter, Program, Start
from gpubench.env.python_env import source_of


def program(own, **changes):
    return Program(
        command=("python", "-c", "pass"),
        variables={"A": "1", "PYTHONPATH": "/beside"},
        folders=Folders(own=own),
        limit=5.0,
        **changes,
    )


def test_a_program_of_this_machine_is_started_as_it_is(tmp_path):
    start = HERE.start(program(tmp_path))
    assert start.command == ("python", "-c", "pass")
    assert start.variables == {"A": "1", "PYTHONPATH": "/beside"}
    assert start.input(b"text") == b"text"


def test_this_interpreter_finds_gpubench_before_what_lies_beside(tmp_path):
    start = HERE.start(program(tmp_path, imports_gpubench=True))
    assert start.variables["PYTHONPATH"] == f"{PACKAGE.parent}:/beside"


def test_another_interpreter_finds_gpubench_alone(tmp_path):
    start = Interpreter("/usr/bin/python").start(program(tmp_path, imports_gpubench=True))
    folder = Path(start.variables["PYTHONPATH"])
    assert [entry.name for entry in folder.iterdir()] == ["gpubench"]


GUARDED = Start(command=("x",), variables={}, is_guarded=True)


@pytest.mark.parametrize(
    ("code", "errors", "ending"),
    [
        (0, "oh\n\ngpubench-guard: ended with 3\n", (3, "oh\n")),
        (0, "gpubench-guard: ended with -9\nsubprocess exited\n", (-9, "")),
        (0, "gpubench-guard: ended with 1\nx\ngpubench-guard: ended with 0\n", (0, None)),
        (137, "no such device", (-9, "no such device")),
        (125, "no daemon", (125, "no daemon")),
        (0, "gpubench-guard: ended with what", (0, "gpubench-guard: ended with what")),
        (None, "", (None, "")),
    ],
)
def test_the_end_of_a_guarded_program_is_what_its_guard_said(code, errors, ending):
    found = GUARDED.ending(code, errors)
    assert found[0] == ending[0]
    assert ending[1] in (None, found[1])


def test_words_that_look_like_a_guard_s_mean_nothing_here():
    said = "gpubench-guard: ended with 3\n"
    assert Start(command=(), variables={}).ending(1, said) == (1, said)


def guard(*command, text=b"", limit="20", **options):
    words = [sys.executable, "-B", "-c", source_of("guard.py"), limit, *command]
    start = Start(command=tuple(words), variables={}, is_guarded=True)
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    child = subprocess.Popen(words, **pipes, **options)
    child.stdin.write(start.input(text))
    child.stdin.flush()
    output, errors = child.stdout.read(), child.stderr.read().decode()
    code = child.wait(20)
    for stream in (child.stdin, child.stdout, child.stderr):
        stream.close()
    return output, start.ending(code, errors)


def test_a_guard_hands_on_its_input_and_no_more():
    output, ending = guard("/bin/cat", text=b"12\n\x00a line")
    assert (output, ending) == (b"12\n\x00a line", (0, ""))


def test_a_program_that_is_not_there_is_said():
    _, ending = guard("/no/such/program")
    assert ending == (127, "cannot start /no/such/program: No such file or directory\n")


def test_a_module_in_the_folder_of_the_container_is_not_imported_by_the_guard(tmp_path):
    (tmp_path / "select.py").write_text("raise SystemExit('imported from the working folder')")
    _, ending = guard("/bin/true", cwd=tmp_path)
    assert ending[0] == 0


def test_what_a_program_left_behind_ends_with_it():
    _, ending = guard("/bin/sh", "-c", "sleep 600 & exit 4")
    assert ending[0] == 4  # its output was closed, so nothing holds it
