"""A container image as a place for children, and how one is found and opened."""

import contextlib
import dataclasses
import json
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gpubench.env.engines import ENGINES, Container, Engine, Found, Mount, found_in
from gpubench.env.places import PACKAGE, Program, Start
from gpubench.env.python_env import source_of
from gpubench.env.redact import clean
from gpubench.env.running import gpu_nodes
from gpubench.env.sources import Completed, Sources, run_child
from gpubench.errors import BadUsage, GpubenchError, UnknownName
from gpubench.units import Bytes

ALONE = "/run/gpubench-alone"
"""The folder of the container in which gpubench lies, and nothing else."""
ENGINE_SECONDS = 60.0
"""What an engine gets to answer, or to remove a container (own choice)."""
PULL_SECONDS = 3600.0
"""What a pull may take: an image of 10 GB over a slow line."""
START_SECONDS = 180.0
"""What the first start of an image may take: some storage drivers copy it."""
HOLD_SECONDS = 900.0
"""What a working container may take to be made of a large image (vfs copies each layer)."""
SHM = "/dev/shm"  # noqa: S108 - looked at, not written
PYTHONS = ("python3", "python")
"""What Python may be called in an image; the first that starts is taken."""
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]*")
_UUID = re.compile(r"(?:GPU|MIG)-[0-9a-fA-F-]+")
_SYSTEM = frozenset(
    {
        *("bin", "boot", "dev", "etc", "home", "lib", "lib64", "opt", "proc", "root", "run"),
        *("sbin", "sys", "tmp", "usr", "var"),
    }
)
"""Names of folders at the root that an image needs to be its own."""
_PASSED = re.compile(
    r"(?:ATEN|CUBLAS|CUDA|CUDNN|DNNL|GLOO|GOMP|KMP|MKL|NCCL|NVIDIA_TF32|OMP|ONEDNN|OPENBLAS|PYTORCH"
    r"|TORCH|TORCHDYNAMO|TORCHINDUCTOR|TRITON)_\w+"
    r"|HF_HUB_OFFLINE|MPLCONFIGDIR|PYTHONDONTWRITEBYTECODE|PYTHONFAULTHANDLER|TEMP|TMP|TMPDIR"
    r"|TOKENIZERS_PARALLELISM|TRANSFORMERS_OFFLINE|XDG_CACHE_HOME"
)
"""Variables that mean the same in an image: what changes how torch computes, and our own."""
_LOOK = """
import json, os, sys
found = {"prefixes": [sys.prefix, sys.base_prefix], "variables": dict(os.environ)}
sys.stdout.write("\\ngpubench-python" + json.dumps(found) + "\\n")
"""
_NOISE = re.compile(
    r"process exited with error: exec: not started|subprocess exited with status \d+"
    r"|^Error: exit status \d+$"
)
"""What buildah adds to the words of a program that failed."""
_GPU_WORDS = re.compile(
    r"could not select device driver|nvidia-container|unresolvable CDI device|CDI device"
    r"|nvidia\.com/gpu|libnvidia-container",
    re.IGNORECASE,
)
"""What engines say where they cannot hand out GPUs."""


