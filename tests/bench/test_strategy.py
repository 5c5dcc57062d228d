"""Strategies are plain values; what does not go together is refused with words."""

import itertools

import pytest

from gpubench.bench.strategy import SINGLE, Shard, Strategy, strategies
from gpubench.errors import BadUsage, UnknownName


def test_several_strategies_bring_single_along_in_a_fixed_order():
    found = strategies("fsdp,ddp", processes_per_node=4)
    assert [strategy.variant for strategy in found] == [
        "single", "ddp, 4 processes", "fsdp, 4 processes",
    ]  # fmt: skip
    assert strategies("single", processes_per_node=None) == (SINGLE,)
    assert [s.name for s in strategies("ddp", processes_per_node=2)] == ["ddp"]


def test_a_variant_names_its_nodes_and_processes():
    assert Strategy(name="ddp", nodes=2, processes_per_node=1).variant == "ddp, 2 nodes × 1 process"
    assert Strategy(name="dp", processes_per_node=4).variant == "dp, 4 GPUs"


def test_options_of_ddp_are_those_of_ddp_alone():
    single, ddp, fsdp = strategies("ddp,fsdp", processes_per_node=2, bucket_mib=50)
    assert (single.bucket_mib, ddp.bucket_mib, fsdp.bucket_mib) == (None, 50, None)


@pytest.mark.parametrize(
    ("listed", "given", "why"),
    [
        ("ddp", {"processes_per_node": None}, "--nproc-per-node"),
        ("dp", {"processes_per_node": 2, "nodes": 2}, "one process"),
        ("dp", {"processes_per_node": 1}, "two GPUs or more"),
        ("fsdp", {"processes_per_node": 2, "bucket_mib": 1}, "options of ddp"),
        ("ddp", {"processes_per_node": 5000}, "end at 1024"),
    ],
)
def test_what_does_not_go_together_is_refused(listed, given, why):
    with pytest.raises(BadUsage, match=why):
        strategies(listed, **given)


def test_an_unknown_strategy_is_told_with_the_known_ones():
    with pytest.raises(UnknownName, match="ddp, dp, fsdp, single"):
        strategies("horovod", processes_per_node=2)


def test_shards_have_every_batch_once():
    shards = [Shard(rank=rank, world=3).of(iter(range(9))) for rank in range(3)]
    assert sorted(itertools.chain(*shards)) == list(range(9))
    assert list(Shard().of(iter(range(4)))) == [0, 1, 2, 3]
