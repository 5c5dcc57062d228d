"""Where losses stop being numbers is said with counts."""

import math

from gpubench.bench.losses import KEPT, ends, faults, told

NAN, INF = math.nan, math.inf


def test_finite_losses_have_no_faults():
    assert faults([1.0, 0.5], 2) == {}


def test_nan_and_infinite_are_counted_apart_and_the_first_step_is_named():
    found = faults([1.0, INF, NAN, NAN], 4)
    assert found == {"nan": 2, "infinite": 1, "first_step": 2, "steps": 4}
    assert told(found) == (
        "the loss became NaN or infinite at step 2; of 4 losses 2 were NaN and 1 were infinite"
    )


def test_a_sentence_names_only_what_there_was():
    assert told(faults([NAN], 1)) == "the loss became NaN at step 1; of 1 losses 1 were NaN"
    assert "became infinite at step 1; of 1 losses 1 were infinite" in told(faults([-INF], 1))


def test_steps_are_those_of_the_process_where_the_oldest_losses_gave_way():
    assert faults([1.0, NAN], 100)["first_step"] == 100


def test_a_long_run_keeps_its_first_and_last_losses():
    losses = [float(n) for n in range(3 * KEPT)]
    assert ends(losses) == losses[:KEPT] + losses[-KEPT:]
    assert ends(losses[:5]) == losses[:5]
