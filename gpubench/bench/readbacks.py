"""Whether a step reads anything back from its device, and where in the model it does.

A step that does makes the host wait, so its time is no longer the device's. Two watchers look:
every operator that torch dispatches is seen on any device, and on a GPU torch itself tells where
it waits. Both cost time, so they watch steps of their own, never those of the window.
"""

import contextlib
import dataclasses
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from gpubench.bench import cuda
from gpubench.bench.origin import Owner, origin

READERS = {
    "aten::_local_scalar_dense": "item()",
    "aten::equal": "equal()",
    "aten::is_nonzero": "a condition on a tensor",
    "aten::nonzero": "nonzero()",
    "aten::masked_select": "masked_select()",
    "aten::_unique2": "unique()",
    "aten::unique_dim": "unique()",
    "aten::unique_consecutive": "unique_consecutive()",
    "aten::unique_dim_consecutive": "unique_consecutive()",
    "aten::bincount": "bincount()",
    "aten::_linalg_check_errors": "a check of linalg's errors",
}
"""Operators whose answer, or whose answer's shape, the host must know."""

INDEXING = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_unsafe_index_put")
"""Operators that read back how many elements a mask has, if they are given a mask."""

METHODS = ("cpu", "numpy", "tolist", "__array__")
"""Methods that hand values to the host and that no operator shows on a CPU."""

STEPS = 2
"""How many steps are watched (own choice): one may still do something for the first time."""

