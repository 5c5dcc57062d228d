"""Elements escape what they are given, and draw no number that is none."""

import math

import pytest

pytest.importorskip("markupsafe")

from markupsafe import Markup

from gpubench.render.html.markup import element, number, share


def test_text_and_attributes_are_escaped_and_markup_of_ours_is_not():
    inner = element("b", "<i>")
    assert inner == "<b>&lt;i&gt;</b>"
    outer = element("p", inner, class_='x" onload="y', aria_label="<&'")
    assert outer == (
        '<p class="x&#34; onload=&#34;y" aria-label="&lt;&amp;&#39;"><b>&lt;i&gt;</b></p>'
    )
    assert isinstance(outer, Markup)


def test_control_characters_are_replaced():
    assert element("p", "a\x1b\u202e", title="\x00") == '<p title="\ufffd">a\ufffd\ufffd</p>'


def test_an_attribute_of_none_is_left_out():
    assert element("p", hidden=None) == "<p></p>"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_place(value):
    with pytest.raises(ValueError, match="not finite"):
        number(value)


def test_numbers_are_short():
    assert (number(3.0), number(1 / 3), number(0.001), share(0.25)) == ("3", "0.33", "0", "25%")
