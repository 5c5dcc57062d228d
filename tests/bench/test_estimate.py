"""The time a job takes starts as a guess and learns from those most like it."""

from gpubench.bench.estimate import Estimate
from gpubench.bench.job import Subject
from gpubench.bench.modes import REFERENCE, mode_named
from gpubench.bench.protocol import SMOKE
from gpubench.bench.schedule import Step

COMPILED = mode_named("fp32+compile")


def step(process=0, mode=REFERENCE, suite="deit"):
    return Step(subject=Subject(suite), kind="measure", mode=mode, process=process)


def test_a_compiled_mode_is_expected_to_take_longer():
    estimate = Estimate(SMOKE)
    assert estimate.of_one(step(mode=COMPILED)) > estimate.of_one(step())


def test_jobs_that_ended_are_what_their_like_is_expected_to_take():
    estimate = Estimate(SMOKE)
    estimate.learn(step(1), 4.0)
    estimate.learn(step(2), 6.0)
    assert estimate.of([step(3), step(4)]) == 10.0


def test_a_job_without_a_process_teaches_nothing():
    estimate = Estimate(SMOKE)
    before = estimate.of_one(step())
    estimate.learn(step(), 0.0)
    assert estimate.of_one(step()) == before


def test_a_second_process_is_expected_to_take_what_the_first_one_did():
    estimate = Estimate(SMOKE)
    estimate.learn(step(0), 7.0)
    assert estimate.of_one(step(1)) == 7.0


def test_a_second_compiled_process_is_like_that_of_another_compiled_mode():
    estimate = Estimate(SMOKE)
    estimate.learn(step(0, COMPILED), 60.0)
    estimate.learn(step(1, mode_named("amp-bf16+compile")), 20.0)
    assert estimate.of_one(step(1, COMPILED)) == 20.0
    assert estimate.of_one(step(0, mode_named("amp-bf16+compile"))) == 60.0


def test_another_suite_is_a_better_guide_than_a_guess():
    estimate = Estimate(SMOKE)
    estimate.learn(step(0), 7.0)
    assert estimate.of_one(step(0, suite="bert-ner")) == 7.0
