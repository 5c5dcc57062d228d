"""Measures in venvs that gpubench is not installed in: ``python -m tests.stacks [STACK ...]``."""

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gpubench import codec
from gpubench.bench import parity
from gpubench.bench.job import Job, Workload
from gpubench.bench.modes import REFERENCE, Mode, mode_named
from gpubench.bench.protocol import SMOKE, on_cpu
from gpubench.bench.record import ParityRun
from gpubench.bench.runner import run_job
from gpubench.env.places import Interpreter
from gpubench.suites.registry import SUITES, suite_named
from gpubench.units import Seconds
from tests.lab.stacks import Environment
from tests.stacks.answers import faults

COMPANIONS = ("torchvision", "timm", "transformers")
STACKS = {
    # of transformers 5, torch 2.6 cannot compile BERT: seen with 5.23 on torch 2.6.0
    "2.6.0": ("torch==2.6.0", "torchvision", "timm", "transformers<5"),
    "2.7.0": ("torch==2.7.0", *COMPANIONS),
    "2.8.0": ("torch==2.8.0", *COMPANIONS),
    "newest": ("torch", *COMPANIONS),
}
"""What is installed; pip finds the torchvision that fits."""

IMPORTED = "import torch._inductor.compile_fx, timm, transformers.models.bert.modeling_bert"
"""Leaves bytecode behind, which the measuring processes do not write: they would start slowly."""

MODES = ("fp32", "fp32+compile", "amp-bf16", "amp-bf16+compile")
TRAINING = [suite.name for suite in SUITES if suite.trains]
ABSENT = ("gpubench", "pynvml", "pandas", "scipy", "matplotlib")
"""Packages of gpubench that the measuring core does without, and that no other brings along."""

PROTOCOL = dataclasses.replace(on_cpu(SMOKE), process_limit_seconds=Seconds(1800))
"""A busy machine may take long to compile; what hangs is ended all the same."""


class Stack:
    """One venv, and the jobs that are done in it."""

    def __init__(self, environment: Environment, scratch: Path) -> None:
        self.python = str(environment.python)
        self._scratch = scratch

    def asked(self, code: str) -> str:
        """What a line of Python prints there."""
        command = [self.python, "-I", "-c", code]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def releases(self) -> str:
        """The packages that decide what is measured."""
        names = ["torch", "torchvision", "timm", "transformers", "numpy"]
        code = f"from importlib.metadata import version; print(*map(version, {names}))"
        found = self.asked(code).split()
        return ", ".join(f"{name} {release}" for name, release in zip(names, found, strict=True))

    def present(self) -> list[str]:
        """Which of ``ABSENT`` can be imported there."""
        code = f"import importlib.util as u; print(*[n for n in {ABSENT} if u.find_spec(n)])"
        return self.asked(code).split()

    def job(self, kind: str, suite: Any, mode: Mode, cache: Path) -> tuple[Job, dict[str, Any]]:
        """One job in a process of this venv, and its answer."""
        job = Job(
            kind=kind,
            suite_module=suite.module,
            workload=Workload(preset="smoke"),
            mode=mode,
            protocol=PROTOCOL,
            device="cpu",
            scratch=str(self._scratch),
            parity_roundings=("float32", "bfloat16") if kind == "parity" else (),
        )
        return job, run_job(job, cache=cache, place=Interpreter(self.python)).result


def rows(
    stack: Stack, scratch: Path, suites: Sequence[str], modes: Sequence[str]
) -> Iterator[tuple[str, list[str]]]:
    """What was seen, and what is wrong with it, cell by cell."""
    present = stack.present()
    yield stack.releases(), [f"{name} is installed there" for name in present]
    for suite in map(suite_named, suites):
        job, described = stack.job("describe", suite, REFERENCE, scratch / "caches" / suite.name)
        yield f"{suite.name:9} survey and soak   {_described(described)}", faults(job, described)
        reference: ParityRun | None = None
        for mode in map(mode_named, modes):
            text, wrong, run = _cell(stack, suite, mode, reference, scratch)
            reference = reference or run
            yield f"{suite.name:9} {mode.name:17} {text}", wrong


