"""Extensions and the NumPy they were compiled with, from their files."""

from gpubench.checks.facts import torch_known
from gpubench.checks.outcome import Check, Outcome, fail, ok, skip, unknown
from gpubench.env.snapshot import Snapshot
from gpubench.versions import Version


def extensions_fit(snapshot: Snapshot) -> Outcome:
    """Compiled extensions were built for the NumPy that is installed.

    Why: an extension compiled with NumPy 1 does not load under NumPy 2: "A module that was
    compiled using NumPy 1.x cannot be run in NumPy 2". Its file tells which it was.
    Remedy: a newer release of the extension's package, or pip install "numpy<2".
    """
    if snapshot.python is None:
        return torch_known(snapshot) or unknown("the distributions could not be read")
    reason = snapshot.why_unread("python.distributions")
    if reason is not None:
        return unknown(reason)
    numpy = snapshot.python.distribution("numpy")
    version = Version.find(numpy.version if numpy else None)
    if version is None:
        return skip("NumPy is not installed")
    if version.major < 2:
        return skip(f"NumPy {version} loads extensions of NumPy 1 and of NumPy 2")
    old = [entry for entry in snapshot.python.distributions if entry.numpy_built == 1]
    if old:
        names = [f"{entry.name} {entry.version}" for entry in old]
        return fail(
            f"{', '.join(names)}: compiled with NumPy 1, installed is NumPy {version}",
            'pip install "numpy<2"',
            "or a newer release of " + ", ".join(entry.name for entry in old),
            extensions=names,
        )
    built = [entry.name for entry in snapshot.python.distributions if entry.numpy_built]
    if not built:
        return skip("no extension here tells which NumPy it was compiled with")
    return ok(f"{', '.join(built)}: compiled with NumPy 2 or later, installed is {version}")


CHECKS = (
    Check(
        id="comp.numpy_abi",
        judge=extensions_fit,
        cause="numpy-abi",
        reference="NumPy 2.0 migration guide",
    ),
)
