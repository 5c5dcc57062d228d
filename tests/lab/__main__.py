"""Does every fault to every stack: ``python -m tests.lab [--keep] [--only WORDS] [STACK ...]``."""

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.fakedriver import build as driver
from tests.lab.faults import FAULTS, OLD_DRIVER, Case, Fault
from tests.lab.stacks import STACKS, Environment, Stack, build, copy

ROOT = Path(__file__).parents[2]
GPU_COUNT = 2
OWN = "none"
"""What stands for the first cause of a healthy environment."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One answer of the doctor beside what was expected."""

    stack: str
    fault: str
    machine: str
    level: str
    expected: str
    found: str
    words: str

    @property
    def is_right(self) -> bool:
        """True where the first cause is the expected one."""
        return self.expected == self.found


def doctor(environment: Environment, level: str, scenario: str | None, scratch: Path) -> dict:
    """The doctor's JSON on one environment; ``scenario`` plays a driver that is not there."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment.variables}
    if scenario is not None:
        played = driver.variables(scratch, scenario)
        paths = [played["LD_LIBRARY_PATH"], environment.variables.get("LD_LIBRARY_PATH")]
        variables["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, paths))
        variables["GPUBENCH_FAKE_DRIVER"] = played["GPUBENCH_FAKE_DRIVER"]
    command = [sys.executable, "-m", "gpubench", "doctor", "--python", str(environment.python)]
    completed = subprocess.run(
        [*command, "--level", level, "--format", "json"],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return json.loads(completed.stdout)
    except ValueError:
        raise RuntimeError(f"the doctor answered no JSON: {completed.stderr[-2000:]}") from None


def first_cause(answer: dict) -> str:
    """The cause to fix first, or the verdict where there is none."""
    return answer["diagnosis"][0]["cause"] if answer["diagnosis"] else answer["verdict"]


def words_of(answer: dict) -> str:
    """The summary of the finding behind the first cause."""
    if not answer["diagnosis"]:
        return ""
    because = answer["diagnosis"][0]["because"]
    found = [f["summary"] for f in answer["findings"] if f["check"] in because]
    return found[0] if found else ""


def scenario_of(stack: Stack, name: str) -> str:
    """The fake driver's script for a fault."""
    if name == "old driver":
        return driver.but(driver.healthy(GPU_COUNT, driver=OLD_DRIVER), "cuda_version 11040")
    if name == "unsupported":
        gpu, capability = stack.unsupported_gpu
        lines = (f"gpu.*.name {gpu}", f"gpu.*.capability {capability}")
        return driver.but(driver.healthy(GPU_COUNT), *lines)
    return driver.healthy(GPU_COUNT)


def healthy_rows(stack: Stack, original: Environment, scratch: Path) -> Iterator[Row]:
    """The stack as it was installed, without a GPU and with the fake driver."""
    asked = (("quick", None, "no-gpu"), ("standard", None, "no-gpu"))
    for level, scenario, verdict in (*asked, ("quick", driver.healthy(GPU_COUNT), "healthy")):
        answer = doctor(original, level, scenario, scratch)
        yield row(stack, "as installed", "fake" if scenario else "none", level, verdict, answer)


def row(stack: Stack, fault: str, machine: str, level: str, expected: str, answer: dict) -> Row:
    """One line of the table."""
    return Row(
        stack=stack.name,
        fault=fault,
        machine=machine,
        level=level,
        expected=expected,
        found=first_cause(answer),
        words=words_of(answer),
    )


def fault_rows(
    stack: Stack, original: Environment, fault: Fault, parts: Path, work: Path
) -> Iterator[Row]:
    """One fault done to one copy, which is deleted after."""
    place = Path(tempfile.mkdtemp(prefix="fault-", dir=work))
    try:
        changed = copy(original, place / "venv")
        scratch = place / "scratch"
        scratch.mkdir()
        fault.do(Case(stack=stack, copy=changed, parts=parts, scratch=scratch))
        if fault.cause:
            answer = doctor(changed, fault.level, None, scratch)
            yield row(stack, fault.name, "none", fault.level, fault.cause, answer)
        if fault.with_gpu:
            script = scenario_of(stack, fault.scenario)
            answer = doctor(changed, fault.level, script, scratch)
            yield row(stack, fault.name, "fake", fault.level, fault.with_gpu, answer)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def stack_rows(stack: Stack, work: Path, options: argparse.Namespace) -> Iterator[Row]:
    """Everything asked of one stack; it is deleted after, unless it is to be kept."""
    place = work / stack.name
    scratch = work / "scratch"
    parts = work / "parts"
    for folder in (scratch, parts):
        folder.mkdir(exist_ok=True)
    original = Environment(place) if place.exists() else build(stack, place)
    try:
        if not options.only:
            yield from healthy_rows(stack, original, scratch)
        for fault in FAULTS:
            if options.only in fault.name:
                yield from fault_rows(stack, original, fault, parts, work)
        if not options.only:
            yield from healthy_rows(stack, original, scratch)  # no fault touched the original
    finally:
        if not options.keep:
            shutil.rmtree(place, ignore_errors=True)
            shutil.rmtree(parts, ignore_errors=True)


def shown(found: Row) -> str:
    """One line for people."""
    mark = "right" if found.is_right else f"WRONG, expected {found.expected}"
    asked = f"{found.stack:8} {found.level:8} {found.machine:4} {found.fault:32}"
    return f"{asked} {found.found:26} {mark}\n{'':24}{found.words[:150]}"


def main() -> int:
    """Run the lab, print each answer as it comes; 1 where one is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    parser.add_argument("stacks", nargs="*", metavar="STACK", default=[s.name for s in STACKS])
    parser.add_argument("--work", type=Path, help="folder to work in, kept stacks are found there")
    parser.add_argument("--keep", action="store_true", help="delete neither stacks nor wheels")
    parser.add_argument("--only", default="", help="faults whose name has these words")
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="gpubench-lab-"))
    work.mkdir(exist_ok=True)
    rows = []
    for stack in STACKS:
        if stack.name in options.stacks:
            for found in stack_rows(stack, work, options):
                rows.append(found)
                print(shown(found), flush=True)
    wrong = [found for found in rows if not found.is_right]
    print(f"{len(rows) - len(wrong)} of {len(rows)} answers are right")
    if options.work is None:
        shutil.rmtree(work, ignore_errors=True)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
