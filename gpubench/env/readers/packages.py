"""Package lists: ``pip list``, ``pip freeze``, ``conda list``, and those inside other reports."""

import re

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.readers.values import put_torch

RELEVANT = re.compile(
    r"(?:py)?torch(?:vision|audio|text|data|ao|metrics)?|pytorch-.+|triton(?:-.+)?|nvidia-.+|cuda-.+"
    r"|cudatoolkit|cudnn|nccl|lib(?:cublas|cudart|cufft|curand|cusolver|cusparse|nvjitlink).*"
    r"|cpuonly|numpy|timm|transformers|tokenizers|accelerate|deepspeed|flash-attn|xformers"
    r"|bitsandbytes|apex|transformer-engine.*|vllm.*|lightning|peft|diffusers|datasets|pynvml"
    r"|torch-(?:scatter|sparse|cluster|geometric)|mmcv.*|detectron2|sglang.*|auto-gptq|optimum|cupy-cuda\d+x|onnxruntime-gpu"
)
_NAMED = re.compile(r"\[(?P<tool>pip3?|conda|poetry|uv)\]\s+(?P<rest>.+)$")
_FREEZE = re.compile(
    r"(?P<name>[A-Za-z][\w.-]{0,80})(?:\[[\w,.-]*\])?\s*={2,3}\s*(?P<version>\d[\w.+!-]*)\s*(?:;.*|\\)?$"
)
_TABLE = re.compile(
    r"(?P<name>[A-Za-z_][\w.-]{0,80})\s+(?P<version>v?\d[\w.+!]*)(?:\s+(?P<rest>\S.*))?$"
)
_DIRECT = re.compile(
    r"(?P<name>[A-Za-z][\w.-]{0,80}) @ \S+?(?P=name)-(?P<version>\d[\w.+!%]*)-\S*$", re.IGNORECASE
)
_CONFLICT = re.compile(
    r"(?P<owner>[A-Za-z][\w.-]{0,80}) (?P<release>\d[\w.+!-]*) (?:requires|has requirement) "
    r"(?P<required>[A-Za-z][\w.-]{0,80}?)(?:\[[\w,-]*\])?\s*\(?(?P<wanted>[=<>~!][^\s;()]*)\)?.{0,160}?"
    r"you(?:'ll)? have (?P=required) (?P<version>\d[\w.+!-]*)"
)
_HEADER = re.compile(
    r"(?:Package\s+Version|#\s*Name\s+Version\s+Build|-{3,}\s+-{3,}|# packages in environment)"
)
_CONDA_NAMES = {"pytorch": "torch", "pytorch-gpu": "torch", "pytorch-cpu": "torch"}


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take the lines of package lists; True where one held anything that is judged."""
    before = len(draft.distributions)
    in_table = False
    for number, raw in list(pasted.free()):
        line = unquoted(raw)
        named = _NAMED.match(line)
        if _HEADER.match(line):
            in_table = True
            pasted.take(number)
        elif named:
            _put(draft, named["rest"], is_conda=named["tool"] == "conda")
            pasted.take(number)
        elif conflict := _CONFLICT.search(line[:600]):
            _conflict(draft, conflict)
            pasted.take(number)
        elif _FREEZE.match(line) or _DIRECT.match(line):
            _put(draft, line, is_conda=False)
            pasted.take(number)
        elif (row := _TABLE.match(line)) and _is_row(row, in_table=in_table):
            _put(draft, line, is_conda=_is_conda(row["rest"]))
            pasted.take(number)
        elif in_table and line:
            in_table = False
    found = len(draft.distributions) > before
    if found:
        _describe_torch(draft)
    return found


def _conflict(draft: Draft, found: re.Match[str]) -> None:
    """What pip says of a requirement that does not hold: two installed distributions."""
    owner, required = _normalised(found["owner"]), _normalised(found["required"])
    draft.distribution(owner, found["release"])
    draft.distribution(required, found["version"])
    draft.requirement(owner, f"{required}{found['wanted'].rstrip(',;')}")


def _is_row(row: re.Match[str], *, in_table: bool) -> bool:
    """A row of a table that has begun; without its head, only a package that is judged."""
    if in_table:
        return True
    rest = row["rest"] or ""
    return (
        RELEVANT.fullmatch(_normalised(row["name"])) is not None
        and len(rest.split()) <= 2
        and (not rest or re.match(r"[\w.=-]+(?:\s+[\w./:-]+)?$", rest) is not None)
    )


def _is_conda(rest: str | None) -> bool:
    """A build string such as py39h2bbff1b_0 or cuda112py39h stands behind the version."""
    return bool(rest and re.match(r"[\w.]*\d[\w.]*(?:\s|$)", rest))


def _put(draft: Draft, text: str, *, is_conda: bool) -> None:
    found = _FREEZE.match(text) or _DIRECT.match(text) or _TABLE.match(text)
    if found is None:
        return
    name = _normalised(found["name"])
    if not RELEVANT.fullmatch(name):
        return
    rest = (found.groupdict().get("rest") or "").split()
    if is_conda and rest and rest[0].startswith("pypi"):
        is_conda, rest = False, []  # conda lists what pip installed as well
    if is_conda:
        draft.put("python", kind="conda")
    name = _CONDA_NAMES.get(name, name) if is_conda else name
    draft.distribution(name, found["version"].lstrip("v"), rest[0] if is_conda and rest else None)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _describe_torch(draft: Draft) -> None:
    """The torch of the list, where no other part of the report has named one."""
    if "version" in draft.torch:
        return
    entries = [entry for entry in draft.distributions if entry.name == "torch"]
    if not entries:
        return
    put_torch(draft, entries[0].version)
    build = entries[0].build or ""
    cuda = re.search(r"cuda_?(\d+\.\d+)|cuda(\d{2})(\d)", build)
    if cuda:
        draft.put("torch", cuda=cuda[1] or f"{cuda[2]}.{cuda[3]}")
    elif re.search(r"(?:^|_)cpu", build):
        draft.torch.setdefault("cuda", None)