class NoImage(GpubenchError):
    """An image that is not there, or that nothing here can start; the message says what to do."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A container image: each child is a container of it, started by ``engine``.

    ``program`` is the path of the engine's program, ``runs`` what it starts: the image's identity,
    so that a tag that moves changes nothing, or what it holds of it. ``prefixes`` are the folders
    of its Python, which no mount may hide; ``variables`` are what a program finds set in it.
    """

    engine: Engine
    program: str
    reference: str
    found: Found
    runs: str
    user: str
    python: str = "python3"
    prefixes: tuple[str, ...] = ()
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    gpus: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Its files are its own, and containers do not reach each other."""
        return False

    @property
    def title(self) -> str:
        """The reference with the digest that it had when it was opened."""
        name = self.reference.partition("@")[0]
        digest = self.found.digest
        return f"{name}@{digest if ':' in digest else f'sha256:{digest}'}"

    def start(self, program: Program) -> Start:
        """The program behind its guard in a new container."""
        name = _new_name()
        guard = ("-B", "-c", source_of("guard.py"), f"{program.limit:.0f}")
        container = Container(
            name=name,
            image=self.runs,
            command=(self.python, *guard, *program.command),
            variables=_variables(program),
            mounts=tuple(self._mounts(program)),
            folder=program.folders.own,
            user=self.user,
            shared_memory_bytes=_shared_memory(),
            gpus=self.gpus,
        )
        return Start(
            command=(self.program, *self.engine.run(container)),
            variables=dict(os.environ),
            is_guarded=True,
            end=lambda: self._end(name),
        )

    def _mounts(self, program: Program) -> Iterator[Mount]:
        yield Mount(source=PACKAGE.resolve(), target=Path(ALONE) / "gpubench")
        for path in (program.folders.own, *program.folders.writable):
            yield Mount(source=path.resolve(), target=path, is_writable=True)
        for path in program.folders.readable:
            self._hold_visible(path)
            yield Mount(source=path.resolve(), target=path)

    def _hold_visible(self, path: Path) -> None:
        """BadUsage for a folder in whose place the image has what it runs by."""
        own = (Path(prefix) for prefix in self.prefixes)
        if _is_system(path) or any(prefix.is_relative_to(path) for prefix in own):
            raise BadUsage(
                f"{path} has the same path in a container and would hide the image's own files; "
                "give a folder elsewhere, or one below it"
            )

    def _end(self, name: str) -> None:
        for command in self.engine.end:
            _told([self.program, *command, name], ENGINE_SECONDS)


def _is_system(path: Path) -> bool:
    names = path.parts[1:]
    return (len(names) < 2 and (not names or names[0] in _SYSTEM)) or names[:-1] == ("usr",)


def _variables(program: Program) -> dict[str, str]:
    """Of the variables here those that mean something there; a path only where it is seen there."""
    folders = program.folders
    seen = (folders.own, *folders.writable, *folders.readable)
    passed = {
        name: value
        for name, value in program.variables.items()
        if _PASSED.fullmatch(name) and (not value.startswith("/") or _is_in(value, seen))
    }
    own = {"HOME": str(folders.own), "USER": "gpubench", "HF_HUB_OFFLINE": "1"}
    return {**own, **passed, **({"PYTHONPATH": ALONE} if program.imports_gpubench else {})}


def _is_in(value: str, folders: Iterable[Path]) -> bool:
    return any(Path(value).is_relative_to(folder) for folder in folders)


def _shared_memory() -> Bytes:
    """As much as there is here: the loaders of torch and NCCL need more than an engine's 64 MB."""
    try:
        answer = os.statvfs(SHM)
    except OSError:
        return Bytes(2**30)
    return Bytes(max(2**26, answer.f_blocks * answer.f_frsize))


@contextlib.contextmanager
def opened(
    reference: str,
    *,
    engine: str | None = None,
    pull: bool = False,
    gpus: tuple[str, ...] = (),
    sources: Sources | None = None,
) -> Iterator[Image]:
    """The image ``reference``, ready to run children in until the block is left.

    ``engine`` is the name of the one to use (default: the first that answers); with ``pull`` the
    image is fetched first, otherwise nothing goes over the network. ``gpus`` are what its
    containers are to have. NoImage says what is missing.
    """
    if not _REFERENCE.fullmatch(reference):
        raise BadUsage(f"{reference!r} is no image reference, like registry/name:tag")
    kind, program, said = find_engine(engine)
    if gpus and not kind.gives_gpus:
        raise NoImage(
            f"{kind.name} starts containers without GPUs; install docker or podman, "
            "or measure with --device cpu"
        )
    if pull:
        _ask(program, (*kind.pull, reference), f"cannot pull {reference}", PULL_SECONDS)
    found = _find(kind, program, reference)
    with _held(kind, program, found) as runs:
        image = Image(
            engine=kind, program=program, reference=reference, found=found, runs=runs,
            user=kind.user(said), gpus=gpus,
        )  # fmt: skip
        yield _with_python(image, sources or Sources())


def gpus_of(sources: Sources) -> tuple[str, ...]:
    """The GPUs a container is to have: those the user names by UUID, else all there are.

    Numbers in CUDA_VISIBLE_DEVICES are handed on with all GPUs, since engines count otherwise.
    """
    named = sources.variables.get("CUDA_VISIBLE_DEVICES")
    if not any(name != "kfd" for name in gpu_nodes(sources)) or named in ("", "-1"):
        return ()
    names = tuple(name.strip() for name in (named or "").split(","))
    return names if all(_UUID.fullmatch(name) for name in names) else ("all",)