def _described(answer: dict[str, Any]) -> str:
    keys = ("parameters", "step_flops", "soak_steps")
    return ", ".join(f"{answer.get(key)} {key}" for key in keys)


def _cell(
    stack: Stack, suite: Any, mode: Mode, reference: ParityRun | None, scratch: Path
) -> tuple[str, list[str], ParityRun | None]:
    """One mode measured, then its losses held against the reference's."""
    cache = scratch / "caches" / f"{suite.name}-{mode.name}"
    measured, answer = stack.job("measure", suite, mode, cache)
    wrong = faults(measured, answer)
    followed, losses = stack.job("parity", suite, mode, cache)
    wrong += faults(followed, losses)
    plain = {**losses, "suite": suite.name, "mode": mode.name}
    run = codec.from_plain(ParityRun, plain, "a parity answer")
    if "window_seconds" not in answer:
        return answer["state"], wrong, run
    text = (
        f"{answer['state']:8} {len(answer['step_seconds'])} steps in "
        f"{answer['window_seconds']:.1f} s, graphs {answer['effective']['graphs_compiled']}, "
        f"breaks {answer['effective'].get('graph_breaks')}, "
        f"attention {', '.join(answer['profile'].get('attention', ['?'])) or 'not seen'}"
    )
    if reference is None:
        return text, wrong, run
    verdict = parity.judge(reference, run, mode.rounding)
    if verdict is None or not verdict.holds:
        wrong.append(f"parity: {verdict}")
        return text, wrong, run
    share = verdict.deviation / verdict.allowed
    return f"{text}, parity at {share:.0%} of the allowed", wrong, run


def answers_of(
    name: str, work: Path, options: argparse.Namespace
) -> Iterator[tuple[str, list[str]]]:
    """Build one stack, measure in it, and delete it."""
    place, scratch = work / name, Path(tempfile.mkdtemp(dir=work))
    try:
        environment = Environment(place)
        if not place.exists():
            subprocess.run([sys.executable, "-m", "venv", place], check=True)
            environment.install(*STACKS[name])
            subprocess.run([environment.python, "-c", IMPORTED], check=True, cwd=scratch)
        yield from rows(Stack(environment, scratch), scratch, options.suites, options.modes)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if not options.keep:
            shutil.rmtree(place, ignore_errors=True)


def _names(text: str) -> list[str]:
    return text.split(",")


def main() -> int:
    """Print a line for each stack, suite and mode; 1 where one is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.stacks", description=__doc__)
    parser.add_argument("stacks", nargs="*", metavar="STACK", help=", ".join(STACKS))
    parser.add_argument("--work", type=Path, help="folder to work in; stacks kept there are used")
    parser.add_argument("--suites", type=_names, default=TRAINING)
    parser.add_argument("--modes", type=_names, default=MODES, help=",".join(MODES))
    parser.add_argument("--keep", action="store_true", help="delete no stack")
    options = parser.parse_args()
    unknown = set(options.stacks) - set(STACKS)
    if unknown:
        parser.error(f"no stack named {', '.join(sorted(unknown))}; known: {', '.join(STACKS)}")
    work = options.work or Path(tempfile.mkdtemp(prefix="gpubench-stacks-"))
    work.mkdir(exist_ok=True)
    right = wrong = 0
    for name in options.stacks or STACKS:
        began = time.monotonic()
        for text, found in answers_of(name, work, options):
            print(f"{name:7} {time.monotonic() - began:5.0f} s  {text}", flush=True)
            print("".join(f"{'':16} WRONG: {fault}\n" for fault in found), end="", flush=True)
            right, wrong = right + (not found), wrong + bool(found)
    print(json.dumps({"right": right, "wrong": wrong}))
    if options.work is None:
        shutil.rmtree(work, ignore_errors=True)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
