"""An image is opened, used and left; whatever happens, no container stays behind."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpubench.bench.runner import run_job
from gpubench.env import images
from gpubench.env.images import ALONE, NoImage, gpus_of, opened
from gpubench.env.places import PACKAGE, Folders, Program
from gpubench.env.probe import take_snapshot
from gpubench.env.python_env import inspect_python
from gpubench.env.snapshot import digest
from gpubench.env.sources import Sources, run_child
from gpubench.errors import BadUsage, UnknownName
from tests.bench.test_runner import JOB, says
from tests.fakes.engine import Mocked

REFERENCE = "registry.example.com/team/stack:2.8"
DIGEST = "sha256:" + "d" * 64
KNOWN = {REFERENCE: {"Id": "sha256:" + "1" * 64, "RepoDigests": [f"team/stack@{DIGEST}"]}}


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A folder of engines, and no others on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "engines"))
    return tmp_path / "engines"


@pytest.fixture
def docker(path):
    return Mocked(path, "docker", images=KNOWN)


@pytest.fixture
def image(docker):
    with opened(REFERENCE) as place:
        yield place


def child(image, program, *, timeout=30.0, script="", **variables):
    return run_child(
        [sys.executable, "-c", program],
        script=script,
        timeout=timeout,
        variables=variables,
        place=image,
    )


def options(words, name):
    return [words[i + 1] for i, word in enumerate(words) if word == name]


# -- what is found ------------------------------------------------------------------------------


def test_an_image_is_named_with_the_digest_it_had(image):
    assert image.title == f"{REFERENCE}@{DIGEST}"


def test_containers_are_of_what_was_found_however_the_tag_moves(image, docker):
    docker.set(images={REFERENCE: {"Id": "sha256:" + "2" * 64}})
    child(image, "pass")
    words = docker.told("run")[-1]
    assert words[words.index("--entrypoint") + 2] == "sha256:" + "1" * 64


def test_nothing_is_pulled_unless_asked(docker):
    with opened(REFERENCE):
        assert docker.told("pull") == []
    with opened(REFERENCE, pull=True):
        assert docker.told("pull") == [["pull", "--quiet", REFERENCE]]


def test_an_image_that_is_not_there_is_one_line_with_what_to_do(docker):
    with pytest.raises(NoImage, match=r"docker has no image other:1 .*docker pull.*--pull"):
        opened("other:1").__enter__()


@pytest.mark.parametrize("odd", ["--privileged", "-v", "a b", "", "a;b", "$(id)", "a\nb", "./x"])
def test_what_is_no_reference_never_reaches_an_engine(docker, odd):
    with pytest.raises(BadUsage, match="no image reference"):
        opened(odd).__enter__()
    assert docker.calls == []


def test_without_an_engine_each_is_named_with_what_is_missing(path):
    Mocked(path, "docker", broken={"info": "Cannot connect to the Docker daemon at unix:///x"})
    with pytest.raises(NoImage) as problem:
        opened(REFERENCE).__enter__()
    words = str(problem.value)
    assert "docker: Cannot connect to the Docker daemon" in words
    assert "podman is not installed" in words
    assert "buildah is not installed" in words
    assert "\n" not in words


def test_the_first_engine_that_answers_is_used(path):
    Mocked(path, "docker", broken={"info": "no daemon"}, images=KNOWN)
    Mocked(path.parent / "second", "podman", images=KNOWN)
    os.environ["PATH"] += f":{path.parent / 'second'}"
    with opened(REFERENCE) as image:
        assert image.engine.name == "podman"


def test_the_engine_that_was_named_is_used_or_none(docker):
    with pytest.raises(NoImage, match="podman is not installed"):
        opened(REFERENCE, engine="podman").__enter__()
    with pytest.raises(UnknownName, match="container engine"):
        opened(REFERENCE, engine="dokcer").__enter__()


def test_python_may_be_called_python(docker):
    docker.set(pythons=["python"])
    with opened(REFERENCE) as image:
        assert image.python == "python"


def test_an_image_without_python_is_one_line(docker):
    docker.set(pythons=[])
    with pytest.raises(NoImage, match=r"no Python starts in it .*executable file not found"):
        opened(REFERENCE).__enter__()


@pytest.mark.parametrize(
    "said",
    [
        'docker: could not select device driver "" with capabilities: [[gpu]].',
        "Error: setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=all",
    ],
)
def test_an_engine_without_gpus_is_one_line_that_says_what_to_install(docker, said):
    docker.set(broken={"run": said})
    with pytest.raises(NoImage, match="NVIDIA container toolkit"):
        opened(REFERENCE, gpus=("all",)).__enter__()


def test_an_engine_that_has_no_gpus_to_give_is_refused_where_they_are_wanted(path):
    Mocked(path, "buildah", images={})
    with pytest.raises(NoImage, match="buildah starts containers without GPUs"):
        opened(REFERENCE, gpus=("all",)).__enter__()


# -- what a container is given ------------------------------------------------------------------


def test_a_child_reads_its_stdin_and_answers(image):
    done = child(image, "import sys; print(sys.stdin.read())", script="what\n" * 50_000)
    assert done.output == "what\n" * 50_000 + "\n"
    assert (done.code, done.errors) == (0, "")


def test_an_exit_status_a_signal_and_last_words_come_through(image):
    failed = child(image, "import sys; sys.stderr.write('oh'); sys.exit(3)")
    assert (failed.code, failed.last_words) == (3, ("oh",))
    crashed = child(image, "import os; os.kill(os.getpid(), 11)")
    assert crashed.signal_name == "SIGSEGV"


def test_only_variables_that_mean_the_same_there_are_handed_on(image, tmp_path):
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    told = {"OMP_NUM_THREADS": "3", "CUDA_VISIBLE_DEVICES": "GPU-1", "NCCL_DEBUG": "INFO"}
    kept = {"HF_TOKEN": "hf_x", "PATH": "/x", "LD_LIBRARY_PATH": "/x", "PYTHONPATH": "/x"}
    paths = {"CUDA_HOME": "/usr/local/cuda", "TRITON_PTXAS_PATH": "/opt/ptxas"}
    seen = json.loads(child(image, program, **told, **kept, **paths).output)
    assert told.items() <= seen.items()
    assert not (kept | paths).items() & seen.items()
    assert seen["TMPDIR"] == seen["HOME"] != str(tmp_path)


def program_in(tmp_path, *readable, **changes):
    own = tmp_path / "own"
    own.mkdir(exist_ok=True)
    return Program(
        command=("python3", "-c", "pass"),
        variables={},
        folders=Folders(own=own, readable=readable),
        limit=5.0,
        **changes,
    )


def test_gpubench_alone_and_the_data_are_mounted_for_reading(image, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    words = image.start(program_in(tmp_path, data, imports_gpubench=True)).command
    mounts = options(words, "--mount")
    assert f"type=bind,source={PACKAGE.resolve()},target={ALONE}/gpubench,readonly" in mounts
    assert f"type=bind,source={data},target={data},readonly" in mounts
    assert [m for m in mounts if "readonly" not in m] == [
        f"type=bind,source={tmp_path / 'own'},target={tmp_path / 'own'}"
    ]
    assert f"PYTHONPATH={ALONE}" in options(words, "--env")


@pytest.mark.parametrize("folder", ["/", "/usr", "/opt", "/usr/lib", "/etc", "/home"])
def test_a_folder_that_would_hide_the_image_s_own_is_refused(image, tmp_path, folder):
    with pytest.raises(BadUsage, match="would hide the image's own files"):
        image.start(program_in(tmp_path, Path(folder)))


def test_a_folder_that_would_hide_the_image_s_python_is_refused(image, tmp_path):
    assert str(Path(sys.prefix)) in image.prefixes
    with pytest.raises(BadUsage, match="would hide"):
        image.start(program_in(tmp_path, Path(sys.prefix)))


# -- how it ends --------------------------------------------------------------------------------


def is_gone(pid):
    for _ in range(100):
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] in "ZX":
            return True
        time.sleep(0.1)
    return False


SLEEPS = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


def test_a_child_that_hangs_says_where_and_is_gone_with_its_container(image, docker, tmp_path):
    mark = tmp_path / "pid"
    program = SLEEPS.replace("sys.argv[1]", repr(str(mark)))
    done = child(image, program, timeout=2.0)
    assert done.timed_out
    assert "Aborted" in done.errors  # its fault handler had a word
    assert is_gone(int(mark.read_text()))
    name = options(docker.told("run")[-1], "--name")[0]
    assert docker.told("rm")[-1] == ["rm", "--force", "--volumes", name]


def test_every_container_has_a_name_of_its_own_and_is_removed_by_it(image, docker):
    child(image, "pass")
    child(image, "pass")
    names = [options(call, "--name")[0] for call in docker.told("run")]
    assert len(set(names)) == len(names)
    assert [call[-1] for call in docker.told("rm")] == names


def test_a_container_does_not_outlive_the_process_that_asked_for_it(docker, tmp_path):
    """Killed, that one removes nothing; the guard in the container sees its stdin close."""
    mark = tmp_path / "pid"
    program = f"""
