"""A training's record as tables: how the loss fell, how good it became, and by type."""

from gpubench import units
from gpubench.bench.learning.record import (
    CheckpointLine,
    EpochLine,
    LossLine,
    TrainingFacts,
    TrainingRecord,
)
from gpubench.gate.odd_lines import device_line
from gpubench.gate.table import Column, Row, Table

SCORE_WORDS = {"f1": "F1", "precision": "precision", "recall": "recall", "top1": "top-1"}


def training_tables(record: TrainingRecord) -> list[Table]:
    """Epoch by epoch, and the last judgement by type where there are types."""
    epochs = record.of(EpochLine)
    tables = [_epochs(record, epochs)]
    if epochs and epochs[-1].by_type:
        tables.append(_types(record, epochs[-1]))
    return tables


def title(record: TrainingRecord) -> str:
    """What was trained, for headings."""
    plan = record.header.plan
    smoke = " · SMALL MODEL" if plan.preset == "smoke" and plan.model is None else ""
    return f"Training · {plan.suite} · {plan.mode}{smoke}"


def about(record: TrainingRecord) -> tuple[str, ...]:
    """The device, the model, the data, the settings, as far as the training came to them."""
    facts = record.facts
    if facts is None:
        return ("the training did not begin",)
    settings = dict(facts.settings)
    model = (
        f"{settings.get('model')}: {settings.get('layers')} layers, "
        f"{units.count(facts.parameters, 'parameter')}"
    )
    if settings.get("head") not in (None, "linear"):
        model += f", {settings['head']} head"
    how = f"{settings.get('optimizer')}, batch {settings.get('batch_size')}"
    lines = [device_line(facts.device), model, how]
    return (*lines, *_data_lines(facts))


def _data_lines(facts: TrainingFacts) -> list[str]:
    survey, settings = facts.survey, facts.settings
    items, held = survey.get("items_name", "sentence"), settings.get("validation")
    read = survey.get("sentences", survey.get("images", 0))
    judged = survey.get("validation_sentences", survey.get("validation_images", 0))
    trained = f"{settings.get('data')}: {units.count(read, items)} trained on"
    lines = [f"{trained}, {units.count(judged, items)} to judge by ({held})"]
    if "scheme" in survey:
        lines.append(
            f"labels: {', '.join(survey['labels'])} ({survey['scheme']}); "
            f"tokenizer: {survey['tokenizer']}"
        )
    if survey.get("validation_labels_never_trained"):
        lines.append(
            "never trained on, and so always missed: "
            + ", ".join(survey["validation_labels_never_trained"])
        )
    if survey.get("unreadable"):
        lines.append(
            f"{units.count(survey['images_unreadable'], 'image')} unreadable and skipped: "
            + "; ".join(survey["unreadable"])
        )
    return lines


def _epochs(record: TrainingRecord, epochs: list[EpochLine]) -> Table:
    names = list(epochs[0].scores) if epochs else []
    columns = (
        Column(key="epoch", heading="epoch"),
        Column(key="step", heading="step"),
        Column(key="mean_loss", heading="mean loss"),
        *(Column(key=name, heading=SCORE_WORDS.get(name, name)) for name in names),
        Column(key="items", heading="judged"),
    )
    rows = tuple(
        Row(
            values={
                "epoch": line.epoch, "complete": line.complete, "step": line.step,
                "mean_loss": line.mean_loss, **line.scores, "items": line.items,
            },
            texts={
                "epoch": _epoch(line),
                "step": str(line.step),
                "mean_loss": units.ABSENT if line.mean_loss is None
                else units.significant(line.mean_loss),
                **{name: f"{value:.3f}" for name, value in line.scores.items()},
                "items": str(line.items),
            },
        )
        for line in epochs
    )  # fmt: skip
    return Table(
        title=title(record), about=about(record), columns=columns, rows=rows, notes=notes(record)
    )


def _epoch(line: EpochLine) -> str:
    if line.step == 0:
        return "untrained"
    return f"{line.epoch}" if line.complete else f"{line.epoch} (part)"


def notes(record: TrainingRecord) -> tuple[str, ...]:
    """How it ended, how often it was gone on with, and what is left of it."""
    found = [_ending(record)]
    found += [
        f"gone on with from {line.gone_on_from} (step {line.first_step})"
        for line in record.of(TrainingFacts)
        if line.gone_on_from
    ]
    losses = record.of(LossLine)
    if losses:
        first, last = losses[0], losses[-1]
        found.append(
            f"the loss over the first {len(first.losses)} steps was "
            f"{units.significant(first.mean)}, over the last {len(last.losses)} "
            f"{units.significant(last.mean)}"
        )
    kept = record.of(CheckpointLine)
    if kept:
        found.append(f"last checkpoint: {kept[-1].file} ({units.memory(kept[-1].size_bytes)})")
    end = record.end
    if end is not None and end.weights is not None:
        found.append(f"weights: sha256 {end.weights}")
    if end is not None and end.export:
        found.append(str(end.export["said"]))
    if record.torn:
        found.append("the last line of the record was cut short and left out")
    return tuple(found)


def _ending(record: TrainingRecord) -> str:
    end, facts = record.end, record.facts
    total = facts.total_steps if facts else 0
    if end is None:
        return f"not finished: the record ends before step {total}"
    if end.state == "ok":
        return f"finished after step {end.step} of {total}"
    return f"{end.state}: {end.reason}"


def _types(record: TrainingRecord, line: EpochLine) -> Table:
    kind = "class" if record.header.plan.suite == "deit" else "type"
    columns = (
        Column(key="name", heading=kind, numeric=False),
        *(Column(key=key, heading=SCORE_WORDS[key]) for key in ("precision", "recall", "f1")),
        Column(key="support", heading="there are"),
    )
    rows = tuple(
        Row(
            values={
                "name": row.name, "precision": row.precision, "recall": row.recall,
                "f1": row.f1, "support": row.support,
            },
            texts={
                "name": row.name, "precision": f"{row.precision:.3f}",
                "recall": f"{row.recall:.3f}", "f1": f"{row.f1:.3f}", "support": str(row.support),
            },
        )
        for row in line.by_type
    )  # fmt: skip
    return Table(
        title=f"{title(record)} · by {kind} after step {line.step}",
        about=(),
        columns=columns,
        rows=rows,
        notes=(),
        repeats=True,
    )
