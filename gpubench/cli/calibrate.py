"""``gpubench calibrate``: this machine's own noise, and at which tolerance it can gate."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpubench.cli import options, pair_session, pairing, terminal
from gpubench.errors import BadUsage, ExitStatus, NotComparable

if TYPE_CHECKING:
    from gpubench.gate.calibration import Calibration
    from gpubench.gate.machine import Machine
    from gpubench.gate.pairs import PairRecords

PAIRS = 20
"""As many as a calibration had in the simulations of decision 30."""


def calibrate(
    suite: Annotated[str, pairing.SUITE],
    python: Annotated[
        str | None,
        typer.Option(metavar="EXE", help="The interpreter to measure (default: this one)."),
    ] = None,
    pairs: Annotated[int, typer.Option(min=3, max=200, help="A/A pairs of each cell.")] = PAIRS,
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
    budget: Annotated[
        str, typer.Option(help="Begin no pair that ends later (90m), but each cell once; or none.")
    ] = "none",
    calibration: Annotated[
        Path | None,
        typer.Option(help="The file to add to (default: this machine's in reports/calibrations)."),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget the sessions that were there before.")
    ] = False,
    output: Annotated[Path | None, pairing.OUTPUT] = None,
    resume: Annotated[bool, pairing.RESUME] = False,
    format: Annotated[str, typer.Option(help="text, markdown, csv or json.")] = "text",  # noqa: A002
) -> int:
    """Measure this environment against itself, and keep how far pairs and sessions spread."""
    from gpubench.cli.packages import OF_TABLES, hold_packages
    from gpubench.cli.quantities import duration
    from gpubench.gate.pair_folder import Asked
    from gpubench.render.registry import renderer

    renderer(format)
    hold_packages(*OF_TABLES)
    if resume and output is None:
        raise BadUsage("--resume needs --output, the folder of the pairs to go on with")
    most = duration(budget, "--budget")
    kept = Kept(calibration, restart=restart)
    environment = pairing.interpreter(python)
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
        snapshot=environment.snapshot,
    )
    asked = Asked(
        purpose="calibrate",
        created=pairing.now(),
        sides=(environment.source, environment.source),
        plan=wanted.plan,
        tolerances={},
        pairs=pairs,
    )
    folder = output or pairing.new_folder(wanted.plan, "calibrate")
    records = pair_session.measure(
        wanted, (environment, environment), asked, folder, most, kept.hold, resume=resume
    )
    return kept.add(records, format)


class Kept:
    """The file in which a machine's noise is kept, as named or where it belongs."""

    def __init__(self, given: Path | None, *, restart: bool) -> None:
        """UnreadableInput where the named file is none, before anything is examined."""
        from gpubench.gate.calibration import read

        self._given, self._restart = given, restart
        if given is not None and given.exists():
            read(given)

    def hold(self, machine: "Machine") -> None:
        """NotComparable, before anything is measured, where the file is of another machine."""
        self._known(machine)

    def _path(self, machine: "Machine") -> Path:
        from gpubench.gate.calibration import FOLDER, path_of

        return self._given or path_of(FOLDER, machine)

    def _known(self, machine: "Machine") -> "Calibration | None":
        from gpubench.gate.calibration import read, refuse_other

        path = self._path(machine)
        if not path.exists():
            return None
        found = read(path)
        try:
            refuse_other(found, machine)
        except NotComparable as problem:
            raise NotComparable(f"{path}: {problem}") from None
        return None if self._restart else found

    def add(self, records: "PairRecords", form: str) -> int:
        """Keep the session with those before it, and say at which tolerance this host can gate."""
        from gpubench.gate.calibrating import added, changed, session_in, table
        from gpubench.gate.calibration import write
        from gpubench.render.registry import renderer

        session = session_in(records)
        machine = next(cell.machine for cell in records.sessions[0].cells.values())
        known = self._known(machine)
        lost = list(_lost(records))
        if not session.figures:
            raise nothing_calibrated(lost)
        found = added(known, session, machine)
        path = self._path(machine)
        write(path, found)
        notes = [*(changed(known, session) if known else ()), *(said for said, _ in lost)]
        terminal.answer(renderer(form)([table(found, notes)]))
        terminal.note(f"kept in {path}")
        return max((status for _, status in lost), default=ExitStatus.YES)


def nothing_calibrated(lost: Sequence[tuple[str, ExitStatus]]) -> NotComparable:
    """What a session without a noise ends with: 5, and 6 where a measurement was invalid."""
    reasons = "; ".join(said for said, _ in lost) or "no mode that was asked for can be done here"
    problem = NotComparable(f"nothing was calibrated: {reasons}")
    if any(status == ExitStatus.INVALID for _, status in lost):
        problem.status = ExitStatus.INVALID
    return problem


def _lost(records: "PairRecords") -> "list[tuple[str, ExitStatus]]":
    """The cells that could be measured and have no noise now, and what that is."""
    from gpubench.gate.pairs import FEWEST

    lost = []
    for name in records.names:
        refused, pairs = records.refused(name), len(records.pairs(name))
        title = f"{name.subject.title} {name.mode}"
        if refused is not None and refused.gated:
            lost.append((f"{title} was not calibrated: {refused.reason}", ExitStatus.INVALID))
        elif refused is None and pairs < FEWEST:
            said = f"{title} was not calibrated: {FEWEST} pairs are needed, there are {pairs}"
            lost.append((said, ExitStatus.INCONCLUSIVE))
    return lost