from gpubench.env.images import opened
from gpubench.env.sources import run_child
with opened({REFERENCE!r}) as image:
    command = [image.python, "-c", {SLEEPS!r}, {str(mark)!r}]
    run_child(command, timeout=600, variables={{}}, place=image)
"""
    source = str(PACKAGE.parent)
    parent = subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": source}
    )
    while not (mark.exists() and mark.read_text()):
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert is_gone(int(mark.read_text()))


def test_a_container_whose_guard_is_left_alone_ends_by_itself(image, tmp_path):
    """Nobody closes its stdin and nobody removes it: the limit within holds."""
    mark = tmp_path / "pid"
    program = program_in(tmp_path)
    start = image.start(
        Program(
            command=(sys.executable, "-c", SLEEPS, str(mark)),
            variables={},
            folders=program.folders,
            limit=1.0,
        )
    )
    done = subprocess.Popen(start.command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    done.stdin.write(start.input(b""))
    done.stdin.flush()
    errors = done.stderr.read().decode()
    assert start.ending(done.wait(20), errors)[0] == -signal.SIGABRT
    assert is_gone(int(mark.read_text()))
    done.stdin.close()
    done.stderr.close()


def test_an_interpreter_in_an_image_is_described(image):
    python = inspect_python(image, Sources(), timeout=30.0).python
    assert python.executable


def test_a_snapshot_of_an_image_shows_the_image_s_variables_and_none_of_the_host(docker):
    docker.set(variables={"NVIDIA_TF32_OVERRIDE": "1"})
    sources = Sources(variables={"LD_LIBRARY_PATH": "/opt/lib", "OMP_NUM_THREADS": "3"})
    with opened(REFERENCE, sources=sources) as image:
        first, second = (take_snapshot(place=image, sources=sources) for _ in range(2))
    assert first.environment == {"NVIDIA_TF32_OVERRIDE": "1", "OMP_NUM_THREADS": "3"}
    assert first.python is not None
    assert digest(first) == digest(second)  # no folder of one start is in it


@pytest.mark.parametrize(
    ("nodes", "named", "gpus"),
    [
        ((), None, ()),
        (("kfd",), None, ()),
        (("nvidia0", "nvidia1"), None, ("all",)),
        (("nvidia0", "nvidia1"), "1", ("all",)),
        (("nvidia0",), "GPU-8f6d,MIG-1a", ("GPU-8f6d", "MIG-1a")),
        (("nvidia0",), "GPU-8f6d,--privileged", ("all",)),
        (("nvidia0",), "", ()),
        (("nvidia0",), "-1", ()),
    ],
)
def test_a_container_gets_the_gpus_that_are_there_and_were_named(tmp_path, nodes, named, gpus):
    (tmp_path / "dev").mkdir()
    for node in nodes:
        (tmp_path / "dev" / node).touch()
    variables = {} if named is None else {"CUDA_VISIBLE_DEVICES": named}
    assert gpus_of(Sources(root=tmp_path, variables=variables)) == gpus


# -- jobs ---------------------------------------------------------------------------------------


def job(image, tmp_path, program, **changes):
    for name in ("cache", "scratch"):
        (tmp_path / name).mkdir(exist_ok=True)
    asked = dataclasses.replace(JOB, scratch=str(tmp_path / "scratch"), **changes)
    text = "import json, os, signal, sys, time\n" + program
    return run_job(asked, cache=tmp_path / "cache", program=text, place=image).result


def test_a_job_in_an_image_imports_gpubench_and_answers(image, tmp_path):
    program = (
        "import gpubench.bench.job\njob = json.load(sys.stdin)\n"
        "print(json.dumps({'event': 'result', 'mode': job['mode']['name']}), flush=True)\n"
    )
    assert job(image, tmp_path, program) == {"mode": "fp32"}


def test_a_job_that_is_killed_in_an_image_is_told_by_its_signal(image, tmp_path):
    found = job(image, tmp_path, "os.kill(os.getpid(), signal.SIGKILL)\n")
    assert found["state"] == "failed"
    assert "killed by SIGKILL" in found["reason"]


def test_a_job_that_hangs_in_an_image_is_timed_out_and_gone(image, tmp_path):
    mark = tmp_path / "pid"
    program = f"open({str(mark)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    limit = dataclasses.replace(JOB.protocol, process_limit_seconds=2.0)
    found = job(image, tmp_path, program, protocol=limit)
    assert found["state"] == "timed-out"
    assert is_gone(int(mark.read_text()))


def test_a_container_that_cannot_start_is_a_failure_in_the_engine_s_words(image, docker, tmp_path):
    docker.set(broken={"run": "Error response from daemon: no space left on device"})
    found = job(image, tmp_path, says(event="result", state="ok"))
    assert found["state"] == "failed"
    assert "no space left on device" in found["reason"]


def test_buildah_leaves_no_working_container(path):
    known = {REFERENCE: {"FromImageID": "1" * 64, "FromImageDigest": DIGEST}}
    buildah = Mocked(path, "buildah", images=known, broken={"run": "Error: exit status 1"})
    with pytest.raises(NoImage, match="no Python starts"):
        opened(REFERENCE).__enter__()
    (made,) = buildah.told("from")
    assert buildah.told("rm") == [["rm", made[made.index("--name") + 1]]]


def test_shared_memory_is_as_large_as_here(image, docker, monkeypatch):
    monkeypatch.setattr(images, "SHM", "/nowhere")
    child(image, "pass")
    assert options(docker.told("run")[-1], "--shm-size") == [f"{2**30}b"]
