"""The rules of the presets."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpubench.bench.protocol import (
    PRESETS,
    SMOKE,
    STANDARD,
    is_stable,
    on_cpu,
    protocol_named,
    window_steps,
)
from gpubench.errors import UnknownName


def test_one_block_is_never_stable():
    assert not is_stable([(0.1, 0.1)], within=0.5)


@pytest.mark.parametrize(("after", "stable"), [(0.1009, True), (0.102, False), (0.0985, False)])
def test_blocks_are_stable_when_their_medians_agree(after, stable):
    assert is_stable([(0.3, 9.0), (0.1, 0.1), (after, after)], within=0.01) is stable


def test_the_window_has_enough_steps_and_enough_seconds():
    assert window_steps(STANDARD, 1.0) == 30
    assert window_steps(STANDARD, 0.01) == 1000


def test_the_cap_in_seconds_wins_over_the_least_number_of_steps():
    assert window_steps(SMOKE, 10.0) == 3


@given(st.floats(1e-6, 1e4))
def test_a_window_always_has_two_steps(step_seconds):
    assert window_steps(STANDARD, step_seconds) >= 2


def test_the_presets_are_those_of_the_design():
    assert [p.preset for p in PRESETS] == ["smoke", "standard", "procurement"]
    assert [p.processes for p in PRESETS] == [2, 3, 5]
    assert (STANDARD.window_min_steps, STANDARD.window_min_seconds) == (30, 10)


def test_a_cpu_may_differ_more_between_blocks_but_keeps_its_window():
    eased = on_cpu(STANDARD)
    assert eased.stable_within == 0.05
    assert (
        dataclasses.replace(
            eased, stable_within=STANDARD.stable_within, block_steps=STANDARD.block_steps
        )
        == STANDARD.lasting
    )


def test_an_unknown_preset_is_refused():
    with pytest.raises(UnknownName, match="did you mean standard"):
        protocol_named("standart")
