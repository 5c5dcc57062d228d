"""What a contract may expect of things it names itself: packages and variables."""

import ast
import functools
import re

from gpubench.checks.expected import PACKAGE, VARIABLE, Key, Release, pinned, release_is, unreadable
from gpubench.checks.outcome import Outcome, fail, ok, unknown
from gpubench.checks.requirements import normalised
from gpubench.env.python_env import script
from gpubench.env.snapshot import Snapshot

ANY_PACKAGE, ANY_VARIABLE = "packages.NAME", "env.NAME"
"""Keys whose last part is a name of the user's."""


def package_key(written: str) -> Key:
    """The expectation of one distribution, by its name."""
    name = normalised(written)

    def package(snapshot: Snapshot, wanted: Release | None) -> Outcome:
        """A package is of a release the contract accepts, or absent where it says so.

        Why: an upgrade that nobody asked for is the usual reason why a run no longer repeats.
        Remedy: pip install the release the contract names.
        """
        python = snapshot.python
        if python is None or "python.distributions" in snapshot.unread:
            return unreadable(snapshot, "the packages", "python", "python.distributions")
        entry = python.distribution(name)
        if entry is None and not _recorded().fullmatch(name):
            return unknown(f"{name} is none of the packages around torch, which are recorded")
        if wanted is None:
            return _absent(name, entry.version if entry else None, snapshot)
        remedy = f'pip install "{pinned(name, wanted)}"'
        if entry is None:
            return _not_found(snapshot, name, wanted, remedy)
        return release_is(name, entry.build or entry.version, wanted, remedy)

    cause = "torch-companion-mismatch" if name in _COMPANIONS else "framework-incompatible"
    return Key(
        name=f"packages.{written}",
        kind=PACKAGE,
        meets=package,
        cause=cause,
        needs=("torch.requires", "torch.cudnn", "torch.nccl", *_BY_PACKAGE.get(name, ())),
    )


@functools.cache
def _recorded() -> re.Pattern[str]:
    """The names that a snapshot records, as the script says that looks for them.

    It is read, not imported: imported, it would begin to look.
    """
    for node in ast.parse(script("inspect_python.py")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RELEVANT":
            return re.compile(ast.literal_eval(node.value.args[0]))  # type: ignore[attr-defined]
    raise AssertionError("inspect_python.py names the distributions it records")


def _absent(name: str, version: str | None, snapshot: Snapshot) -> Outcome:
    if version is not None:
        return fail(f"{name} {version} is installed, expected none", f"pip uninstall -y {name}")
    if snapshot.source != "live":
        return unknown(f"the report does not speak of {name}")
    return ok(f"{name} is not installed, as expected")


def _not_found(snapshot: Snapshot, name: str, wanted: Release, remedy: str) -> Outcome:
    if snapshot.source != "live":
        return unknown(f"the report does not speak of {name}")
    return fail(f"{name} is not installed, expected {wanted.text}", remedy)


def variable_key(name: str) -> Key:
    """The expectation of one variable, by its name."""

    def variable(snapshot: Snapshot, wanted: str | None) -> Outcome:
        """A variable has the value the contract says, or is unset where it says false.

        Why: variables choose libraries, devices and algorithms without a trace in the code.
        Remedy: export the variable, or unset it.
        """
        if snapshot.source != "live" and name not in snapshot.environment:
            return unknown(f"the report does not speak of {name}")
        found = snapshot.environment.get(name)
        if found == wanted:
            return ok(f"{name} is {_said(wanted)}, as expected")
        remedy = f"unset {name}" if wanted is None else f"export {name}='{wanted}'"
        return fail(f"{name} is {_said(found)}, expected {_said(wanted)}", remedy)

    return Key(
        name=f"env.{name}",
        kind=VARIABLE,
        meets=variable,
        cause=_VARIABLES.get(name, "host-tuning"),
        needs=_BY_VARIABLE.get(name, ()),
    )


def _said(value: str | None) -> str:
    return "not set" if value is None else f"'{value}'"


_COMPANIONS = ("torchvision", "torchaudio", "triton", "pytorch-triton")
_TORCH = ("expect.torch.version", "expect.torch.cuda")
_BY_PACKAGE = {
    "torchvision": ("comp.vision_audio", *_TORCH),
    "torchaudio": ("comp.vision_audio", *_TORCH),
    "triton": ("comp.triton", *_TORCH),
    "numpy": ("comp.numpy",),
}
_VARIABLES = {
    "CUDA_VISIBLE_DEVICES": "devices-hidden",
    "LD_LIBRARY_PATH": "library-path-shadowing",
    "LD_PRELOAD": "library-path-shadowing",
}
_BY_VARIABLE = {
    "CUDA_VISIBLE_DEVICES": ("env.masking",),
    "LD_LIBRARY_PATH": ("env.ld_paths",),
    "LD_PRELOAD": ("env.ld_paths",),
}
