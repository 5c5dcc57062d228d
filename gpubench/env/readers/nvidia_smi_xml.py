"""The XML of ``nvidia-smi -q -x``, wherever it stands in a paste, as far as it goes.

Nothing is fetched and no entity is expanded: a document that declares one is not understood.
"""

import html
import re
from collections.abc import Iterator
from xml.parsers import expat

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.nvidia_smi_facts import Told, put_driver, put_told
from gpubench.env.readers.nvidia_smi_indices import Indices
from gpubench.env.readers.nvidia_smi_names import XML
from gpubench.env.readers.pasted import Pasted, unquoted

DEEPEST = 20
"""Elements within each other; the deepest of a real report are eight."""
LONGEST = 300
"""Characters of a value that are kept."""
MOST_GPUS = 256

_START, _END = "<nvidia_smi_log", "</nvidia_smi_log"
_PROLOGUE = re.compile(r"<\?xml|<!DOCTYPE|<!ENTITY|\]\s*>|<!--")
_BARE_AND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")


class _NotUnderstood(Exception):
    """A document that no nvidia-smi wrote."""


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take every document; True where one said something."""
    if "nvidia_smi_log" not in pasted.text:
        return False
    indices = Indices(pasted.text)
    found = False
    for first, last in list(_documents(pasted)):
        lines = [_written(line) for line in pasted.lines[first:last]]
        log = _parse("\n".join(lines))
        if log is None:
            continue
        for number in range(first, last):
            pasted.take(number)
        found = _put(draft, log, indices) or found
    return found


def _written(line: str) -> str:
    line = unquoted(line)
    return html.unescape(line) if line.startswith("&lt;") else line


def _documents(pasted: Pasted) -> Iterator[tuple[int, int]]:
    """First line and end of each document, with the lines above that declare its type."""
    first: int | None = None
    floor = 0
    for number, raw in enumerate(pasted.lines):
        if "nvidia_smi_log" not in raw:
            continue
        line = _written(raw)
        if _END in line and first is not None:
            yield first, number + 1
            first, floor = None, number + 1
        elif _START in line and "<!DOCTYPE" not in line:
            if first is not None:
                floor = _until(pasted, first, number)
                yield first, floor
            first = _prologue(pasted, number, floor)
    if first is not None:
        yield first, _until(pasted, first, len(pasted.lines))


def _prologue(pasted: Pasted, number: int, floor: int) -> int:
    """The first of the lines from ``floor`` on that declare the document's type."""
    first = number
    for above in range(number - 1, floor - 1, -1):
        line = _written(pasted.lines[above])
        if line and not _PROLOGUE.search(line):
            break
        if line:
            first = above
    return first


def _until(pasted: Pasted, first: int, ceiling: int) -> int:
    """The end of a document that was cut: where lines stop being elements."""
    last = first
    for number in range(first, ceiling):
        line = _written(pasted.lines[number])
        if line.startswith("<"):
            last = number
        elif line and number > last + 3:
            break
    return last + 1


class _Log:
    """The document as it is parsed: paths of elements, and the text of the innermost."""

    def __init__(self) -> None:
        self.machine: dict[str, str] = {}
        self.gpus: list[tuple[str | None, Told]] = []
        self.is_whole = False
        self._path: list[str] = []
        self._text = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._path.append(name[:80])
        self._text = ""
        if len(self._path) > DEEPEST or len(self.gpus) > MOST_GPUS:
            raise _NotUnderstood
        if self._path[1:] == ["gpu"]:
            address = attributes.get("id", "")
            self.gpus.append((address if ":" in address else None, Told()))
        elif self._below_gpu() == "mig_devices/mig_device":
            told = self.gpus[-1][1]
            told.mig_devices = (told.mig_devices or 0) + 1
        elif self._below_gpu() == "processes":
            self.gpus[-1][1].process_types = []

    def data(self, text: str) -> None:
        """Text within an element."""
        if len(self._text) < LONGEST:
            self._text += text[:LONGEST]

    def end(self, _name: str) -> None:
        """An element ends: its text is a value."""
        text, self._text = self._text.strip(), ""
        path = self._below_gpu()
        if path is not None:
            self._of_gpu(path, text)
        elif len(self._path) == 2 and text:
            self.machine.setdefault(self._path[1], text)
        self._path.pop()
        self.is_whole = not self._path

    def _below_gpu(self) -> str | None:
        if len(self._path) < 3 or self._path[1] != "gpu" or not self.gpus:
            return None
        return "/".join(self._path[2:])

    def _of_gpu(self, path: str, text: str) -> None:
        told = self.gpus[-1][1]
        if path == "processes/process_info/type" and told.process_types is not None:
            told.process_types.append(text)
        elif path == "processes" and text and text.lower() != "none":
            told.process_types = None  # N/A
        elif path == "mig_devices" and text.lower() == "none":
            told.mig_devices = 0
        elif text and path in XML:
            told.values.setdefault(XML[path], text)


def _parse(text: str) -> _Log | None:
    """What the document says up to where it breaks; None for one that no nvidia-smi wrote."""
    log = _Log()
    parser = expat.ParserCreate()
    parser.StartElementHandler = log.start
    parser.CharacterDataHandler = log.data
    parser.EndElementHandler = log.end
    parser.EntityDeclHandler = _refuse
    parser.UnparsedEntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        parser.Parse(_BARE_AND.sub("&amp;", text).encode("utf-8", "replace"), True)
    except expat.ExpatError:
        pass  # cut short: what came before counts
    except _NotUnderstood:
        return None
    return log


def _refuse(*_declaration: object) -> int:
    raise _NotUnderstood


def _put(draft: Draft, log: _Log, indices: Indices) -> bool:
    for address, told in log.gpus:
        if address is not None:
            told.values.setdefault("bus id", address)
        put_told(draft, indices.of(address), told)
    version, count = log.machine.get("driver_version"), log.machine.get("attached_gpus", "")
    if log.gpus or version:
        put_driver(
            draft,
            version,
            log.machine.get("cuda_version"),
            int(count) if re.fullmatch(r"\d{1,3}", count) else None,
        )
    if not log.is_whole:
        draft.paste["is_cut"] = True
    return bool(log.gpus or version)
