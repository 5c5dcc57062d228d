"""Several processes that reduce and gather together: one for every GPU, or two on the CPU."""

import dataclasses
import re
from collections.abc import Callable, Sequence

from gpubench.env.children import concurrently
from gpubench.env.proving import Answer, Prover
from gpubench.env.snapshot import Proof
from gpubench.env.sources import empty_folder

CPU_PROCESSES = 2
LEAST_SECONDS = 10.0
"""What the group itself waits at least for its slowest member."""
_CHOSEN = re.compile(r"Bytes -> Algo (\w+) [pP]roto (\w+)")
_ALGORITHMS = ("TREE", "RING", "COLLNET_DIRECT", "COLLNET_CHAIN", "NVLS", "NVLS_TREE", "PAT")
_PROTOCOLS = ("LL", "LL128", "SIMPLE")
"""What NCCL before 2.24 writes as a number (nccl/src/include/nccl_common.h)."""
_BLAME = ("signal", "exit", "exception", None, "timeout")
"""Whose word counts where several fail: a rank that died, before those that waited for it."""


def prove_collectives(prover: Prover, gpus: int, *, deep: bool) -> list[Proof]:
    """Each operation once: what the first of the ranks to go wrong said, or that all agree."""
    world = gpus or CPU_PROCESSES
    wish = {
        "world": world,
        "backend": "nccl" if gpus else "gloo",
        "deep": deep,
        "seconds": max(LEAST_SECONDS, prover.timeout * 0.6),
    }
    try:
        folder = empty_folder()
    except OSError as problem:
        return [_not_tried(wish["backend"], f"no writable temporary folder: {problem.strerror}")]
    with folder as place:

        def rank(number: int) -> Callable[[], Answer]:
            return lambda: prover.ask(
                "prove_collectives", {**wish, "rank": number, "folder": place}, starts=1
            )

        answers = concurrently([rank(number) for number in range(world)], at_once=world)
    return merged(answers, gpus)


def _not_tried(backend: object, why: str) -> Proof:
    return Proof(what="nccl", device="all", dtype=str(backend), problem=why, ended="exit")


def merged(answers: Sequence[Answer], gpus: int) -> list[Proof]:
    """One proof for each operation, from those of every rank."""
    device = "cpu" if not gpus else "cuda:0" if gpus == 1 else f"cuda:0-{gpus - 1}"
    told = [(rank, proof) for rank, answer in enumerate(answers) for proof in answer.proofs]
    names = list(dict.fromkeys(proof.variant for _, proof in told))
    found = [_one([(r, p) for r, p in told if p.variant == name], device) for name in names]
    if not found:
        words = answers[0].facts.get("problem") or answers[0].completed.ending or "nothing was said"
        ended = answers[0].ended
        return [Proof(what="nccl", device=device, variant="join", problem=words, ended=ended)]
    return [_with_algorithm(proof, answers[0]) for proof in found]


def _one(told: Sequence[tuple[int, Proof]], device: str) -> Proof:
    """The proof of one operation: the rank to blame, else the one with the largest error."""
    bad = [(rank, proof) for rank, proof in told if proof.problem]
    if bad:
        rank, worst = min(bad, key=lambda entry: _BLAME.index(entry[1].ended))
        problem = f"rank {rank}: {worst.problem}" if len(told) > 1 else worst.problem
    else:
        rank, worst = max(told, key=lambda entry: entry[1].error or 0.0)
        problem = None
    return Proof(
        what="nccl",
        device=device,
        dtype=worst.dtype,
        variant=worst.variant,
        error=worst.error,
        limit=worst.limit,
        problem=problem,
        is_supported=worst.is_supported,
        ended=worst.ended,
        last_words=_about_nccl(worst.last_words),
        figures={"ranks": float(len(told)), **worst.figures},
        seconds=worst.seconds,
    )


def _about_nccl(lines: tuple[str, ...]) -> tuple[str, ...]:
    """NCCL's own lines, where there are any among the last words."""
    return tuple(line for line in lines if "NCCL" in line) or lines


def _with_algorithm(proof: Proof, answer: Answer) -> Proof:
    """What NCCL chose for the largest message, of which it writes last."""
    found = _CHOSEN.findall(answer.completed.errors)
    if not found or "MiB" not in proof.variant:
        return proof
    algorithm, protocol = found[-1]
    words = f"{_named(algorithm, _ALGORITHMS)}, {_named(protocol, _PROTOCOLS)}"
    return dataclasses.replace(proof, detail=words)


def _named(word: str, names: Sequence[str]) -> str:
    return names[int(word)] if word.isdigit() and int(word) < len(names) else word
