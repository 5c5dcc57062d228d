"""What transformers, accelerate, diffusers and their relatives print of an environment."""

import re
from collections.abc import Callable

from gpubench.env.readers.collect_env import put_gpu
from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.readers.values import known, put_platform, put_torch, truth, version_in

ANCHORS = (
    "transformers version",
    "transformers` version",
    "accelerate version",
    "accelerate` version",
    "diffusers version",
    "datasets version",
    "datasets` version",
    "peft version",
    "trl version",
    "pytorch version (",
    "huggingface_hub version",
    "safetensors version",
)
_LINE = re.compile(
    r"[-*•\s]*(?:🤗\s*)?[`*]*(?P<key>[A-Za-z][\w /?()-]{0,60}?)[`*]*"
    r"(?P<more> (?:default )?(?:version|config)(?: \([^)]*\))?)?\s*:(?:\s+|$)(?P<value>.*)$"
)
_SETTING = re.compile(r"\s*-?\s*(?P<name>[a-z][a-z_]{2,40}):\s*(?P<value>.*)$")
_STATE = re.compile(r"^(?P<version>[^()]*?)\s*\((?P<state>[^()]*)\)\s*$")
_LIBRARIES = {
    "transformers": "transformers",
    "accelerate": "accelerate",
    "diffusers": "diffusers",
    "tokenizers": "tokenizers",
    "datasets": "datasets",
    "peft": "peft",
    "deepspeed": "deepspeed",
    "bitsandbytes": "bitsandbytes",
    "xformers": "xformers",
    "numpy": "numpy",
}
Handler = Callable[[Draft, str], None]


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take the lines of such a report; True where there was one."""
    if not pasted.mentions(*ANCHORS):
        return False
    found = False
    for number, line in list(pasted.free()):
        handler = _handler(unquoted(line))
        if handler is None:
            continue
        found = True
        pasted.take(number)
        handler(draft)
        if "default` config" in line or "default config" in line.replace("`", ""):
            _settings(pasted, draft, number)
    return found


def _handler(line: str) -> Callable[[Draft], None] | None:
    found = _LINE.match(line)
    if found is None:
        return None
    key = re.sub(r"[`*]", "", found["key"] + (found["more"] or "")).strip().lower()
    key = re.sub(r"\s+", " ", key)
    value = found["value"]
    if key in _HANDLERS:
        return lambda draft: _HANDLERS[key](draft, value)
    name = key.removesuffix(" version").strip()
    if key.endswith(" version") and name in _LIBRARIES:
        return lambda draft: _library(draft, _LIBRARIES[name], value)
    return (lambda draft: None) if key in _SILENT or key.endswith("default config") else None


def _library(draft: Draft, name: str, value: str) -> None:
    version = version_in(value) if known(value) else None
    if version:
        draft.distribution(name, version)


def _torch(draft: Draft, value: str) -> None:
    found = _STATE.match(value.strip())
    text, state = (found["version"], found["state"]) if found else (value, "")
    put_torch(draft, version_in(text) if known(text) else None)
    _state(draft, state)


def _state(draft: Draft, state: str) -> None:
    """True, False, the accelerator's name, or NA where torch sees none."""
    answer = truth(state)
    if answer is None and state.strip().upper() in ("CUDA", "GPU"):
        answer = True
    if answer is not None:
        draft.paste.setdefault("cuda_available", answer)


def _gpu(draft: Draft, value: str) -> None:
    name = known(value)
    for index, one in enumerate(re.split(r"\n|;|,\s*(?=NVIDIA|Tesla|GeForce)", name or "")):
        if one.strip():
            put_gpu(draft, index, re.sub(r",\s*\d+\s*MiB.*$", "", one.strip()))


def _platform(draft: Draft, value: str) -> None:
    put_platform(draft, value)
    if re.search(r"\bdocker\b", value, re.IGNORECASE):
        from gpubench.env.snapshot import Container

        draft.container = draft.container or Container(runtime="docker", evidence="the report")


def _python(draft: Draft, value: str) -> None:
    draft.put("python", version=version_in(value) if known(value) else None)


def _accelerator(draft: Draft, value: str) -> None:
    _state(draft, value)


_HANDLERS: dict[str, Handler] = {
    "platform": _platform,
    "python version": _python,
    "pytorch version": _torch,
    "pytorch version (gpu?)": _torch,
    "pytorch version (accelerator?)": _torch,
    "pytorch accelerator": _accelerator,
    "cuda is available": lambda draft, value: _state(draft, value),
    "gpu type": _gpu,
    "accelerator": _gpu,
    "cuda device(s)": _gpu,
}
_SILENT = frozenset(
    {
        "huggingface_hub version", "huggingface hub version", "safetensors version",
        "accelerate config", "tensorflow version (gpu?)", "flax version (cpu?/gpu?/tpu?)",
        "jax version", "jaxlib version", "using gpu in script?", "pytorch xpu available",
        "pytorch npu available", "pytorch mlu available", "pytorch musa available",
        "pytorch sdaa available", "system ram", "running on google colab?", "trl version",
        "using distributed or parallel set-up in script?", "accelerate bash location",
        "accelerate default config",
    }
)  # fmt: skip


def _settings(pasted: Pasted, draft: Draft, start: int) -> None:
    """Accelerate's saved settings, one a line below their heading."""
    for number, line in pasted.block(start, lambda text: bool(_SETTING.match(unquoted(text)))):
        found = _SETTING.match(unquoted(line))
        if found and len(draft.settings) < 60:
            draft.settings.setdefault(found["name"], found["value"].strip())
        pasted.take(number)
