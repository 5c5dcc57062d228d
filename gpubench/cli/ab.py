"""``gpubench ab``: two environments measured in turns, and whether the second is slower."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpubench.cli import options, pair_session, pairing, sides, terminal
from gpubench.cli.compare import CALIBRATION, ON_INCONCLUSIVE, TOLERANCE, calibration_of
from gpubench.errors import BadUsage

if TYPE_CHECKING:
    from gpubench.gate.calibration import Calibration
    from gpubench.gate.machine import Machine

BEGUN = "pairs are judged by the noise that was known when the first of them was begun"


def ab(
    suite: Annotated[str, pairing.SUITE],
    a_python: Annotated[str | None, sides.PYTHON_A] = None,
    b_python: Annotated[str | None, sides.PYTHON_B] = None,
    a_image: Annotated[str | None, sides.IMAGE_A] = None,
    b_image: Annotated[str | None, sides.IMAGE_B] = None,
    engine: Annotated[str | None, sides.ENGINE] = None,
    pull: Annotated[bool, sides.PULL] = False,
    preset: Annotated[str | None, options.PRESET] = None,
    modes: Annotated[str | None, pairing.MODE_LIST] = None,
    batch_size: Annotated[int | None, pairing.BATCH] = None,
    accumulation: Annotated[int, options.ACCUMULATION] = 1,
    device: Annotated[str, options.DEVICE] = "auto",
    tier: Annotated[str | None, pairing.TIER] = None,
    data: Annotated[str, options.DATA] = "synthetic",
    model: Annotated[str | None, options.MODEL] = None,
    sequence_length: Annotated[int | None, options.SEQUENCE] = None,
    image_size: Annotated[int | None, options.IMAGE] = None,
    workers: Annotated[int | None, options.WORKERS] = None,
    lengths: Annotated[str, options.LENGTHS] = "fixed",
    long: Annotated[str, options.LONG] = "truncate",
    augment: Annotated[bool, options.AUGMENT] = False,
    seconds: Annotated[float | None, options.SECONDS] = None,
    tolerance: Annotated[str | None, TOLERANCE] = None,
    on_inconclusive: Annotated[str, ON_INCONCLUSIVE] = "fail",
    calibration: Annotated[Path | None, CALIBRATION] = None,
    budget: Annotated[
        str, typer.Option(help="Begin no pair that ends later (90m), but each cell once; or none.")
    ] = pairing.BUDGET,
    output: Annotated[Path | None, pairing.OUTPUT] = None,
    resume: Annotated[bool, pairing.RESUME] = False,
    format: Annotated[  # noqa: A002
        str, typer.Option(help="text, markdown, json, junit, github or github-benchmark.")
    ] = "text",
) -> int:
    """Measure two environments in pairs, in turns, until each cell is decided or time is up."""
    from gpubench.cli.packages import OF_TABLES, hold_packages
    from gpubench.cli.quantities import duration
    from gpubench.gate.calibration import read
    from gpubench.gate.metrics import parse_tolerances
    from gpubench.gate.pair_folder import Asked
    from gpubench.render.compare import renderer

    renderer(format)
    hold_packages(*OF_TABLES)
    pair_session.on_inconclusive(on_inconclusive)
    if resume and output is None:
        raise BadUsage("--resume needs --output, the folder of the pairs to go on with")
    tolerances, most = parse_tolerances(tolerance), duration(budget, "--budget")
    noise = None if calibration is None else read(calibration)  # a bad file is told at once
    pythons, images = (a_python, b_python), (a_image, b_image)
    with sides.both(pythons, images, engine=engine, pull=pull, device=device) as environments:
        wanted = pairing.trained(
            suite=suite,
            preset=preset,
            modes=modes,
            batch_size=batch_size,
            accumulation=accumulation,
            device=device,
            tier=tier,
            data=data,
            model=model,
            sequence_length=sequence_length,
            image_size=image_size,
            workers=workers,
            lengths=lengths,
            long=long,
            augment=augment,
            seconds=seconds,
            snapshot=environments[0].snapshot,
        )
        for side, environment in zip(("baseline", "candidate"), environments, strict=True):
            terminal.note(f"{side}: {environment.releases}")
        asked = Asked(
            created=pairing.now(),
            sides=(environments[0].source, environments[1].source),
            plan=wanted.plan,
            tolerances=tolerances,
        )
        folder = output or pairing.new_folder(wanted.plan, "ab")
        records = pair_session.measure(
            wanted, environments, asked, folder, most, noise_finder(calibration), resume=resume
        )
        if noise is not None and noise != records.rules.calibration:
            terminal.note(f"warning: {calibration} has no say: {BEGUN}")
        return pair_session.answer(records, on_inconclusive, format)


def noise_finder(given: Path | None) -> "Callable[[Machine], Calibration | None]":
    """Looks up the noise of a machine, as named or where it is kept."""

    def find(machine: "Machine") -> "Calibration | None":
        return calibration_of(given, machine)

    return find
