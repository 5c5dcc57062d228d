"""GitHub's runner as far as the action needs it: expressions, environment files, the step's log.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax: a `run:` is a
script for `bash -eo pipefail`, its text pasted as it stands after expressions were replaced.
"""

import dataclasses
import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

from tests.render.annotations import commands

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclasses.dataclass(kw_only=True)
class Job:
    """What a job left behind: the status of each step, outputs, summary, log and artefact."""

    folder: Path
    statuses: dict = dataclasses.field(default_factory=dict)
    outputs: dict = dataclasses.field(default_factory=dict)
    log: str = ""

    @property
    def summary(self):
        return (self.folder / "summary.md").read_text(encoding="utf-8")

    @property
    def artefact(self):
        return self.folder / "artefact"

    @property
    def commands(self):
        """The commands that the runner obeys, with its handling of ``stop-commands``."""
        stopped, found = None, []
        for line in re.split(r"\r\n|\r|\n", self.log):
            for name, properties, message in commands(line):
                if stopped is not None:
                    stopped = None if name == stopped else stopped
                elif name == "stop-commands":
                    stopped = message
                else:
                    found.append((name, properties, message))
            if stopped is not None and line.strip() == f"::{stopped}::":
                stopped = None
        return found

    @property
    def status(self):
        """As the job ends: the first step that failed."""
        return next((status for status in self.statuses.values() if status), 0)


def run_action(folder, inputs, environment):
    """The job of one step that uses the action, with these inputs, in a working folder."""
    values = {name: entry.get("default", "") for name, entry in ACTION["inputs"].items()}
    assert set(inputs) <= set(values)
    values |= inputs
    job = Job(folder=folder)
    for name in ("summary.md", "outputs"):
        (folder / name).write_text("")
    failed = False
    for step in ACTION["runs"]["steps"]:
        condition = str(step.get("if", "success()"))
        if failed and "always()" not in condition:
            continue
        if not evaluated(condition, values, job):
            continue
        status = _step(job, step, values, environment)
        job.statuses[step["id"]] = status
        failed = failed or status != 0
    return job


def evaluated(condition, inputs, job):
    """The value of an expression: the functions and operators that the action uses."""
    plain = EXPRESSION.sub(r"\1", condition).replace("&&", " and ").replace("||", " or ")
    plain = plain.replace("!=", "≠").replace("!", " not ").replace("≠", "!=")
    looked = re.sub(r"(?:inputs|steps)\.[\w.-]+", lambda m: f"look({m[0]!r})", plain)
    names = {
        "always": lambda: True,
        "success": lambda: True,
        "look": lambda n: look(n, inputs, job),
    }
    return eval(looked, {"__builtins__": {}}, names)


def look(name, inputs, job):
    kind, _, rest = name.partition(".")
    if kind == "inputs":
        return inputs[rest]
    step, _, output = rest.split(".", 1)[0], None, rest.rpartition(".")[2]
    return job.outputs.get((step, output), "")


def replaced(text, inputs, job):
    return EXPRESSION.sub(lambda found: str(evaluated(found[1], inputs, job)), str(text))


def _step(job, step, inputs, environment):
    if "uses" in step:
        given = {key: replaced(value, inputs, job) for key, value in step["with"].items()}
        place = job.folder / given["path"]
        if place.exists():
            shutil.copytree(place, job.artefact)
        return 0
    script = job.folder / "step.sh"
    script.write_text(replaced(step["run"], inputs, job))
    own = {key: replaced(value, inputs, job) for key, value in step.get("env", {}).items()}
    (job.folder / "outputs").write_text("")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=job.folder,
        env={
            **environment,
            **own,
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(job.folder / "outputs"),
            "GITHUB_STEP_SUMMARY": str(job.folder / "summary.md"),
            "RUNNER_TEMP": str(job.folder / "temp"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    job.log += done.stdout.decode("utf-8", "replace")
    for name, value in read_outputs((job.folder / "outputs").read_text(encoding="utf-8")):
        job.outputs[step["id"], name] = value
    return done.returncode


def read_outputs(text):
    """Name and value of each entry of an environment file, both ways of writing one."""
    lines = iter(text.splitlines())
    for line in lines:
        name, has_mark, mark = line.partition("<<")
        if has_mark and "=" not in name:
            value = []
            for inner in lines:
                if inner == mark:
                    break
                value.append(inner)
            else:
                raise AssertionError(f"no end of {name}")
            yield name, "\n".join(value)
        elif line:
            assert "=" in line, f"no output: {line!r}"
            yield line.split("=", 1)


def plain_environment():
    """The environment of a runner, of which nothing is gpubench's."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT)}
