"""A snapshot in the making: each reader adds what it read, and the first to say a thing counts."""

import dataclasses
from typing import Any

import gpubench
from gpubench.env.redact import clean, clean_entry, clean_plain
from gpubench.env.snapshot import (
    Container,
    Distribution,
    Driver,
    Gpu,
    Host,
    KernelEvent,
    Nvml,
    Paste,
    Python,
    Snapshot,
    Toolchain,
    Torch,
)

MAX_GPUS = 256
MAX_DISTRIBUTIONS = 2000


class Draft:
    """Facts by section, as plain values; ``snapshot()`` makes records of them."""

    def __init__(self) -> None:
        self.host: dict[str, Any] = {}
        self.driver: dict[str, Any] = {}
        self.nvml: dict[str, Any] = {}
        self.python: dict[str, Any] = {}
        self.torch: dict[str, Any] = {}
        self.toolchain: dict[str, Any] = {}
        self.paste: dict[str, Any] = {}
        self.container: Container | None = None
        self.environment: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self.unread: dict[str, str] = {}
        self.gpus: dict[int, dict[str, Any]] = {}
        self.distributions: list[Distribution] = []
        self.kernel_events: list[KernelEvent] = []
        self._listed: dict[tuple[str, str], int] = {}

    def put(self, section: str, **facts: Any) -> None:
        """Add ``facts`` to a section; None says nothing, and what stands there stays."""
        known = getattr(self, section)
        for name, value in facts.items():
            if value is not None:
                known.setdefault(name, clean_plain(value) if isinstance(value, str) else value)

    def gpu(self, index: int, **facts: Any) -> None:
        """Add ``facts`` to the GPU of an index; no machine has more than ``MAX_GPUS``."""
        if not 0 <= index < MAX_GPUS:
            return
        known = self.gpus.setdefault(index, {})
        for name, value in facts.items():
            if value is not None:
                known.setdefault(name, clean(value) if isinstance(value, str) else value)

    def distribution(self, name: str, version: str, build: str | None = None) -> None:
        """Add a distribution of a package list; what pip and conda both list counts once."""
        key = (name, version)
        if key in self._listed:
            number = self._listed[key]
            known = self.distributions[number]
            if build and known.build is None:
                self.distributions[number] = dataclasses.replace(known, build=clean(build))
        elif len(self._listed) < MAX_DISTRIBUTIONS:
            self._listed[key] = len(self.distributions)
            entry = Distribution(name=clean(name), version=clean(version))
            self.distributions.append(dataclasses.replace(entry, build=clean(build or "") or None))

    def requirement(self, name: str, text: str) -> None:
        """Add what the distribution ``name`` is said to require."""
        for number, known in enumerate(self.distributions):
            if known.name == name and len(known.requires) < 200:
                requires = (*known.requires, clean(text))
                self.distributions[number] = dataclasses.replace(known, requires=requires)
                return

    def snapshot(self, kinds: tuple[str, ...], paste: dict[str, Any]) -> Snapshot:
        """The snapshot of everything read; ``paste`` is what is known of the text as a whole."""
        nvml = Nvml(**{"code": 0, "message": "", **self.nvml}) if self.nvml else None
        has_python = bool(self.python or self.distributions)
        return Snapshot(
            gpubench_version=gpubench.__version__,
            level="report",
            source=kinds[0] if len(kinds) == 1 else "mixed",
            host=Host(**self.host),
            container=self.container,
            environment=_cleaned(self.environment),
            driver=Driver(**self.driver, nvml=nvml),
            gpus=tuple(Gpu(index=index, **facts) for index, facts in sorted(self.gpus.items())),
            kernel_events=tuple(self.kernel_events) or None,
            python=Python(**self.python, distributions=self._ordered()) if has_python else None,
            torch=Torch(**self.torch) if "version" in self.torch else None,
            toolchain=Toolchain(**self.toolchain) if self.toolchain else None,
            paste=Paste(
                kinds=kinds,
                settings={name: text[:120] for name, text in _cleaned(self.settings).items()},
                **{name: _cleaned_words(value) for name, value in self.paste.items()},
                **paste,
            ),
            unread=_cleaned(self.unread),
        )

    def _ordered(self) -> tuple[Distribution, ...]:
        """The torch that the report itself was made with before another of the same name."""
        own = str(self.torch.get("version", "")).partition("+")[0]
        return tuple(
            sorted(self.distributions, key=lambda d: not (d.name == "torch" and d.version == own))
        )


def _cleaned(texts: dict[str, str]) -> dict[str, str]:
    return {clean(name): clean_entry(name, text) for name, text in texts.items()}


def _cleaned_words(value: Any) -> Any:
    """A text, or several, cleaned; anything else as it is."""
    return tuple(clean(text) for text in value) if isinstance(value, tuple) else clean_plain(value)
