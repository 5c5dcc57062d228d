"""Labels of every scheme mean the same entities; a mixture of schemes means none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpubench.suites.tag_schemes import SCHEMES, as_bio, scheme_of

WRITTEN = {
    "BIO": "BII",
    "BIOES": ("S", "BE", "BIE"),
    "BMES": ("S", "BE", "BME"),
    "BILOU": ("U", "BL", "BIL"),
}


def written(scheme, lengths):
    """Entities of those lengths (0 for a word outside), as the scheme writes them."""
    labels = []
    for length in lengths:
        if length == 0:
            labels.append("O")
            continue
        forms = WRITTEN[scheme]
        prefixes = forms[:length] if scheme == "BIO" else forms[length - 1]
        labels += [f"{prefix}-PER" for prefix in prefixes]
    return labels


@given(st.sampled_from(sorted(WRITTEN)), st.lists(st.integers(0, 3), max_size=8))
def test_every_scheme_says_the_same_in_bio(scheme, lengths):
    assert as_bio(written(scheme, lengths)) == written("BIO", lengths)


@pytest.mark.parametrize(
    ("labels", "scheme"),
    [
        (["O", "I-A"], "IO"),
        (["B-A", "I-A"], "BIO"),
        (["B-A", "E-A", "S-A"], "BIOES"),
        (["B-A", "M-A", "E-A"], "BMES"),
        (["B-A", "L-A", "U-A"], "BILOU"),
        (["O"], "IO"),
        (["M-A", "I-A"], None),
        (["S-A", "U-A"], None),
    ],
)
def test_the_scheme_is_the_narrowest_that_fits(labels, scheme):
    assert scheme_of(labels) == scheme


def test_every_scheme_has_a_plain_form():
    for known in SCHEMES.values():
        assert {label[0] for label in as_bio([f"{prefix}-A" for prefix in known])} <= {"B", "I"}
