"""The order of reading leaves nothing out."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gpubench.suites.order import endless_batches


@given(items=st.integers(1, 50), size=st.integers(1, 60), seed=st.integers(0, 9))
def test_every_epoch_has_every_item_once(items, size, seed):
    batches = itertools.islice(endless_batches(items, size, seed), 20)
    read = list(itertools.chain.from_iterable(batches))
    assert len(read) == 20 * size
    for start in range(0, len(read) - items + 1, items):
        assert sorted(read[start : start + items]) == list(range(items))


def test_a_seed_fixes_the_order_and_another_changes_it():
    first, again, other = (
        list(itertools.islice(endless_batches(100, 10, seed), 10)) for seed in (1, 1, 2)
    )
    assert first == again != other
