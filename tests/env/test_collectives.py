"""Several ranks, and what they say together."""

import os

import pytest

from gpubench.env.collectives import merged, prove_collectives
from gpubench.env.places import Interpreter
from gpubench.env.proving import Answer, Prover
from gpubench.env.snapshot import Proof
from gpubench.env.sources import Completed, Sources
from tests.env.sitepackages import Site
from tests.env.test_python_env import bare_python


def rank(*proofs, errors="", **fields):
    completed = Completed(output="", errors=errors, **{"code": 0, **fields})
    return Answer(completed, {"phase": "done"}, list(proofs))


def reduced(**fields):
    return Proof(what="nccl", device="x", variant="all_reduce", **{"limit": 0.0, **fields})


def test_ranks_that_agree_are_one_proof_over_all_gpus():
    found = merged([rank(reduced(error=0.0)) for _ in range(8)], gpus=8)
    assert [(p.device, p.variant, p.agrees) for p in found] == [("cuda:0-7", "all_reduce", True)]
    assert found[0].figures == {"ranks": 8.0}


def test_one_rank_with_a_wrong_value_makes_it_wrong():
    found = merged([rank(reduced(error=0.0)), rank(reduced(error=3.0))], gpus=2)
    assert (found[0].agrees, found[0].error) == (False, 3.0)


def test_a_rank_that_died_is_blamed_and_not_those_that_waited_for_it():
    waited = reduced(problem="did not come back within 60 s", ended="timeout")
    closed = reduced(problem="Connection closed by peer")
    dead = reduced(
        problem="was ended by SIGSEGV", ended="signal", last_words=("x", "NCCL WARN bad")
    )
    found = merged([rank(waited), rank(closed), rank(dead)], gpus=3)[0]
    assert found.problem == "rank 2: was ended by SIGSEGV"
    assert found.ended == "signal"
    assert found.last_words == ("NCCL WARN bad",)


def test_ranks_that_said_nothing_are_a_proof_that_failed():
    mute = Answer(Completed(output="", errors="", code=None, timed_out=True, seconds=60.0))
    found = merged([mute, mute], gpus=2)
    assert [(p.variant, p.ended) for p in found] == [("join", "timeout")]
    assert "60 s" in found[0].problem


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("NCCL INFO AllReduce: 1073741824 Bytes -> Algo RING proto SIMPLE", "RING, SIMPLE"),
        ("NCCL INFO 1073741824 Bytes -> Algo 1 proto 2 time 5.1", "RING, SIMPLE"),
        ("NCCL INFO nothing of the kind", None),
    ],
)
def test_the_algorithm_is_read_where_nccl_tells_it(line, detail):
    proof = Proof(what="nccl", device="x", variant="all_reduce 1024 MiB", error=0.0, limit=0.0)
    assert merged([rank(proof, errors=line)], gpus=1)[0].detail == detail


def test_every_rank_is_a_process_and_all_end(tmp_path):
    site = Site(tmp_path / "site")
    site.torch("2.8.0", init="import os; os.abort()")
    sources = Sources(variables={**os.environ, "PYTHONPATH": str(site.folder)})
    prover = Prover(place=Interpreter(bare_python()), sources=sources, timeout=20.0)
    found = prove_collectives(prover, 4, deep=False)
    assert [(p.device, p.ended) for p in found] == [("cuda:0-3", "signal")]
