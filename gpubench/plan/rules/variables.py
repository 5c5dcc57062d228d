"""Variables an image should not carry: secrets, hidden devices, library paths."""

import re
from collections.abc import Iterator

from gpubench.plan.files.stated import Stack, Stated
from gpubench.plan.machine import Machine
from gpubench.plan.report import Correction, Problem
from gpubench.plan.resolved import stated_torch
from gpubench.plan.rules.making import problem

_SECRET = re.compile(
    r"(?i)(?:.{0,80}[_-])?(?:token|secret|password|passwd|(?:api|access|secret|private)_?key|credentials?)$"
)
_HIDING = {
    "CUDA_VISIBLE_DEVICES": ("", "-1"),
    "NVIDIA_VISIBLE_DEVICES": ("", "void", "none"),
}


def is_secret(name: str) -> bool:
    """True for a variable whose name says that its value is nobody's business."""
    return _SECRET.fullmatch(name[:200]) is not None


def secrets(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """No secret is built into a layer or into the history of an image."""
    for fact in stack.of_kind("variable"):
        if fact.via not in ("ENV", "ARG") or not is_secret(fact.name):
            continue
        if (fact.via == "ENV" and not fact.value) or (fact.value or "").isdigit():
            continue
        how = "is kept in the image" if fact.via == "ENV" else "is kept in the image's history"
        comment = f"# {fact.name} is given at run time: docker run -e {fact.name}"
        yield problem(
            "warning",
            "host-resources",
            fact,
            f"{fact.via} {fact.name} {how}, where anyone who pulls it reads it",
            "the secret at run time, or RUN --mount=type=secret",
            rule="image.secret",
            correction=Correction(file=fact.file, line=fact.line, text=comment)
            if _is_alone(fact)
            else None,
            reference="Docker documentation, build secrets",
        )


def _is_alone(fact: Stated) -> bool:
    """The instruction is on one line and sets this variable only."""
    pattern = rf"[ \t]*(?:ENV|ARG)[ \t]+{re.escape(fact.name)}(?:[= \t].*)?"
    body = fact.text.rstrip()
    return re.fullmatch(pattern, body, re.IGNORECASE) is not None and not (
        body.endswith("\\") or body.count("=") > 1
    )


def hidden_devices(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """No variable of the image hides the GPUs."""
    torch = stated_torch(stack)
    for name, values in _HIDING.items():
        fact = stack.last("variable", name)
        if fact is None or fact.value is None or fact.value.strip("\"' ") not in values:
            continue
        if fact.via not in ("ENV", "compose", "conda") or (torch and torch.is_without_cuda):
            continue
        yield problem(
            "warning",
            "devices-hidden",
            fact,
            f"{name}={fact.value!r} hides every GPU from what runs here",
            f"{name} left unset, or all",
            rule="image.devices",
            correction=_set(fact, "all") if name == "NVIDIA_VISIBLE_DEVICES" else _commented(fact),
        )


def _set(fact: Stated, value: str) -> Correction | None:
    text = fact.text.replace(fact.written, f"{fact.name}={value}", 1)
    return Correction(file=fact.file, line=fact.line, text=text) if "=" in fact.written else None


def _commented(fact: Stated) -> Correction | None:
    if not _is_alone(fact):
        rest = fact.text.replace(fact.written, "", 1)
        is_whole = fact.via == "ENV" and rest.count("=") > 0 and fact.written in fact.text
        return Correction(file=fact.file, line=fact.line, text=rest) if is_whole else None
    return Correction(file=fact.file, line=fact.line, text=f"# {fact.name} is left unset")


def library_path(stack: Stack, machine: Machine) -> Iterator[Problem]:  # noqa: ARG001
    """LD_LIBRARY_PATH does not put other CUDA libraries before those of the wheel."""
    fact = stack.last("variable", "LD_LIBRARY_PATH")
    if fact is None or not fact.value or stated_torch(stack) is None:
        return
    folders = [folder for folder in fact.value.split(":") if _is_foreign(folder)]
    if not folders:
        return
    stubs = [folder for folder in folders if "stubs" in folder]
    cudnn = any("cudnn" in folder for folder in folders)
    yield problem(
        "error" if stubs else "warning" if cudnn else "note",
        "library-path-shadowing",
        fact,
        f"LD_LIBRARY_PATH names {(stubs or folders)[0]}: "
        + (
            "the stub of libcuda there is no driver"
            if stubs
            else "its CUDA and cuDNN can be loaded in place of those torch brings"
        ),
        "LD_LIBRARY_PATH without it",
        rule="image.library_path",
        correction=_without(fact, folders),
        reference="ld.so(8), the order of search",
    )


def _is_foreign(folder: str) -> bool:
    return bool(
        re.match(r"/(?:usr/local/cuda|opt/cuda|usr/lib/cudnn)|.*/(?:stubs|cudnn)", folder[:500])
    )


def _without(fact: Stated, folders: list[str]) -> Correction | None:
    text = fact.text
    for folder in folders:
        if folder not in text:
            return None
        text = text.replace(f"{folder}:", "", 1).replace(f":{folder}", "", 1)
        text = text.replace(folder, "/usr/local/nvidia/lib64", 1)
    return Correction(file=fact.file, line=fact.line, text=text)


RULES = (secrets, hidden_devices, library_path)
