"""The suites by name; a suite's module is imported in the child that trains, never here."""

import dataclasses

from gpubench.errors import UnknownName


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SuiteEntry:
    """A suite's name, the module that offers its functions, and one line for people.

    ``dimensions`` are those of a workload that mean something to it, ``feeding`` the fields of a
    feed that say how its files are read. One that does not train only measures, and offers nothing
    to be trained. ``learner`` is the module for a training that is to learn, "" for none,
    and ``needs`` are the packages that one takes beyond those of the suite.
    """

    name: str
    module: str
    summary: str
    dimensions: tuple[str, ...] = ("batch-size",)
    feeding: tuple[str, ...] = ()
    trains: bool = True
    learner: str = ""
    needs: tuple[str, ...] = ()


SUITES = (
    SuiteEntry(
        name="deit",
        module="gpubench.suites.deit",
        summary="DeiT image classification (timm deit_small_patch16_224 and its sisters)",
        dimensions=("batch-size", "image-size"),
        feeding=("augment",),
        learner="gpubench.suites.deit_learner",
    ),
    SuiteEntry(
        name="bert-ner",
        module="gpubench.suites.bert_ner",
        summary="BERT named-entity recognition (bert-base-chinese shape, token classification)",
        dimensions=("batch-size", "sequence-length"),
        feeding=("lengths", "long"),
        learner="gpubench.suites.ner_learner",
        needs=("seqeval",),
    ),
    SuiteEntry(
        name="ceilings",
        module="gpubench.bench.ceilings",
        summary="what the machine can do at most: products, memory, copies, launches, collectives",
        dimensions=(),
        trains=False,
    ),
    SuiteEntry(
        name="claims",
        module="gpubench.cli.claims",
        summary="what the source documents claim: several runs, and a table of what they show",
        dimensions=(),
        trains=False,
    ),
)


def suite_named(name: str) -> SuiteEntry:
    """The suite of that name; UnknownName with the nearest names otherwise."""
    for suite in SUITES:
        if suite.name == name:
            return suite
    raise UnknownName("suite", name, (suite.name for suite in SUITES))
