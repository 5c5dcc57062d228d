"""Running checks."""

import pytest

from gpubench.checks.outcome import Check, Status, fail, ok, unknown, warn
from gpubench.checks.running import run_checks
from gpubench.env.snapshot import Snapshot
from gpubench.errors import UnknownName
from tests.checks.healthy import HEALTHY, NO_GPU, results


def broken(snapshot):
    raise KeyError("surprise")


def check(name, judge, *needs):
    return Check(id=name, judge=judge, cause="driver-absent", needs=needs)


def run(*checks, **options):
    return {r.check.id: r for r in run_checks(Snapshot(), checks=checks, **options)}


def test_a_check_that_breaks_is_a_crash_and_the_others_still_run():
    found = run(check("a.one", broken), check("a.two", lambda _: ok("fine")))
    assert found["a.one"].status is Status.CRASH
    assert "KeyError" in found["a.one"].outcome.reason
    assert found["a.two"].status is Status.PASS


@pytest.mark.parametrize("outcome", [fail("b"), warn("b"), unknown("b")])
def test_a_failure_explains_what_depends_on_it(outcome):
    found = run(check("a.one", lambda _: fail("a")), check("a.two", lambda _: outcome, "a.one"))
    assert found["a.two"].status is Status.SKIP
    assert found["a.two"].outcome.reason == "blocked by a.one"


def test_what_was_seen_to_pass_stays_passed():
    found = run(check("a.one", lambda _: fail("a")), check("a.two", lambda _: ok("b"), "a.one"))
    assert found["a.two"].status is Status.PASS


def test_a_consequence_of_a_consequence_names_the_root():
    found = run(
        check("a.one", lambda _: fail("a")),
        check("a.two", lambda _: fail("b"), "a.one"),
        check("a.three", lambda _: fail("c"), "a.two"),
    )
    assert found["a.three"].blocked_by == "a.one"


@pytest.mark.parametrize("outcome", [warn("a"), unknown("a")])
def test_only_a_failure_blocks(outcome):
    found = run(check("a.one", lambda _: outcome), check("a.two", lambda _: fail("b"), "a.one"))
    assert found["a.two"].status is Status.FAIL


def test_only_and_skip_take_ids_and_their_first_words():
    assert set(results(HEALTHY, only=["cuda.floor", "rows"])) == {
        "cuda.floor",
        "rows.count",
        "rows.failure",
        "rows.pending",
    }
    left = results(HEALTHY, left_out=["drv", "torch.arch"])
    assert "torch.arch" not in left
    assert not any(name.startswith("drv.") for name in left)


def test_what_explains_a_chosen_check_is_reported_with_it():
    found = run(
        check("a.one", lambda _: fail("a")),
        check("b.two", lambda _: fail("b"), "a.one"),
        only=["b.two"],
    )
    assert set(found) == {"a.one", "b.two"}


@pytest.mark.parametrize("name", ["torch.arhc", "trch", "drv.", "cuda.flo"])
def test_an_unknown_name_is_refused_with_the_nearest(name):
    with pytest.raises(UnknownName, match=r"did you mean|known"):
        results(HEALTHY, only=[name])


def test_a_required_gpu_that_is_not_there_fails():
    found = results(NO_GPU, require_gpu=True)
    assert found["drv.pci_present"].status is Status.FAIL
    assert results(NO_GPU)["drv.pci_present"].status is Status.SKIP
