"""Values as report writers spell them: what is absent, what is true, which CUDA a tag names."""

import re

from gpubench.env.readers.draft import Draft

_ABSENT = re.compile(
    r"(?:n/?a|none|null|unknown|could not collect|not (?:installed|found|available|set|built)"
    r"|no cuda|not applicable|-+|\?+)?\.?$",
    re.IGNORECASE,
)
_SOUGHT = re.compile(r"could not collect|no cuda", re.IGNORECASE)
_TAG = re.compile(r"\+(?:cu|cuda)(\d{2,3})\b")
_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")


def known(value: str) -> str | None:
    """``value`` without blanks, None where it says that there is none."""
    value = value.strip().strip("`'\"").strip()
    return None if _ABSENT.match(value) else value


def was_sought(value: str) -> bool:
    """True where the report says that it looked and found nothing, not that it did not look."""
    return _SOUGHT.match(value.strip()) is not None


def truth(value: str) -> bool | None:
    """True and False in the words of reports; None for anything else."""
    word = value.strip().strip("`'\"()[].").partition(" ")[0].rstrip(".,;").lower()
    if word in ("true", "yes", "1", "enabled", "on", "active"):
        return True
    return False if word in ("false", "no", "0", "disabled", "off") else None


def version_in(value: str) -> str | None:
    """The first dotted version in ``value``, with its local tag."""
    found = _VERSION.search(value[:200])
    return found[0].rstrip(".-") if found else None


def cuda_of_tag(version: str) -> str | None:
    """The CUDA release a local tag names: 2.3.1+cu121 is 12.1, 1.7.0+cu92 is 9.2."""
    found = _TAG.search(version)
    if found is None:
        return None
    digits = found[1]
    return f"{digits[:-1]}.{digits[-1]}"


def put_torch(draft: Draft, version: str | None) -> None:
    """The torch release, and what its local tag tells of the build."""
    if version is None:
        return
    draft.put("torch", version=version)
    cuda = cuda_of_tag(version)
    if cuda is not None:
        draft.put("torch", cuda=cuda)
    elif re.search(r"\+(?:cpu|xpu)\b", version):
        draft.torch.setdefault("cuda", None)
    elif re.search(r"\+rocm", version):
        draft.torch.setdefault("cuda", None)
        draft.put("torch", hip=version.partition("+rocm")[2])


def put_platform(draft: Draft, value: str) -> None:
    """What Python's platform string tells: Linux-5.15.0-84-generic-x86_64-with-glibc2.35."""
    found = re.match(r"(Linux|Windows|macOS|Darwin)-([\w.+]+(?:-[\w.+]+)*)", value.strip())
    if found is None:
        return
    machine = re.search(r"(?:x86_64|AMD64|aarch64|arm64|ppc64le)", value)
    libc = re.search(r"glibc\d+\.\d+", value)
    name, rest = found[1], found[2]
    draft.put(
        "host",
        system=f"{name} {rest.partition('-')[0]}" if name != "Linux" else "Linux",
        kernel=re.split(r"-(?:x86_64|aarch64|ppc64le|with)\b", rest)[0]
        if name == "Linux"
        else None,
        machine=machine[0] if machine else None,
        libc=libc[0].replace("glibc", "glibc ") if libc else None,
        is_wsl=True if "microsoft" in value.lower() else None,
    )


def put_system(draft: Draft, value: str) -> None:
    """An operating system's name, with the machine in brackets where it stands there."""
    name = known(value)
    if name is None:
        return
    machine = re.search(r"\(?\b(x86_64|AMD64|aarch64|arm64|ppc64le)\b\)?", name)
    system = re.sub(r"\s*\((?:x86_64|AMD64|aarch64|arm64|ppc64le)\)$", "", name)
    if draft.host.get("system") in (None, "Linux"):  # a platform string knows no more than that
        draft.host.pop("system", None)
        draft.put("host", system=system)
    draft.put("host", machine=machine[1] if machine else None)
    if "wsl" in name.lower():
        draft.put("host", is_wsl=True)
