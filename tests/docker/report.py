"""What building and trying the images gave: a JSON file, and the table made of it.

python -m tests.docker.report reports/images/images.json > reports/images/images.md
"""

import dataclasses
import datetime as dt
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.docker.again import Compared

SCHEMA = "gpubench.images/1"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tried:
    """One trial in one image; ``problem`` is empty where nothing was wrong."""

    name: str
    words: str
    problem: str
    seconds: float
    notes: tuple[str, ...] = ()

    def line(self) -> str:
        told = f": {self.problem}" if self.problem else ""
        said = "".join(f"\n     {note}" for note in self.notes)
        return (
            f"{'no ' if self.problem else 'yes'}  {self.words}{told} ({self.seconds:.0f} s){said}"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Built:
    """One image: how long it took, how large it is, and what was tried in it.

    ``seconds`` is None where it had been built before; ``size`` is what buildah calls it.
    """

    stack: str
    target: str
    torch: str
    revision: str
    seconds: float | None
    size: str
    digest: str
    tried: tuple[Tried, ...]
    again: Compared | None = None

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the trials that found something wrong."""
        other = () if self.again is None or self.again.is_same_stack else ("built again",)
        return (*(trial.name for trial in self.tried if trial.problem), *other)

    @property
    def name(self) -> str:
        return f"{self.stack}-dev" if self.target == "dev" else self.stack

    def line(self) -> str:
        verdict = f"FAILED: {', '.join(self.failed)}" if self.failed else "all trials passed"
        seconds = "built before" if self.seconds is None else f"{self.seconds:.0f} s"
        return f"{self.name:12} {seconds:>12} {self.size:>10}  {verdict}"


def note(path: Path, image: Built) -> None:
    """Put one image into the file, in the place of what it said of that image before.

    What was not done this time, building or building twice, stays as it was found before.
    """
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"schema": SCHEMA}
    images = found.setdefault("images", {})
    entry = {"when": _now(), "cores": os.cpu_count(), **dataclasses.asdict(image)}
    if before := images.get(image.name):
        entry["seconds"] = entry["seconds"] or before["seconds"]
        entry["again"] = entry["again"] or before.get("again")
        if entry["digest"] == before["digest"]:
            entry["tried"] = _merged(before["tried"], entry["tried"])
    images[image.name] = entry
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _merged(before: list[dict[str, Any]], now: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The trials of one image, each as it was last tried."""
    return list({trial["name"]: trial for trial in (*before, *now)}.values())


def _now() -> str:
    return dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")


def table(found: dict[str, Any]) -> str:
    """The images in a table, then what was tried in each."""
    rows = [
        "| image | torch | built in | size | trials | built twice |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, image in found["images"].items():
        seconds = "-" if image["seconds"] is None else f"{image['seconds']:.0f} s"
        failed = [trial["name"] for trial in image["tried"] if trial["problem"]]
        verdict = f"failed: {', '.join(failed)}" if failed else f"{len(image['tried'])} passed"
        again = _again(image.get("again"))
        words = (f"`{name}`", image["torch"], seconds, image["size"], verdict, again)
        rows.append(f"| {' | '.join(words)} |")
    return "\n".join(["# The images, built and tried", "", *rows, *_details(found["images"]), ""])


def _again(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    return "the same packages" if not found["differing"] else f"{len(found['differing'])} differ"


def _details(images: dict[str, Any]) -> list[str]:
    lines = []
    for name, image in images.items():
        made = f"Revision {image['revision'][:12]}, {image['digest']}."
        lines += ["", f"## `{name}`, {image['when'][:10]}", "", made, ""]
        for entry in image["tried"]:
            trial = Tried(**entry)
            lines += [f"    {line}".rstrip() for line in trial.line().splitlines()]
        if image.get("again"):
            lines.append(f"    {Compared(**image['again']).line()}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    (path,) = sys.argv[1:] if arguments is None else arguments
    print(table(json.loads(Path(path).read_text(encoding="utf-8"))), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
