"""Names of models and data sets on a hub: what was named, whether it is here, what is missing."""

import dataclasses
import os
import urllib.error
import urllib.request
from pathlib import Path

from gpubench.errors import BadUsage

PREFIX = "hf:"

PATIENCE_SECONDS = 3.0
"""How long the hub may take to say anything (own choice); libraries would retry for much longer."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DataName:
    """``hf:NAME[:CONFIG][@SPLIT]``; a name may be a folder in the layout of a hub's data set."""

    name: str
    config: str | None = None
    split: str | None = None

    @classmethod
    def parse(cls, given: str) -> "DataName":
        """The parts of a name; BadUsage where there is none."""
        rest = given.removeprefix(PREFIX)
        name, at, split = rest.rpartition("@") if "@" in rest else (rest, "", "")
        config = None
        if not Path(name).exists():
            name, _, config = name.partition(":")
        if not name or (at and not split) or (config == "" and rest.rstrip().endswith(":")):
            raise BadUsage(f"--data {given}: it names no data set; hf:NAME[:CONFIG][@SPLIT]")
        return cls(name=name, config=config or None, split=split or None)

    @property
    def words(self) -> str:
        """The name for people, of a folder its last part alone."""
        name = Path(self.name).name if Path(self.name).exists() else self.name
        config = f":{self.config}" if self.config else ""
        return name + config + (f"@{self.split}" if self.split else "")


def is_data_name(given: str | None) -> bool:
    """Whether data was named on a hub."""
    return given is not None and given.startswith(PREFIX)


def absolute(given: str) -> str:
    """A place as a child in another folder finds it: paths whole, hub names as they are."""
    if not is_data_name(given):
        return str(Path(given).absolute())
    named = DataName.parse(given)
    if not Path(named.name).exists():
        return given
    return PREFIX + str(Path(named.name).absolute()) + given[len(PREFIX) + len(named.name) :]


def model_repository(model: str | None, suite: str) -> str | None:
    """The hub repository that a model's name means; None for a folder and timm's own names."""
    if model is None or Path(model).exists():
        return None
    if suite != "deit":
        return model
    for prefix in ("hf-hub:", "hf_hub:"):
        if model.startswith(prefix):
            return model.removeprefix(prefix)
    return None


def settle(models: list[str], data: list[str]) -> None:
    """See that what is named on a hub can be had, and keep the libraries off the net otherwise.

    A model in the hub's cache is used as it lies there. Where something else is named and the
    hub cannot be reached, a model is BadUsage, at once and in one line; data may still lie in the
    cache of its library, which is then asked for it without the net.
    """
    missing = [name for name in models if not _is_cached(name)]
    remote = [name for name in data if not Path(DataName.parse(name).name).exists()]
    if not missing and not remote:
        if models or data:
            _stay_offline()
        return
    if _is_reachable():
        return
    if missing:
        raise BadUsage(
            f"the model {missing[0]} is not in the hub's cache ({_cache()}) and the hub "
            f"{_why()}; fetch it where there is a net (hf download {missing[0]}) and copy the "
            "cache, or name a folder"
        )
    _stay_offline()


def _stay_offline() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"


def _is_offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def _why() -> str:
    return "may not be asked (HF_HUB_OFFLINE)" if _is_offline() else "cannot be reached"


def _cache() -> Path:
    """Where huggingface_hub keeps what it fetched, by its own variables."""
    home = Path(os.environ.get("HF_HOME", Path("~/.cache/huggingface").expanduser()))
    return Path(os.environ.get("HF_HUB_CACHE", home / "hub"))


def _is_cached(model: str) -> bool:
    """Whether a snapshot of the model's main branch with its configuration is in the cache."""
    name, _, revision = model.partition("@")
    folder = _cache() / f"models--{name.replace('/', '--')}"
    try:
        commit = (folder / "refs" / (revision or "main")).read_text(encoding="utf-8").strip()
        return (folder / "snapshots" / commit / "config.json").is_file()
    except (OSError, ValueError):
        return False


def _is_reachable() -> bool:
    """Whether the hub says anything within a few seconds."""
    if _is_offline():
        return False
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    if not endpoint.startswith(("https://", "http://")):
        return False
    request = urllib.request.Request(endpoint, method="HEAD")  # noqa: S310 - http alone, above
    try:
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()  # noqa: S310
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True
