"""Versions compare as integers, and codes of libraries decode by their own rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpubench.versions import Version, cuda_from_driver_api, cudnn_from_code, nccl_from_code


@pytest.mark.parametrize(
    ("older", "newer"),
    [("535.54.03", "535.104.05"), ("12.9", "12.10"), ("9.1.0.70", "9.5.1.17"), ("2.9", "2.10")],
)
def test_parts_are_compared_as_integers(older, newer):
    assert Version.parse(older) < Version.parse(newer)


def test_a_missing_part_counts_as_zero():
    assert Version.parse("12.8") == Version.parse("12.8.0")
    assert hash(Version.parse("12.8")) == hash(Version.parse("12.8.0"))


def test_the_spelling_of_the_source_is_kept():
    assert str(Version.parse("535.104.05")) == "535.104.05"


def test_a_local_tag_is_no_part_of_the_version():
    assert Version.parse("2.6.0+cu124").parts == (2, 6, 0)


@pytest.mark.parametrize("text", ["", "unknown", "v1", None])
def test_text_without_a_version_is_none(text):
    assert Version.find(text) is None


@given(st.lists(st.integers(0, 999), min_size=1, max_size=5))
def test_a_version_survives_being_written_and_read(parts):
    text = ".".join(map(str, parts))
    assert Version.parse(text).parts == tuple(parts)


def test_a_release_is_padded_with_zeros():
    assert Version.parse("12").release(3) == (12, 0, 0)


@pytest.mark.parametrize(
    ("decode", "code", "text"),
    [
        (cuda_from_driver_api, 12080, "12.8"),
        (cuda_from_driver_api, 13000, "13.0"),
        (cudnn_from_code, 8902, "8.9.2"),
        (cudnn_from_code, 91002, "9.10.2"),
        (nccl_from_code, 2708, "2.7.8"),
        (nccl_from_code, 22703, "2.27.3"),
    ],
)
def test_library_codes_decode(decode, code, text):
    assert decode(code) == Version.parse(text)
