"""What ``doctor --explain`` says about a check."""

import inspect

from gpubench.checks.outcome import Check


def explanation(check: Check) -> str:
    """Its id and docstring, the cause it points to, what it needs and where that stands."""
    lines = [check.id, *(f"  {line}".rstrip() for line in body(check)), ""]
    lines.append(f"  Cause: {check.cause}")
    if check.needs:
        lines.append(f"  Explained by: {', '.join(check.needs)}")
    if check.reference:
        lines.append(f"  Reference: {check.reference}")
    return "\n".join(lines) + "\n"


def body(check: Check) -> list[str]:
    """The lines of its docstring: a title, Why, Remedy."""
    return inspect.cleandoc(check.judge.__doc__ or "").splitlines()
