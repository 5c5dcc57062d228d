"""The busy share of a GPU, from events made up by hand; and what a CPU can tell."""

import types

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from gpubench.bench import profiled  # noqa: E402
from gpubench.bench.profiled import kernel_facts, union  # noqa: E402

pytestmark = pytest.mark.torch
CUDA, CPU = torch.autograd.DeviceType.CUDA, torch.autograd.DeviceType.CPU


def event(name, start, end, device=CUDA, **more):
    span = types.SimpleNamespace(start=start, end=end)
    return types.SimpleNamespace(name=name, time_range=span, device_type=device, **more)


@pytest.mark.parametrize(
    ("spans", "covered"),
    [
        ([], 0),
        ([(0, 10)], 10),
        ([(0, 10), (20, 30)], 20),
        ([(0, 10), (5, 15)], 15),
        ([(0, 10), (2, 3), (4, 5)], 10),
        ([(5, 15), (0, 10)], 15),
        ([(0, 10), (10, 20)], 20),
        ([(3, 3)], 0),
    ],
)
def test_time_that_two_kernels_share_is_counted_once(spans, covered):
    assert union(spans) == covered


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12))))
def test_the_union_is_the_number_of_moments_that_something_covers(drawn):
    spans = [(start, start + length) for start, length in drawn]
    moments = {moment for start, end in spans for moment in range(start, end)}
    assert union(spans) == len(moments)


def test_kernels_and_copies_of_all_streams_make_the_gpu_busy():
    facts = kernel_facts(
        [
            event("gemm", 0, 400_000),
            event("Memcpy HtoD", 300_000, 500_000),
            event("gemm", 700_000, 800_000),
        ]
    )
    assert facts["busy_seconds"] == pytest.approx(0.6)
    assert facts["kernels"] == 3
    assert facts["top"][0] == {"name": "gemm", "seconds": pytest.approx(0.5), "calls": 2}


def test_what_the_host_did_and_annotations_are_no_work_of_the_gpu():
    facts = kernel_facts(
        [
            event("aten::mm", 0, 10**6, device=CPU),
            event("Optimizer.step#AdamW.step", 0, 10**6, is_user_annotation=True),
            event("kernel", 0, 1000, is_user_annotation=False),
        ]
    )
    assert facts["busy_seconds"] == pytest.approx(0.001)


def test_a_profile_without_kernels_says_so():
    assert "saw no kernel" in kernel_facts([])["unread"]


def test_no_more_than_five_kernels_are_named_and_none_at_length():
    facts = kernel_facts([event(f"k{n}" * 100, 0, 10 + n) for n in range(9)])
    assert len(facts["top"]) == 5
    assert facts["top"][0]["name"].startswith("k8k8")
    assert all(len(kernel["name"]) <= profiled.NAME_LENGTH for kernel in facts["top"])


def test_attention_is_told_by_its_kernels_where_a_graph_hides_the_operators():
    names = ["void pytorch_flash::flash_fwd_kernel<…>", "cudnn_generated_fort_native_sdpa_sm90"]
    assert kernel_facts([event(n, 0, 1) for n in names])["attention_kernels"] == ["cudnn", "flash"]


def test_on_a_cpu_operators_are_counted_and_attention_is_named():
    query = torch.randn(1, 2, 8, 16, requires_grad=True)

    def step():
        torch.nn.functional.scaled_dot_product_attention(query, query, query).sum().backward()

    facts = profiled.profiled(step, torch.device("cpu"), 0.01)
    assert facts["attention"] == ["flash (CPU)"]
    assert facts["operators_per_step"] > 3
    assert "busy_seconds" not in facts


def test_a_profiler_that_fails_costs_nothing_but_its_own_answer(monkeypatch):
    def broken(**options):
        raise RuntimeError("CUPTI_ERROR_INSUFFICIENT_PRIVILEGES\nand more")

    monkeypatch.setattr(profiled, "profile", broken)
    facts = profiled.profiled(lambda: None, torch.device("cuda"), 0.01)
    assert facts == {"unread": "RuntimeError: CUPTI_ERROR_INSUFFICIENT_PRIVILEGES"}


class FakeProfile:
    """A profiler of a GPU that is busy for 3 ms in every step."""

    def __init__(self, activities):
        self.steps = 0

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        return None

    def key_averages(self):
        return []

    def events(self):
        return [event("gemm", 10_000 * n, 10_000 * n + 3000) for n in range(20)]


def test_the_pass_has_a_wall_time_and_a_bounded_number_of_steps(monkeypatch):
    monkeypatch.setattr(profiled, "profile", FakeProfile)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    ran = []
    facts = profiled.profiled(lambda: ran.append(1), torch.device("cuda"), 1e-9)
    assert facts["steps"] == profiled.MOST_STEPS
    assert len(ran) == profiled.MOST_STEPS + 1
    assert facts["wall_seconds"] > 0
    assert facts["busy_seconds"] == pytest.approx(20 * 0.003)
    assert profiled.profiled(lambda: None, torch.device("cuda"), 9.0)["steps"] == 3


def test_a_mixture_is_profiled_in_whole_cycles(monkeypatch):
    monkeypatch.setattr(profiled, "profile", FakeProfile)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    facts = [
        profiled.profiled(lambda: None, torch.device("cuda"), seconds, cycle=32)
        for seconds in (9.0, 1e-9)
    ]
    assert [each["steps"] for each in facts] == [32, 32]
