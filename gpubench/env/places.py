"""Where a child process runs: an interpreter of this machine, or a container of an image.

A ``Place`` turns a command into one that runs it there, says which of our variables and folders
reach it, and ends all of it for sure. Folders have the same path there as here, so nothing is
translated and a message about a file names it as the user knows it.
"""

import contextlib
import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import gpubench


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """What a child may see of this machine's files: its own folder, others it writes, or reads."""

    own: Path
    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is to run: a command, the variables it would have here, and the folders it needs.

    Where this process cannot end it, it is ended from within after ``limit`` seconds. Where it
    ``imports_gpubench``, it finds it there, installed or not.
    """

    command: tuple[str, ...]
    variables: Mapping[str, str]
    folders: Folders
    limit: float
    imports_gpubench: bool = False


def _nothing() -> None:
    """The end of a child of which nothing is left when its process group is gone."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A command to be started here, with its variables, that does what was asked in a place.

    Where it ``is_guarded``, ``guard.py`` stands between: it is told the length of its input first,
    ends everything when its stdin is closed, and says on stderr how the command ended.
    ``end`` ends what outlives the command's own process group.
    """

    command: tuple[str, ...]
    variables: Mapping[str, str]
    is_guarded: bool = False
    end: Callable[[], None] = _nothing

    def input(self, text: bytes) -> bytes:
        """``text`` as it has to be written to the command's stdin."""
        return b"%d\n%b" % (len(text), text) if self.is_guarded else text

    def let_go(self, child: subprocess.Popen[bytes]) -> None:
        """Close the stdin of a guarded child and wait until its guard has ended what it guards."""
        if self.is_guarded and child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(GUARD_SECONDS)

    def ending(self, code: int | None, errors: str) -> tuple[int | None, str]:
        """How the program in the place ended, and its stderr: as Popen says it, -9 for SIGKILL."""
        said, mark, rest = errors.rpartition(GUARD_SAYS)
        status = rest.partition("\n")[0].strip()
        if not self.is_guarded:
            return code, errors
        if mark and status.lstrip("-").isdigit():
            return int(status), said.removesuffix("\n")
        return (KILLED - code if code is not None and code > KILLED else code), errors


GUARD_SECONDS = 3.0
"""What a guard gets to end what it guards, of which it waits one."""
KILLED = 128
"""An engine adds this to the number of the signal that ended a container."""
GUARD_SAYS = "gpubench-guard: ended with "
"""What ``scripts/guard.py`` writes to stderr before the status, as its last line."""


class Place(Protocol):
    """Where a child runs."""

    @property
    def python(self) -> str:
        """The program that is Python there."""

    @property
    def is_local(self) -> bool:
        """Whether its files, its network and its other processes are those of this machine."""

    @property
    def variables(self) -> Mapping[str, str] | None:
        """What a program finds set there; None where that is what is set here."""

    def start(self, program: Program) -> Start:
        """How it is run there, with those of its variables that mean something there."""


@dataclasses.dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python of this machine; gpubench need not be installed in another than this one."""

    executable: str = sys.executable

    @property
    def python(self) -> str:
        """The interpreter itself."""
        return self.executable

    @property
    def is_local(self) -> bool:
        """It is a process like any other."""
        return True

    @property
    def variables(self) -> Mapping[str, str] | None:
        """They are handed on as they are."""
        return None

    def start(self, program: Program) -> Start:
        """The command as it is: it sees all that this process sees."""
        variables = dict(program.variables)
        if program.imports_gpubench:
            variables["PYTHONPATH"] = self._python_path(program)
        return Start(command=program.command, variables=variables)

    def _python_path(self, program: Program) -> str:
        """Where gpubench lies; for another interpreter a folder that holds gpubench alone.

        What lies beside it here was built for this one, as was what PYTHONPATH names: where
        gpubench is installed, a whole site-packages.
        """
        if self.executable == sys.executable:
            beside = program.variables.get("PYTHONPATH")
            return os.pathsep.join([str(PACKAGE.parent), *filter(None, [beside])])
        alone = program.folders.own / "gpubench-alone"
        alone.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (alone / "gpubench").symlink_to(PACKAGE.resolve(), target_is_directory=True)
        return str(alone)


PACKAGE = Path(gpubench.__file__).parent
"""The folder of gpubench's own code."""
HERE = Interpreter()
"""The interpreter that runs this."""