MOST_KEPT = 5
"""How many places a record keeps (own choice)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """One place that waits for the device: what it calls, and the file and line that called it.

    ``owner`` is whose doing it is: the model's, or torch's own in the scaler, the optimizer or
    elsewhere, and then ``place`` is None.
    """

    operator: str
    place: str | None
    owner: Owner


class ReadBacks:
    """Collects the places that read back while it is entered; batches may be drawn unwatched."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.found: list[ReadBack] = []
        self.unwatched: str | None = None
        self._paused = False

    def note(self, operator: str) -> None:
        """Keep where this call comes from, each place once.

        Threads that Python started load data; those of the autograd engine belong to the step.
        """
        thread = type(threading.current_thread()).__name__
        if self._paused or thread not in ("_MainThread", "_DummyThread"):
            return
        place, owner = origin(inspect.currentframe())
        seen = ReadBack(operator=operator, place=place, owner=owner)
        if all((kept.place, kept.owner) != (place, owner) for kept in self.found):
            self.found.append(seen)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """A block whose reads do not count: drawing a batch works on the host."""
        self._paused = True
        try:
            yield
        finally:
            self._paused = False

    @contextlib.contextmanager
    def operators(self) -> Iterator[None]:
        """Watch operators and methods; not for compiled models, which would fall back."""
        with _Operators(self), _Methods(self):
            yield

    @contextlib.contextmanager
    def waits(self) -> Iterator[None]:
        """Watch where torch waits for the GPU, and calls that ask it to; compiled or not."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(cuda.told_of_waits(self.device, lambda: self.note("a wait")))
            for holder in (torch.cuda, torch.cuda.Event, torch.cuda.Stream):
                stack.enter_context(_told(holder, "synchronize", self.note))
            yield

    def watch(
        self, step: Any, *, operators: bool = True, unwatched: int = 0, steps: int = STEPS
    ) -> None:
        """Run a few steps and collect what they read back, or why that cannot be told.

        A compiled step is watched without ``operators``, and with them in its ``uncompiled`` form.
        The first ``unwatched`` steps may read back what a model reads once, when it sets itself up.
        What stops a watched step must not cost the measurement: a fault of the step itself comes
        again in the warm-up or the window, and is told there.
        """
        watchers = self.operators if operators else contextlib.nullcontext
        try:
            for _ in range(unwatched):
                step()
            with step.drawing(self.paused), watchers(), self.waits():
                for _ in range(steps):
                    step()
        except Exception as problem:
            self.unwatched = f"{type(problem).__name__}: {problem}".splitlines()[0][:300]

    def facts(self) -> dict[str, Any]:
        """What a record keeps of it."""
        return {
            "read_backs": [dataclasses.asdict(one) for one in self.found[:MOST_KEPT]],
            "read_backs_unwatched": self.unwatched,
            "scaler_synchronises": bool(self.by("scaler")),
            "optimizer_synchronises": bool(self.by("optimizer")),
        }

    def refusal(self) -> dict[str, Any]:
        """The answer for a step that cannot be timed: what the model reads first, and where."""
        first, *others = self.by("model")
        more = f" and at {len(others)} more" if others else ""
        return {
            "state": "invalid",
            "reason": "the model reads values back from the device while it trains: "
            f"{first.operator} at {first.place}{more}",
            "effective": self.facts(),
        }

    def by(self, owner: Owner) -> list[ReadBack]:
        """Those of one owner."""
        return [one for one in self.found if one.owner == owner]


class _Operators(TorchDispatchMode):
    def __init__(self, told: ReadBacks) -> None:
        super().__init__()
        self._told = told

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        words = _reads(func, args, kwargs, self._told.device.type)
        if words is not None:
            self._told.note(words)
        return func(*args, **kwargs)


class _Methods(TorchFunctionMode):
    def __init__(self, told: ReadBacks) -> None:
        super().__init__()
        self._told = told

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in METHODS and args and _is_on(args[0], self._told.device.type):
            self._told.note(f"{name}()")
        return func(*args, **(kwargs or {}))


def _reads(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], device: str) -> str | None:
    """What the call reads back, in words; None where it reads nothing of the device."""
    name = func.name().partition(".")[0]
    if not any(_is_on(value, device) for value in (*args, *_masks(args))):
        return _copy_across(name, args, kwargs, device)
    if name in READERS:
        return f"{READERS[name]} ({name})"
    if name in INDEXING and _needs_the_mask(args):
        return f"indexing with a mask ({name})"
    if name == "aten::repeat_interleave" and kwargs.get("output_size") is None:
        return f"repeat_interleave() without output_size ({name})"
    return _copy_across(name, args, kwargs, device)


def _needs_the_mask(args: tuple[Any, ...]) -> bool:
    """Whether indexing has to know how many elements a mask has.

    Filling masked elements with one number does not: torch fills them in place (masked_fill).
    """
    value = args[2] if len(args) > 2 else None
    if isinstance(value, torch.Tensor) and value.numel() == 1 and value.device.type == "cpu":
        return False
    return any(index.dtype in (torch.bool, torch.uint8) for index in _masks(args))


def _copy_across(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], device: str
) -> str | None:
    """A copy between the host and a GPU that is waited for."""
    if device == "cpu":
        return None
    if name == "aten::_to_copy" and isinstance(args[0], torch.Tensor):
        target = torch.device(kwargs.get("device") or args[0].device).type
        source, patient = args[0].device.type, bool(kwargs.get("non_blocking"))
    elif name == "aten::copy_" and isinstance(args[1], torch.Tensor):
        target, source = args[0].device.type, args[1].device.type
        patient = bool(kwargs.get("non_blocking") or (len(args) > 2 and args[2]))
    else:
        return None
    if {source, target} != {"cpu", device} or (patient and target == device):
        return None
    return f"a copy to the {'host' if target == 'cpu' else 'device'} ({name})"


def _masks(args: tuple[Any, ...]) -> list[torch.Tensor]:
    """The tensors in a list among the arguments: indices."""
    lists = [value for value in args if isinstance(value, list | tuple)]
    return [value for several in lists for value in several if isinstance(value, torch.Tensor)]


def _is_on(value: Any, device: str) -> bool:
    return isinstance(value, torch.Tensor) and value.device.type == device


@contextlib.contextmanager
def _told(holder: Any, name: str, note: Callable[[str], None]) -> Iterator[None]:
    """Tell of every call to a function while it is called all the same."""
    original = getattr(holder, name)

    @functools.wraps(original)
    def telling(*args: Any, **kwargs: Any) -> Any:
        note(f"{holder.__name__}.{name}()")
        return original(*args, **kwargs)

    setattr(holder, name, telling)
    try:
        yield
    finally:
        setattr(holder, name, original)
