"""The text of ``python -m torch.utils.collect_env``, of any torch, and of vLLM's longer one.

Also the questions of an issue form that were answered by hand (``- PyTorch version: 1.11``).
"""

import re
from collections.abc import Callable, Iterator

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.readers.values import (
    known,
    put_platform,
    put_system,
    put_torch,
    truth,
    version_in,
    was_sought,
)

ANCHORS = (
    "pytorch version",
    "is cuda available",
    "cuda used to build pytorch",
    "gpu models and configuration",
    "nvidia driver version",
    "cuda runtime version",
)
_LINE = re.compile(r"[-*•\s]*(?P<key>[A-Za-z][\w ./`()?,'-]{1,90}?)\s*:(?:\s+|$)(?P<value>.*)$")
_BARE = re.compile(r"(?P<key>PyTorch version)\s+(?P<value>\d\S*)\s*$")
_GPU = re.compile(r"\s*(?:[-*]\s*)?GPU\s*(\d+)\s*:\s*(.+?)\s*$")
_CUDNN = re.compile(r"\s*(\S*(?:libcudnn|cudnn\d*_)[\w.-]*(?:\.so|\.dll)[\w.]*)\s*$")

_OTHER_MAKERS = re.compile(
    r"\b(?:AMD|Instinct|Radeon|gfx\d|Intel|Arc|Apple|Ascend)\b", re.IGNORECASE
)
Handler = Callable[[Draft, str], None]


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take every line that such a report writes; True where there was one that says something."""
    if not pasted.mentions(*ANCHORS):
        return False
    found = False
    for number, line in list(pasted.free()):
        key, value = split(line)
        handler = _HANDLERS.get(key) if key else None
        if handler is not None:
            handler(draft, value)
            pasted.take(number)
            found = found or key in _TELLING
            if key in ("gpu models and configuration", "cudnn version"):
                _follow(pasted, draft, number)
        elif _CUT.search(line):
            draft.paste["is_cut"] = True
    _heading(pasted)
    return found


def split(line: str) -> tuple[str | None, str]:
    """The key in lower case and the value of one line; None where it has no such shape."""
    line = unquoted(line)
    found = _BARE.match(line) or _LINE.match(line)
    if found is None:
        return None, ""
    key = re.sub(r"\(e\.g\..*?\)|\(`?conda.*?\)|[`*]", "", found["key"]).strip()
    return re.sub(r"\s+", " ", key).lower(), found["value"].strip().strip("*").strip()


_CUT = re.compile(r"^\s*(?:\[?\.{3,}\]?|…+|<?\s*(?:snip|truncated|omitted)\b.*)\s*$", re.IGNORECASE)


def _follow(pasted: Pasted, draft: Draft, start: int) -> None:
    """The list under a key: one GPU or one library a line."""
    for number, line in pasted.block(start, lambda text: bool(_listed(text))):
        gpu, library = _GPU.match(unquoted(line)), _CUDNN.match(unquoted(line))
        if gpu:
            put_gpu(draft, int(gpu[1][:6]), gpu[2])
        elif library:
            _put_cudnn(draft, library[1])
        pasted.take(number)


def _listed(line: str) -> bool:
    line = unquoted(line)
    return bool(_GPU.match(line) or _CUDNN.match(line) or line.lstrip().startswith("MIG "))


def put_gpu(draft: Draft, index: int, name: str) -> None:
    """One GPU by its name, with what stands in brackets behind it taken off."""
    name = known(re.sub(r"\s*\((?:UUID|arch)[^)]*\)", "", name)) or ""
    if name and not name.lower().startswith("mig ") and not _OTHER_MAKERS.search(name):
        draft.gpu(index, name=name)


def _put_cudnn(draft: Draft, path: str) -> None:
    files = draft.paste.get("cudnn_files", ())
    if len(files) < 40:
        draft.paste["cudnn_files"] = (*files, path)


def _gpus(draft: Draft, value: str) -> None:
    found = _GPU.match(value)
    if found:
        put_gpu(draft, int(found[1][:6]), found[2])
    elif was_sought(value):
        draft.unread["gpus"] = "the report could not collect them"
    elif (name := known(value)) is not None and re.search(r"[A-Za-z]", name):
        for index, one in enumerate(_named(name)):
            put_gpu(draft, index, one)


def _named(value: str) -> Iterator[str]:
    """GPUs written by hand: ``2x RTX 3090``, ``V100 x 4``, ``Tesla T4``."""
    found = re.match(r"(\d{1,2})\s*[x×*]\s*(.+)", value) or re.match(
        r"(.+?)\s+[x×*]\s*(\d{1,2})$", value
    )
    if found:
        count, name = (found[1], found[2]) if found[1].isdigit() else (found[2], found[1])
        yield from [name] * min(int(count), 16)
    else:
        yield value


def _torch(draft: Draft, value: str) -> None:
    version = known(value)
    if version is None:
        draft.paste["torch_import_failed"] = bool(re.match(r"N/?A", value.strip(), re.IGNORECASE))
    elif re.match(r"v?\d", version):
        put_torch(draft, version_in(version))
    elif (inside := version_in(version)) is not None:  # pip install torch==1.7.1+cu101
        put_torch(draft, inside)


def _built_with(draft: Draft, value: str) -> None:
    version = version_in(value) if known(value) else None
    if version:
        draft.put("torch", cuda=version)
    elif not re.match(r"N/?A$", value.strip(), re.IGNORECASE):
        draft.torch.setdefault("cuda", None)  # "None", and "Could not collect" in older releases


def _hip(draft: Draft, value: str) -> None:
    version = version_in(value) if known(value) else None
    if version:
        draft.put("torch", hip=version)
        draft.torch.setdefault("cuda", None)


def _available(draft: Draft, value: str) -> None:
    answer = truth(value)
    if answer is not None:
        draft.paste.setdefault("cuda_available", answer)


def _driver(draft: Draft, value: str) -> None:
    version = version_in(value) if known(value) else None
    if version:
        draft.put("driver", version=version)
    elif was_sought(value):
        draft.unread["driver.version"] = "the report could not collect it"


def _nvcc(draft: Draft, value: str) -> None:
    draft.put("toolchain", nvcc=version_in(value) if known(value) else None)


def _cudnn(draft: Draft, value: str) -> None:
    if _CUDNN.match(value):
        _put_cudnn(draft, value)


def _python(draft: Draft, value: str) -> None:
    draft.put("python", version=version_in(value) if known(value) else None)
    if re.search(r"conda", value, re.IGNORECASE):
        draft.put("python", kind="conda")


def _compiler(draft: Draft, value: str) -> None:
    draft.put("toolchain", cc=known(value))


def _libc(draft: Draft, value: str) -> None:
    name = known(value)
    draft.put("host", libc=name.replace("glibc-", "glibc ") if name else None)


def _both_versions(draft: Draft, value: str) -> None:
    """CUDA/cuDNN as people write them; the toolkit they think of, hardly torch's own."""
    draft.put("toolchain", nvcc=version_in(value) if known(value) else None)


