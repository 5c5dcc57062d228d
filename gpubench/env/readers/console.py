"""Short outputs pasted beside a report: nvcc, /proc files, variables, questions asked of torch."""

import re

from gpubench.env.host import ALLOWED
from gpubench.env.kernel_log import events_in
from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.readers.values import put_torch, truth
from gpubench.env.redact import clean
from gpubench.env.snapshot import Container

_VARIABLE = re.compile(
    r"(?:^|\s)(?:export |set |ENV |\$env:)?(?P<name>[A-Z][A-Z0-9_]{1,60})="
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s;]*)"
)
_NVCC = re.compile(r"Cuda compilation tools, release (\d+\.\d+)")
_MODULE = re.compile(
    r"NVRM version: NVIDIA UNIX (?P<kind>Open Kernel Module|\S+ Kernel Module)"
    r".*?(?P<version>\d{3}\.[\d.]+)"
)
_ASKED = re.compile(
    r"(?:>>>|In \[\d+\]:|print\(|^\s*)\s*(?:print\()?torch\."
    r"(?P<what>cuda\.is_available\(\)|__version__|version\.cuda)\)*"
    r"(?:\s*(?:#|=>|->|:|=|is|returns?|gives?|prints?)*\s*:?\s*(?P<answer>\S+))?\s*$"
)
_OUT = re.compile(r"(?:Out\[\d+\]:\s*)?['\"]?(?P<answer>[\w.+]+)['\"]?\s*$")
_CONTAINER = re.compile(
    r"/\.dockerenv|\bdocker(?:-compose)? (?:run|exec|compose)\b|\b(?:podman|nerdctl) run\b"
    r"|\bkubectl\b|KUBERNETES_SERVICE_HOST|\bdocker: Error response"
)
_KERNEL = ("nvrm", "sxid", "pcie bus error", "pcie bandwidth", "key was rejected", "killed process")
_CONTAINERS = ("docker", "podman", "nerdctl", "kube")
_SHM = re.compile(r"^(?:shm|tmpfs)\s+(\d+(?:\.\d+)?)([KMGT])\s.*\s/dev/shm$")
_LETTERS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take what is known for certain; a line may also stay what was said."""
    found = False
    for number, raw in list(pasted.free()):
        line = unquoted(raw)
        if len(line) > 600:
            continue
        if _fact(draft, line):
            pasted.take(number)
            found = True
        elif _question(pasted, draft, number, line):
            found = True  # that somebody asked is worth keeping as well
        _variables(draft, line)
    _events(pasted, draft)
    _inside(pasted, draft)
    return found or bool(draft.kernel_events)


def _fact(draft: Draft, line: str) -> bool:
    """A line of a tool that stands for itself."""
    if found := _NVCC.search(line):
        draft.put("toolchain", nvcc=found[1])
    elif found := _MODULE.search(line):
        flavour = "open" if found["kind"].startswith("Open") else "proprietary"
        draft.put("driver", version=found["version"], flavour=flavour, module_loaded=True)
    elif found := _SHM.match(line):
        draft.put("host", shm_bytes=int(float(found[1]) * _LETTERS[found[2]]))
    else:
        return False
    return True


def _question(pasted: Pasted, draft: Draft, number: int, line: str) -> bool:
    """A question asked of torch and its answer, on the same line or the next."""
    if "torch." not in line:
        return False
    found = _ASKED.search(line)
    if found is None:
        return False
    answer = found["answer"]
    if answer is None and number + 1 < len(pasted.lines):
        below = _OUT.match(unquoted(pasted.lines[number + 1]))
        answer = below["answer"] if below else None
    return answer is not None and _answers(draft, found["what"], answer)


def _answers(draft: Draft, what: str, answer: str) -> bool:
    answer = answer.strip("'\"`.,")
    if what.startswith("cuda.is"):
        said = truth(answer)
        if said is None:
            return False
        draft.paste.setdefault("cuda_available", said)
    elif re.match(r"\d+\.\d+", answer):
        if what == "__version__":
            put_torch(draft, answer)
        else:
            draft.put("torch", cuda=answer)
    elif what == "version.cuda" and answer == "None":
        draft.torch.setdefault("cuda", None)
    else:
        return False
    return True


def _variables(draft: Draft, line: str) -> None:
    """Variables of the allow-list, as a shell, a Dockerfile or ``env`` writes them."""
    if "=" not in line:
        return
    for found in _VARIABLE.finditer(line):
        if ALLOWED.fullmatch(found["name"]):
            draft.environment.setdefault(found["name"], clean(found["value"].strip("'\"")))


def _events(pasted: Pasted, draft: Draft) -> None:
    if pasted.mentions(*_KERNEL):
        draft.kernel_events.extend(events_in(pasted.lines))


def _inside(pasted: Pasted, draft: Draft) -> None:
    if draft.container is not None or not pasted.mentions(*_CONTAINERS):
        return
    found = next((found for line in pasted.lines if (found := _CONTAINER.search(line))), None)
    if found:
        runtime = "kubernetes" if "ube" in found[0].lower() else "docker"
        draft.container = Container(runtime=runtime, evidence=f"{found[0]!r} stands in the report")
