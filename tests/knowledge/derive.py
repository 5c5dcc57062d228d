"""``nox -s knowledge``: hold torch.toml against the released wheels, and propose what is missing.

Only what pip installs without an index can be reached through it: the default build of each
release, for each machine. The other builds keep the source that the table names for them.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gpubench.knowledge import tables
from tests.knowledge.released import (
    available,
    certificates,
    cuda_and_architectures,
    newest_patches,
    opened,
    wheel,
)

TABLE = Path(tables.__file__).parent / "data" / "torch.toml"
PYTHONS = tuple(f"3.{minor}" for minor in range(5, 17))
MACHINES = ("x86_64", "aarch64")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Default:
    """The default build of one release as its wheel describes it; fields as in the table."""

    torch: str
    latest: str
    machine: str
    python: tuple[str, str]
    triton: str | None
    cuda: str | None
    """None for a build without CUDA."""
    cudnn: str | None
    nccl: str | None
    architectures: tuple[str, ...]


def derived(machine: str, only: Iterable[str] = ()) -> Iterator[Default]:
    """Every minor release the index has, or those of ``only``, oldest first."""
    with_wheels = {python: available("torch", python, machine) for python in PYTHONS}
    latest = newest_patches([text for found in with_wheels.values() for text in found])
    certificate = certificates()
    for torch, version in latest.items():
        if only and torch not in only:
            continue
        pythons = [python for python, found in with_wheels.items() if version in found]
        yield _default(torch, version, machine, pythons, certificate)


def _default(
    torch: str, version: str, machine: str, pythons: list[str], certificate: str | None
) -> Default:
    found = wheel(f"torch=={version}", pythons[0], machine)
    if found is None:
        raise SystemExit(f"pip finds no wheel of torch {version} for Python {pythons[0]}")
    with opened(found.url, certificate) as stream:
        cuda, architectures = cuda_and_architectures(stream)
    return Default(
        torch=torch,
        latest=version,
        machine=machine,
        python=(pythons[0], pythons[-1]),
        triton=found.pin("triton", machine),
        cuda=cuda,
        cudnn=found.pin("nvidia-cudnn", machine),
        nccl=found.pin("nvidia-nccl", machine),
        architectures=architectures,
    )


def differences(found: Default) -> list[str]:
    """Where the table says otherwise; what the wheel does not tell is not compared."""
    row = next((row for row in tables.load("torch")["release"] if row["torch"] == found.torch), {})
    build = next((build for build in row.get("build", ()) if _is_default(build, found)), None)
    if build is None:
        # a wheel without CUDA is no row
        return [f"no default build for {found.machine}"] if found.cuda else []
    if found.cuda is None:
        return [f"a default build for {found.machine} is on record, and the wheel has no CUDA"]
    told: dict[str, tuple[Any, Any]] = {
        "latest": (row["latest"], found.latest),
        "python": (tuple(row["python"]), found.python),
        "triton": (row.get("triton"), found.triton),
        "cuda": (build["cuda"], found.cuda),
        "cudnn": (build.get("cudnn"), found.cudnn),
        "nccl": (build.get("nccl"), found.nccl),
        "architectures": (tuple(build["architectures"]), found.architectures),
    }
    return [
        f"{name}: on record {ours}, in the wheel {theirs}"
        for name, (ours, theirs) in told.items()
        if theirs and ours != theirs
    ]


def _is_default(build: dict[str, Any], found: Default) -> bool:
    return build["default"] and build.get("machine", tables.X86) == found.machine


def proposed(found: Default) -> str:
    """A release that is not on record, as rows of the table."""
    lines = ["[[release]]", f'torch = "{found.torch}"', f'latest = "{found.latest}"']
    lines += [f'python = ["{found.python[0]}", "{found.python[1]}"]']
    lines += [f'triton = "{found.triton}"'] if found.triton else []
    return "\n".join([*lines, 'source = "wheel"', "", *_proposed_build(found)])


def _proposed_build(found: Default) -> Iterator[str]:
    yield "[[release.build]]"
    if found.machine != tables.X86:
        yield f'machine = "{found.machine}"'
    yield f'cuda = "{found.cuda}"'
    yield f"architectures = {json.dumps(found.architectures)}"
    for name in ("cudnn", "nccl"):
        if getattr(found, name):
            yield f'{name} = "{getattr(found, name)}"'
    yield from ("default = true", 'source = "wheel"', "")


def main(arguments: list[str] | None = None) -> int:
    """1 where the table and the wheels differ."""
    parser = argparse.ArgumentParser(prog="nox -s knowledge --", description=__doc__)
    parser.add_argument("releases", nargs="*", help="only these minor releases, as 2.8")
    parser.add_argument("--machine", choices=MACHINES, action="append", help="default: both")
    parser.add_argument("--write", action="store_true", help="append releases not on record")
    options = parser.parse_args(arguments)
    known = {row["torch"] for row in tables.load("torch")["release"]}
    wrong = 0
    for machine in options.machine or MACHINES:
        for found in derived(machine, options.releases):
            said = differences(found)
            wrong += bool(said)
            print(_line(found, said), flush=True)
            if said and found.torch not in known:
                print(f"\n{proposed(found)}")
                _append(proposed(found), write=options.write)
                known.add(found.torch)
    print(f"{wrong} of the default builds differ from {TABLE.name}")
    return int(wrong > 0)


def _line(found: Default, said: list[str]) -> str:
    name = f"torch {found.latest} {found.machine}"
    if said:
        return f"{name}: differs\n" + "\n".join(f"    {text}" for text in said)
    if found.cuda is None:
        return f"{name}: no CUDA, and none on record"
    untold = "" if found.architectures else ", architectures not told"
    return f"{name}: agrees (CUDA {found.cuda}, Python {'–'.join(found.python)}{untold})"


def _append(rows: str, *, write: bool) -> None:
    if write:
        with TABLE.open("a", encoding="utf-8") as stream:
            stream.write(f"\n{rows}")


if __name__ == "__main__":
    sys.exit(main())
