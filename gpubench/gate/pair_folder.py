"""A folder of pairs on disk: ``ab.json`` with what was asked, and a record of each side beside it.

The records are ordinary ones, in ``a`` (the baseline) and ``b`` (the candidate).
"""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from gpubench import __version__, codec
from gpubench.bench.record import FILE_NAME, Plan, RecordWriter, RunRecord, Source, read_record
from gpubench.errors import BadUsage, UnreadableInput
from gpubench.gate.calibration import Calibration, hold_sound
from gpubench.gate.compare import Rules
from gpubench.gate.pairs import PairRecords
from gpubench.gate.sequential import EARLY_LOOK, EARLY_RISK, LOOKS, RISK
from gpubench.gate.sides import OF_PAIRS
from gpubench.gate.verdicts import OnInconclusive

SCHEMA = "gpubench.ab/1"
ASKED = OF_PAIRS
LETTERS = ("a", "b")
"""The folders of baseline and candidate."""

RULE = ("looks", "risk", "early_look", "early_risk")
"""What a version of gpubench decides by."""

Purpose = Literal["ab", "calibrate"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a session of pairs was asked, and the rule it follows.

    ``sides`` are interpreters or images, baseline first. ``looks`` are numbers of pairs after
    which a decision may fall, each at the one-sided ``risk``, which all figures share. ``pairs``
    is how many were asked for, None where the looks decide. ``calibration`` is the noise that was
    known when the first pair was begun.
    """

    schema: str = SCHEMA
    gpubench_version: str = __version__
    purpose: Purpose = "ab"
    created: str
    sides: tuple[Source, Source]
    plan: Plan
    tolerances: dict[str, float]
    pairs: int | None = None
    looks: tuple[int, ...] = LOOKS
    risk: float = RISK
    early_look: int = EARLY_LOOK
    early_risk: float = EARLY_RISK
    calibration: Calibration | None = None

    def differing(self, other: "Asked") -> list[str]:
        """The names of what was asked differently."""
        same = ("purpose", "sides", "plan", "tolerances", "pairs", *RULE)
        return [name for name in same if getattr(self, name) != getattr(other, name)]

    @property
    def other_rules(self) -> list[str]:
        """The parts of its rule that are not this version's."""
        own = {field.name: field.default for field in dataclasses.fields(self)}
        return [name for name in RULE if getattr(self, name) != own[name]]


def is_pair_folder(place: Path) -> bool:
    """Whether a folder holds pairs."""
    return (place / ASKED).is_file()


def create(folder: Path, asked: Asked) -> None:
    """Begin a folder; BadUsage where there is one already."""
    if (folder / ASKED).exists() or any((folder / name).exists() for name in (FILE_NAME, *LETTERS)):
        raise BadUsage(f"{folder} exists; add --resume to go on with it, or name another --output")
    write(folder, asked)


def write(folder: Path, asked: Asked) -> None:
    """Keep what was asked; UnwritableOutput says why not."""
    codec.write_text(folder / ASKED, codec.to_json(asked, indent=2) + "\n")


def discard_if_empty(folder: Path, writers: Sequence[RecordWriter]) -> bool:
    """Remove a folder in which neither side has anything; whether that was so."""
    are_empty = [writer.discard_if_empty() for writer in writers]
    if not all(are_empty):
        return False
    with contextlib.suppress(OSError):
        (folder / ASKED).unlink()
        folder.rmdir()
    return True


def read_asked(folder: Path) -> Asked:
    """What was asked of a folder; UnreadableInput or UnknownSchema say what is wrong."""
    path = folder / ASKED
    if not path.is_file():
        raise UnreadableInput(f"{folder}: no pairs in it (it has no {ASKED})")
    plain = codec.check_schema(
        codec.parse_json(codec.read_bytes(path), str(path)), SCHEMA, str(path)
    )
    asked: Asked = codec.from_plain(Asked, plain, str(path))
    if not all(0 < tolerance < 1 for tolerance in asked.tolerances.values()):
        raise UnreadableInput(f"{path}: a tolerance is a share above 0 and below 1")
    if asked.calibration is not None:
        hold_sound(asked.calibration, str(path))
    return asked


def read_records(folder: Path) -> tuple[RunRecord, RunRecord]:
    """The records of baseline and candidate."""
    baseline, candidate = (read_record(folder / letter) for letter in LETTERS)
    return baseline, candidate


def read_pairs(folder: Path, asked: Asked, on_inconclusive: OnInconclusive = "fail") -> PairRecords:
    """The pairs of a folder, under the rules they were measured by."""
    baseline, candidate = read_records(folder)
    rules = Rules(
        tolerances=asked.tolerances,
        on_inconclusive=on_inconclusive,
        calibration=asked.calibration,
    )
    return PairRecords(baseline=baseline, candidate=candidate, rules=rules)
