"""Asks a child to prove things; where it dies, a fresh one goes on with what is left."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gpubench.env.places import Place
from gpubench.env.python_env import source_of
from gpubench.env.redact import clean_plain
from gpubench.env.snapshot import Proof
from gpubench.env.sources import Completed, Sources, run_child

SHARED = ("speaking", "exactness", "computing", "memory", "stress", "companions")
"""What the children are made of, each part after those that it imports."""
PACKAGE = "gpubench.env.scripts"
MOST_STARTS = 4
"""Processes one set of proofs may cost: one, and three more after deaths (own choice)."""
MOST_HANGS = 2
"""A device that hung twice will hang again; what is left is not tried."""

PATIENCE_SECONDS = 20.0
"""A proof that was stopped sooner is tried again; each takes seconds on a slow machine."""

Tell = Callable[[str], None]
_EXPECTED = frozenset(field.name for field in dataclasses.fields(Proof))


def bundle(entry: str) -> str:
    """One self-contained script: the shared parts as modules, then ``entry``, which is run."""
    names = [*(name for name in SHARED if name != entry), entry]
    parts = [(f"{PACKAGE}.{name}", source_of(f"{name}.py")) for name in names]
    return f"""
import sys
sys.path[:] = [entry for entry in sys.path if entry]
import types
package = types.ModuleType({PACKAGE!r})
sys.modules[{PACKAGE!r}] = package
for name, text in {parts!r}:
    module = types.ModuleType(name)
    sys.modules[name] = module
    setattr(package, name.rpartition(".")[2], module)
    exec(compile(text, name, "exec"), vars(module))
sys.modules[{f"{PACKAGE}.speaking"!r}].run(module.main)
"""


@dataclasses.dataclass(slots=True)
class Answer:
    """What the children of one set of proofs said, and how the last of them ended."""

    completed: Completed
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    proofs: list[Proof] = dataclasses.field(default_factory=list)

    @property
    def phase(self) -> str | None:
        """What the last child was doing when it ended."""
        return self.facts.get("phase")

    @property
    def ended(self) -> str:
        """``done``, ``exception``, ``signal``, ``timeout`` or ``exit``."""
        if self.completed.timed_out:
            return "timeout"
        if self.completed.signal_name:
            return "signal"
        if self.phase == "done":
            return "done"
        return "exception" if "problem" in self.facts else "exit"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Prover:
    """The interpreter under test, the time its children get, and who is told what begins."""

    place: Place
    sources: Sources
    timeout: float
    tell: Tell | None = None

    def ask(
        self,
        entry: str,
        wish: Mapping[str, Any],
        *,
        timeout: float | None = None,
        starts: int = MOST_STARTS,
    ) -> Answer:
        """What the script ``entry`` proves, in as many processes as that takes."""
        skip: list[str] = []
        answer, hangs = Answer(Completed(output="", errors="", code=0)), 0
        for _ in range(starts):
            heard = self._ask_once(entry, {**wish, "skip": skip}, timeout or self.timeout)
            answer.completed = heard.completed
            answer.facts.update(heard.facts)
            hangs += heard.ended == "timeout"
            goes_on = (heard.died is not None or heard.again) and hangs < MOST_HANGS
            if goes_on and heard.is_hurried and starts > 1:
                heard.proofs.pop()  # asked again, with all the time there is
                heard.keys.pop()
            answer.proofs.extend(heard.proofs)
            if not goes_on:
                break
            skip = [*skip, *heard.keys]
        return answer

    def _ask_once(self, entry: str, wish: Mapping[str, Any], timeout: float) -> "Heard":
        completed = run_child(
            [self.place.python, "-B", "-", json.dumps(wish)],
            script=bundle(entry),
            timeout=timeout,
            variables=self.sources.variables,
            watch=self._watch if self.tell else None,
            place=self.place,
            shared=[Path(wish["folder"])] if "folder" in wish else [],
        )
        return listen(completed)

    def _watch(self, line: str) -> None:
        event = _event(line)
        if self.tell is not None and event and isinstance(event.get("phase"), str):
            self.tell(event["phase"])


@dataclasses.dataclass(slots=True)
class Heard(Answer):
    """What one child said."""

    keys: list[str] = dataclasses.field(default_factory=list)
    """The proofs it began."""
    died: Proof | None = None
    """The proof it did not come back from."""
    again: bool = False
    """It came to an end in good order, but its device takes no more work."""

    @property
    def is_hurried(self) -> bool:
        """True where the time ran out in a proof that had little of it."""
        return (
            self.died is not None
            and self.ended == "timeout"
            and (self.died.seconds or 0.0) < PATIENCE_SECONDS
        )


def listen(completed: Completed) -> Heard:
    """The events of a child; the proof it died in is one that ended as the child did."""
    heard, place, after = Heard(completed), None, 0.0
    for event in clean_plain(events(completed)):
        if "begin" in event:
            place, after = event.pop("begin"), event.pop("after", 0.0)
            heard.keys.append(event.pop("key", ""))
        if "proof" in event:
            heard.proofs.append(proof_of(event.pop("proof")))
            place = None
        heard.again = bool(event.pop("again", heard.again))
        heard.facts.update(event)
    if place is not None and heard.ended != "done":
        heard.died = _died_in(place, heard, after)
        heard.proofs.append(heard.died)
    return heard


def _died_in(place: dict[str, Any], heard: Heard, after: float) -> Proof:
    """A proof that did not come back, and how many seconds it had been going on."""
    completed = heard.completed
    said = heard.facts.pop("problem", None)
    return proof_of(
        {
            **place,
            "problem": said or completed.ending or "it ended without a word",
            "ended": heard.ended,
            "last_words": completed.last_words,
            "seconds": max(0.0, completed.seconds - after),
        }
    )


def proof_of(fields: dict[str, Any]) -> Proof:
    """A proof as a child told it, whatever else it may have told."""
    known = {name: value for name, value in fields.items() if name in _EXPECTED}
    known["last_words"] = tuple(known.get("last_words", ()))
    return Proof(**known)


def events(completed: Completed) -> list[dict[str, Any]]:
    """The JSON objects on a child's stdout."""
    found = (_event(line) for line in completed.output.splitlines())
    return [event for event in found if event]


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:  # cut short when the child was ended
        return None
    return event if isinstance(event, dict) else None
