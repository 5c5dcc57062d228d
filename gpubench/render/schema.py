"""Writes the published JSON Schemas: ``python -m gpubench.render.schema [FOLDER]``."""

import sys
from pathlib import Path
from typing import Any

from gpubench import codec
from gpubench.bench.learning.record import TrainingHeader, TrainingLine
from gpubench.bench.record import Header, Line
from gpubench.checks.report import DoctorReport
from gpubench.env.snapshot import Snapshot
from gpubench.gate.baselines import Baseline
from gpubench.gate.calibration import Calibration
from gpubench.gate.compare import Comparison
from gpubench.gate.pair_folder import Asked
from gpubench.plan.report import PlanReport

PUBLISHED: dict[str, Any] = {
    "snapshot": Snapshot,
    "doctor": DoctorReport,
    "plan": PlanReport,
    "run": Header | Line,
    "train": TrainingHeader | TrainingLine,
    "compare": Comparison,
    "ab": Asked,
    "calibration": Calibration,
    "baseline": Baseline,
}
"""What each schema describes; of ``run`` and ``train`` it is one line of a record."""


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of what is written under ``gpubench.<name>/1``."""
    from pydantic import TypeAdapter

    described = TypeAdapter(PUBLISHED[name]).json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"gpubench.{name}/1",
        **{key: value for key, value in described.items() if key != "title"},
    }


def main(folder: Path = Path("docs/schema")) -> None:
    """Write every schema into ``folder``."""
    for name in PUBLISHED:
        codec.write_text(folder / f"{name}.json", codec.to_json(schema(name), indent=2) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
