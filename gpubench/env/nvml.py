"""What NVML says, asked in a child process with a time limit, because any call may hang."""

import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpubench
from gpubench.env.nvml_question import ABSENCES
from gpubench.env.redact import anonymous, clean
from gpubench.env.snapshot import Gpu, Nvml
from gpubench.env.sources import Completed, Sources, run_child

GPU_IS_LOST, RESET_REQUIRED = 15, 16
NO_ANSWER = -1
"""The code of a snapshot whose NVML neither answered nor failed: it hung or died."""
START = "start"
"""What the child does before it calls NVML: it starts Python and imports the binding."""

_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from gpubench.env.nvml_child import main; main()"


@dataclasses.dataclass(slots=True)
class NvmlAnswer:
    """NVML, its GPUs, and what of them could not be read."""

    nvml: Nvml | None = None
    gpus: tuple[Gpu, ...] = ()
    unread: dict[str, str] = dataclasses.field(default_factory=dict)


def ask_nvml(sources: Sources, *, timeout: float, identify: bool = False) -> NvmlAnswer:
    """Everything NVML answers within ``timeout`` seconds; a hang names the call it hung in."""
    completed = run_child(
        [sys.executable, "-I", "-c", _CHILD, *_import_path()],
        timeout=timeout,
        variables=sources.variables,
    )
    return collect(completed, identify=identify)


def _import_path() -> list[str]:
    """This process's import path without the working folder; ours comes first."""
    own = str(Path(gpubench.__file__).resolve().parent.parent)
    entries = [os.path.abspath(entry) for entry in sys.path if entry]  # noqa: PTH100
    return [own, *(entry for entry in entries if entry not in (own, os.getcwd()))]  # noqa: PTH109


def collect(completed: Completed, *, identify: bool = False) -> NvmlAnswer:
    """The answer in the events of the child, as far as it came."""
    answer = NvmlAnswer()
    library: dict[str, Any] = {}
    gpus: dict[int, dict[str, Any]] = {}
    doing, ended = START, False
    for event in _events(completed.output):
        doing = event.get("begin", doing)
        ended = ended or "end" in event
        library.update(event.get("library", {}))
        if "binding" in event:
            answer.unread["driver.nvml"] = f"nvidia-ml-py: {event['binding']}"
            return answer
        if "gpu" in event:
            _note_gpu(event, gpus, answer.unread)
    if not ended and library.get("code", 0) == 0:
        library = {"code": NO_ANSWER, **library, "message": _how_it_ended(completed, doing)}
        if completed.timed_out and doing != START:
            library["hung_in"] = doing
        answer.unread["driver.nvml"] = library["message"]
    answer.nvml = Nvml(**{"code": NO_ANSWER, "message": "", **library})
    answer.gpus = tuple(_gpu(index, values, identify) for index, values in sorted(gpus.items()))
    return answer


def _how_it_ended(completed: Completed, doing: str) -> str:
    """A call that did not come back, or a child that broke, with its last words."""
    words = f"{completed.ending or 'ended early'} in {doing}"
    last = completed.last_words[-1:]
    return words if completed.timed_out or not last else f"{words}: {last[0][:200]}"


def _events(output: str) -> Iterator[dict[str, Any]]:
    for line in output.splitlines():
        try:
            event = json.loads(line)
        except ValueError:  # a line cut short when the child was ended
            continue
        if isinstance(event, dict):
            yield event


def _note_gpu(
    event: dict[str, Any], gpus: dict[int, dict[str, Any]], unread: dict[str, str]
) -> None:
    values = gpus.setdefault(event["gpu"], {})
    values.update(event.get("values", {}))
    code = event.get("code")
    if code in (GPU_IS_LOST, RESET_REQUIRED) or event.get("field") == "error_code":
        values["error_code"] = code
    elif code is not None and code not in ABSENCES:
        unread[f"gpus.{event['gpu']}.{event['field']}"] = f"NVML: {event['message']} ({code})"


def _gpu(index: int, values: dict[str, Any], identify: bool) -> Gpu:
    shown: dict[str, Any] = {key: _plain(entry) for key, entry in values.items()}
    for field in ("uuid", "serial"):
        if values.get(field):
            shown[field] = values[field] if identify else anonymous(values[field])
    return Gpu(index=index, **shown)


def _plain(value: Any) -> Any:
    """Texts cleaned, lists as the tuples of a record."""
    if isinstance(value, list):
        return tuple(_plain(entry) for entry in value)
    return clean(value) if isinstance(value, str) else value