def find_engine(name: str | None = None) -> tuple[Engine, str, str]:
    """An engine that answers, the path of its program, and what it said; NoImage for none."""
    if name is not None and name not in (known := [engine.name for engine in ENGINES]):
        raise UnknownName("container engine", name, known)
    problems = []
    for engine in ENGINES:
        if name not in (None, engine.name):
            continue
        program = shutil.which(engine.name)
        if program is None:
            problems.append(f"{engine.name} is not installed")
            continue
        answer = _told([program, *engine.ask], ENGINE_SECONDS)
        if answer.code == 0:
            return engine, program, answer.output
        problems.append(f"{engine.name}: {_last(answer)}")
    raise NoImage(f"no container engine answers here ({'; '.join(problems)}): install or start one")


def _find(engine: Engine, program: str, reference: str) -> Found:
    answer = _told([program, *engine.inspect, reference], ENGINE_SECONDS)
    if answer.code != 0:
        raise NoImage(
            f"{engine.name} has no image {reference} ({_last(answer)}); "
            f"fetch it with {engine.name} pull, or add --pull"
        )
    try:
        return found_in(answer.output, engine)
    except ValueError:
        raise NoImage(f"{engine.name} describes {reference} in no way that is known") from None


@contextlib.contextmanager
def _held(engine: Engine, program: str, found: Found) -> Iterator[str]:
    """What containers are started from: the image itself, or what the engine makes of it."""
    if engine.hold is None:
        yield found.identity
        return
    name = _new_name()
    try:
        for command in engine.hold(found, name):
            _ask(program, command, f"cannot make a container of {found.identity}", HOLD_SECONDS)
        yield name
    finally:
        _told([program, *engine.release, name], ENGINE_SECONDS)


def _new_name() -> str:
    return f"gpubench-{uuid.uuid4().hex[:12]}"


def _with_python(image: Image, sources: Sources) -> Image:
    """The image with what its Python is called; NoImage where none starts, with the reason."""
    words = []
    for python in PYTHONS:
        there = dataclasses.replace(image, python=python)
        answer = run_child(
            [python, "-B", "-c", _LOOK],
            timeout=START_SECONDS,
            variables=sources.variables,
            place=there,
        )
        _, mark, said = answer.output.rpartition("gpubench-python")
        if answer.code == 0 and mark:
            return dataclasses.replace(there, **_looked(said))
        words.append(_last(answer))
        if image.gpus and _GPU_WORDS.search(answer.errors):
            raise NoImage(
                f"{image.engine.name} cannot give a container this machine's GPUs ({words[0]}); "
                "install the NVIDIA container toolkit, or measure with --device cpu"
            )
    raise NoImage(f"{image.reference}: no Python starts in it ({words[0]})")


def _looked(said: str) -> dict[str, Any]:
    """What Python found; variables that only this one start was given are left out."""
    found = json.loads(said.partition("\n")[0])
    own = found["variables"].get("HOME", "/")
    lasting = {n: v for n, v in found["variables"].items() if not v.startswith(own)}
    return {"prefixes": tuple(dict.fromkeys(found["prefixes"])), "variables": lasting}


def _ask(program: str, command: tuple[str, ...], what: str, seconds: float) -> str:
    answer = _told([program, *command], seconds)
    if answer.code != 0:
        raise NoImage(f"{what}: {_last(answer)}")
    return answer.output


def _told(command: list[str], seconds: float) -> Completed:
    """What an engine says; it keeps its own folders, unlike a child that is examined."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return Completed(output="", errors="", code=None, problem=f"no answer in {seconds:.0f} s")
    except OSError as problem:
        return Completed(output="", errors="", code=None, problem=str(problem.strerror))
    return Completed(
        output=done.stdout.decode("utf-8", "replace"),
        errors=done.stderr.decode("utf-8", "replace"),
        code=done.returncode,
    )


def _last(answer: Completed) -> str:
    """The engine's own last word that says something, in one line."""
    lines = [_NOISE.sub("", line).strip() for line in answer.last_words]
    words = [line for line in lines if line] or answer.output.strip().splitlines()[-1:]
    return clean(words[-1]) if words else answer.ending or "it said nothing"
