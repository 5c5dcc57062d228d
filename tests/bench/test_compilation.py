"""What torch.compile did is counted, and the first reason of each kind is kept."""

import pytest

torch = pytest.importorskip("torch")

from gpubench.bench.compilation import Watch, nothing_compiled, read_back  # noqa: E402
from gpubench.bench.modes import mode_named  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def fresh():
    """torch.compile counts for a whole process."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


def compiled(function):
    return torch.compile(function, backend="eager", dynamic=False)


def rows(count):
    return torch.ones(count, 2)


def test_a_change_of_shape_is_a_recompilation_with_its_reason():
    watch, double = Watch(), compiled(lambda x: x * 2)
    double(rows(4))
    before = watch.now()
    double(rows(4))
    assert watch.now().since(before) is None
    double(rows(5))
    said = watch.now().since(before)
    assert said.startswith("torch.compile ran 1× inside the window: tensor 'x' size mismatch")
    assert "expected 4, actual 5" in said


def test_a_function_that_was_given_up_is_said_even_if_it_was_before_the_window():
    watch, double = Watch(), compiled(lambda x: x * 3)
    for count in range(1, 20):
        double(rows(count))
    before = watch.now()
    double(rows(30))
    said = watch.now().since(before)
    assert "gave up and ran the model uncompiled" in said
    assert "size mismatch" in said


def test_graph_breaks_are_counted_with_the_first_reason():
    def broken(x):
        x = x + 1
        torch._dynamo.graph_break()
        return x * 2

    watch = Watch()
    assert watch.now().breaks == 0
    compiled(broken)(rows(2))
    facts = watch.now().facts()
    assert facts["graph_breaks"] == 1
    assert "graph_break" in facts["graph_break_reason"]
    assert "\n" not in facts["graph_break_reason"]


def test_reasons_hold_no_folders_of_this_machine():
    def broken(x):
        print(x.sum())
        return x * 2

    watch = Watch()
    compiled(broken)(rows(2))
    assert "/" not in watch.now().break_reason


def test_what_a_compile_mode_stands_for_is_read_back():
    assert read_back(mode_named("fp32")) == {}
    options = read_back(mode_named("fp32+compile-max"))["compile"]["options"]
    assert options["max_autotune"] is True


def test_a_variable_that_switches_compilation_off_is_read_back_and_named(monkeypatch):
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")
    switches = read_back(mode_named("fp32+compile"))["compile"]["switches"]
    assert switches == {"TORCH_COMPILE_DISABLE": "1"}
    assert nothing_compiled().endswith("the environment has TORCH_COMPILE_DISABLE=1")
