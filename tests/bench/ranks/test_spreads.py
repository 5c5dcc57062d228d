"""Where a model lies: what each strategy does with a step, and what cannot be done here."""

import itertools

import pytest

torch = pytest.importorskip("torch")

from gpubench.bench.accumulation import Portions  # noqa: E402
from gpubench.bench.job import Job, Workload  # noqa: E402
from gpubench.bench.modes import MODES, mode_named  # noqa: E402
from gpubench.bench.protocol import SMOKE  # noqa: E402
from gpubench.bench.ranks.spreads import (  # noqa: E402
    Joined,
    RankPortions,
    blocks_of,
    facts,
    spread_of,
    unsupported,
)
from gpubench.bench.strategy import Strategy  # noqa: E402
from gpubench.bench.trajectories import parity  # noqa: E402
from tests.fakes import ranks  # noqa: E402

pytestmark = pytest.mark.torch

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
FP32 = mode_named("fp32")


def strategy(name, processes=2, **more):
    return Strategy(name=name, processes_per_node=processes, **more)


@pytest.mark.parametrize("name", ["deit", "bert_ner"])
def test_the_transformer_blocks_of_a_suite_are_what_is_sharded(name):
    pytest.importorskip("timm")
    import importlib

    suite = importlib.import_module(f"gpubench.suites.{name}")
    blocks = blocks_of(suite.build(Workload(preset="smoke")).model)
    assert [type(block).__name__ for block in blocks] == [
        {"deit": "Block", "bert_ner": "BertLayer"}[name]
    ] * 2


def test_data_parallel_is_not_supported_without_gpus_and_says_so():
    assert "there is none here" in unsupported(strategy("dp"), FP32, CPU)
    assert unsupported(Strategy(), FP32, CPU) is None


def test_more_ranks_than_gpus_are_not_supported(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert unsupported(strategy("ddp", 4), FP32, GPU) is None
    assert "8 GPUs, 4 can be seen" in unsupported(strategy("ddp", 8), FP32, GPU)
    assert unsupported(strategy("dp", 4), FP32, GPU) is None


def test_what_is_not_measured_compiled_is_said_and_eager_modes_are_measured():
    for name in ("ddp", "fsdp"):
        for mode in MODES:
            said = unsupported(strategy(name), mode, CPU)
            is_measured = mode.compile is None or (name == "ddp" and mode.compile == "default")
            assert (said is None) == is_measured, (name, mode.name, said)


def test_sharding_on_a_cpu_needs_a_torch_whose_cpu_has_streams(monkeypatch):
    monkeypatch.setattr(torch.cpu, "Stream", object)
    assert "needs a GPU" in unsupported(strategy("fsdp"), FP32, CPU)
    assert unsupported(strategy("ddp"), FP32, CPU) is None


def test_settings_tell_strategies_apart_and_say_nothing_of_the_plain_one():
    assert facts(Strategy()) == {}
    assert facts(strategy("ddp", bucket_mib=50)) != facts(strategy("ddp"))
    assert facts(strategy("fsdp", nodes=2)) == {"strategy": "fsdp", "ranks": 4, "nodes": 2}


@pytest.fixture
def group(tmp_path):
    together = torch.distributed
    store = together.FileStore(str(tmp_path / "store"), 1)
    together.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    together.destroy_process_group()


@pytest.mark.usefixtures("group")
def test_a_static_graph_goes_with_accumulation_in_every_model_of_a_spread():
    spread = spread_of(strategy("ddp", 1, static_graph=True), CPU)
    task = ranks.build(Workload(preset="smoke"))
    for _ in range(2):
        joined = spread.joined(ranks.build(Workload(preset="smoke")).model, CPU)
        for last in (False, True, False, True):
            with spread.exchange(joined, last=last):
                joined(**next(task.batches())).backward()


def test_a_joined_task_has_the_batches_of_all_devices_in_one():
    task = ranks.build(Workload(preset="smoke"))
    one, two = itertools.islice(ranks.build(Workload(preset="smoke")).batches(), 2)
    whole = next(Joined(task, 2).batches())
    assert torch.equal(whole["x"], torch.cat([one["x"], two["x"]]))
    assert Joined(task, 2).batch_size == 2 * task.batch_size
    assert Joined(task, 2).learning_rate == task.learning_rate


def test_one_process_weighs_every_rank_alike_whatever_terms_its_batches_have():
    terms = {0: 4.0, 1: 1.0, 2: 12.0, 3: 1.0}
    batches = [{"n": torch.tensor(n)} for n in terms]

    def count(batch):
        return torch.tensor(terms[int(batch["n"])])

    shares = {
        int(batch["n"]): float(share)
        for batch, share in RankPortions(2, 2, count).of(iter(batches))
    }
    assert shares == pytest.approx({0: 0.125, 2: 0.375, 1: 0.25, 3: 0.25})
    plain = Portions(4, count).of(iter(batches))
    assert float(next(iter(plain))[1]) != pytest.approx(0.125)


def test_data_parallel_follows_the_losses_of_one_process_over_all_batches(tmp_path):
    job = Job(
        kind="parity", suite_module="tests.fakes.ranks", mode=FP32, protocol=SMOKE, device="cpu",
        workload=Workload(preset="smoke", strategy=strategy("dp"), accumulation=2),
        scratch=str(tmp_path),
    )  # fmt: skip
    found = parity(job, ranks, lambda *told: None)
    assert found["losses"] == pytest.approx(found["alone"], rel=1e-6)
    assert len(set(found["losses"])) == SMOKE.parity_steps