def _vllm(draft: Draft, value: str) -> None:
    version = version_in(value) if known(value) else None
    if version:
        draft.distribution("vllm", version)


def _variable(name: str) -> Handler:
    def put(draft: Draft, value: str) -> None:
        if known(value):
            draft.environment.setdefault(name, value)

    return put


def _nothing(draft: Draft, value: str) -> None:
    """A line that is known and says nothing about what is judged."""


_HANDLERS: dict[str, Handler] = {
    "pytorch version": _torch,
    "is debug build": _nothing,
    "cuda used to build pytorch": _built_with,
    "rocm used to build pytorch": _hip,
    "xpu used to build pytorch": _nothing,
    "os": put_system,
    "gcc version": _compiler,
    "gcc version (if compiling from source)": _nothing,
    "gcc/compiler version": _nothing,
    "gcc/compiler version (if compiling from source)": _nothing,
    "clang version": _nothing,
    "cmake version": _nothing,
    "libc version": _libc,
    "python version": _python,
    "python platform": put_platform,
    "is cuda available": _available,
    "cuda available": _available,
    "cuda runtime version": _nvcc,
    "cuda version": _both_versions,
    "cuda/cudnn version": _both_versions,
    "cuda_module_loading set to": _variable("CUDA_MODULE_LOADING"),
    "gpu models and configuration": _gpus,
    "nvidia driver version": _driver,
    "cudnn version": _cudnn,
    "is xpu available": _nothing,
    "hip runtime version": _nothing,
    "miopen runtime version": _nothing,
    "is xnnpack available": _nothing,
    "caching allocator config": _nothing,
    "how you installed pytorch": _nothing,
    "build command you used": _nothing,
    "build command you used (if compiling from source)": _nothing,
    "any other relevant information": _nothing,
    "versions of any other relevant libraries": _nothing,
    "vllm version": _vllm,
    "rocm version": _nothing,
    "neuron sdk version": _nothing,
}
_TELLING = frozenset(_HANDLERS) - {
    "os",
    "python version",
    "cuda version",
    "any other relevant information",
}
_HEADINGS = re.compile(
    r"(?:Collecting environment information\.*|Versions? of relevant libraries:?|CPU:|={5,}|-{5,}"
    r"|(?:System|PyTorch|CPU|vLLM|CUDA / GPU) Info|Python Environment|Environment Variables"
    r"|GPU Topology:?|vLLM Build Flags:?)$"
)
_LSCPU = re.compile(
    r"(?:Architecture|CPU op-mode|Address sizes|Byte Order|CPU\(s\)|On-line CPU|Vendor ID"
    r"|Model name|CPU family|Model|Thread\(s\) per core|Core\(s\) per socket"
    r"|Socket\(s\)|Stepping|BogoMIPS|Flags|Virtualization|Hypervisor vendor|L\d[di]? cache"
    r"|NUMA node|Vulnerability|Frequency boost"
    r"|CPU (?:max|min|scaling)?\s*MHz|CPU MHz|CurrentClockSpeed|DeviceID|Family|L2Cache\w+"
    r"|Manufacturer|MaxClockSpeed|Name|ProcessorType|Revision)\b[^:=]*[:=]"
)


def _heading(pasted: Pasted) -> None:
    """Headings and the processor's description say nothing that is judged."""
    for number, line in list(pasted.free()):
        line = unquoted(line)
        if _HEADINGS.match(line) or _LSCPU.match(line):
            pasted.take(number)
