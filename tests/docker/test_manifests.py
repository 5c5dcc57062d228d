"""What is deployed: valid for its own tools where they are here, and safe to copy."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from gpubench.cli.app import app
from tests.docker.stacks import ROOT

DOCKER = ROOT / "docker"
KUBERNETES = sorted((DOCKER / "kubernetes").glob("*.yaml"))
SCRIPTS = sorted([*DOCKER.rglob("*.sh")])
yaml = pytest.importorskip("yaml", reason="`nox -s manifests` brings it")
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
DOCUMENTS = [
    pytest.param(document, id=f"{path.stem}-{document['kind']}")
    for path in KUBERNETES
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
JOBS = [entry for entry in DOCUMENTS if entry.values[0]["kind"] == "Job"]


def tool(name):
    """The program beside this interpreter or on the path; the test is skipped where it is not."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here; `nox -s manifests` brings it")
    return found


def said(*command):
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr


def test_hadolint_has_nothing_to_say():
    assert said(tool("hadolint"), "Dockerfile") == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script):
    assert said(tool("shellcheck"), str(script)) == (0, "")


def test_compose_follows_its_schema():
    checker = tool("check-jsonschema")
    status, words = said(
        checker, "--builtin-schema", "vendor.compose-spec", str(DOCKER / "compose.yaml")
    )
    assert status == 0, words


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.name)
def test_kubernetes_would_take_a_manifest(path):
    status, words = said(tool("kubernetes-validate"), "--strict", str(path))
    assert status == 0, words


@pytest.mark.parametrize("service", ["doctor", "benchmark", "dev"])
def test_a_service_has_limits_some_gpus_and_shared_memory(service):
    found = COMPOSE["services"][service]
    resources = found["deploy"]["resources"]
    (device,) = resources["reservations"]["devices"]
    assert {"cpus", "memory"} <= set(resources["limits"])
    assert device["device_ids"] == ["0", "1"]
    assert found["shm_size"]
    assert found["init"]


def test_jupyter_is_published_to_this_machine_alone():
    ports = COMPOSE["services"]["dev"]["ports"]
    assert ports == ["127.0.0.1:8888:8888", "2222:22"]  # unquoted, some read the last as a number


@pytest.mark.parametrize("job", JOBS)
def test_a_job_runs_as_nobody_special_with_shared_memory_and_limits(job):
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert {"nvidia.com/gpu", "cpu", "memory"} <= set(container["resources"]["limits"])
    assert "/dev/shm" in [mount["mountPath"] for mount in container["volumeMounts"]]
    assert not pod["automountServiceAccountToken"]
    named = {variable["name"] for variable in container["env"]}
    assert "GPUBENCH_IMAGE" in named


WORDS = [
    pytest.param(container["args"], id=job.id)
    for job in JOBS
    for container in job.values[0]["spec"]["template"]["spec"]["containers"]
    if "command" not in container
] + [
    pytest.param(service["command"], id=name)
    for name, service in COMPOSE["services"].items()
    if "command" in service
]


@pytest.mark.parametrize("words", WORDS)
def test_gpubench_takes_the_words_that_a_manifest_gives_it(words):
    command = typer.main.get_command(app).commands[words[0]]
    command.make_context(words[0], words[1:])


def test_words_that_gpubench_does_not_take_are_noticed():
    command = typer.main.get_command(app).commands["run"]
    with pytest.raises(Exception, match="no-such-option"):
        command.make_context("run", ["--no-such-option=1"])


def tokens():
    for job in JOBS:
        (container,) = job.values[0]["spec"]["template"]["spec"]["containers"]
        yield from (v for v in container["env"] if v["name"] == "HF_TOKEN")


def test_a_token_comes_from_a_secret():
    assert [sorted(variable) for variable in tokens()] == [["name", "valueFrom"]] * 3
    assert all("secretKeyRef" in variable["valueFrom"] for variable in tokens())


def test_the_context_holds_what_the_dockerfile_copies():
    """.dockerignore leaves everything out but what it names."""
    kept = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    sources = [word for words in copied for word in words if not word.startswith("--")]
    here = [source for source in sources if not source.startswith("/")]
    assert here
    assert {source.split("/")[0] for source in here} <= set(kept)
