"""Every rule about stated stacks, one line per subject; the order is that of the findings."""

from gpubench.plan.rules import (
    companions,
    declared,
    frameworks,
    images,
    imports,
    libraries,
    pythons,
    targets,
    torch_cuda,
    variables,
)
from gpubench.plan.rules.making import Rule

RULES: tuple[Rule, ...] = (
    *images.RULES,
    *pythons.RULES,
    *torch_cuda.RULES,
    *declared.RULES,
    *companions.RULES,
    *frameworks.RULES,
    *libraries.RULES,
    *imports.RULES,
    *targets.RULES,
    *variables.RULES,
)
