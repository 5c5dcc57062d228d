"""The report as Markdown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt  # what rich itself depends on

from gpubench.checks.drift import drift
from gpubench.checks.report import make_report
from gpubench.checks.running import run_checks
from gpubench.render.findings_markdown import code, render, text
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK
from tests.render.hostile import hostile_report

BROKEN = h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70")
OURS = {"h3", "h4", "ul", "li", "ol", "p", "strong", "code", "pre", "table", "thead", "tbody"}
OURS |= {"tr", "th", "td", "details", "summary", "br"}


def report(snapshot, **options):
    return make_report(snapshot, run_checks(snapshot), **options)


def as_html(markdown):
    return MarkdownIt("commonmark").enable("table").render(markdown)


def tags(markdown):
    return {name.lower() for name in re.findall(r"<\s*/?\s*([A-Za-z][\w-]*)", as_html(markdown))}


def test_a_healthy_machine_needs_no_advice():
    shown = render(report(HEALTHY))
    assert shown.startswith("### gpubench doctor: healthy\n")
    assert "What to do first" not in shown
    assert "8 × NVIDIA H100 80GB HBM3" in shown


def test_trouble_is_named_with_what_to_type_before_everything_else():
    shown = render(report(BROKEN))
    first, rest = shown.split("#### Findings")
    assert "1. **cudnn-mismatch** (certain): nvidia-cudnn-cu12 9.1.0.70 is installed" in first
    assert 'pip install "nvidia-cudnn-cu12==9.10.2.21"' in first
    assert "| ❌ error | `torch.cudnn` | cudnn-mismatch |" in rest


def test_details_are_folded_and_hold_every_check():
    found = report(BROKEN)
    shown = render(found)
    assert shown.count("<details>") == shown.count("</details>") == 2
    folded = shown.split(f"<summary>{len(found.checks)} checks: ")[1]
    assert all(f"`{line.id}`" in folded for line in found.checks)


def test_what_changed_is_a_list():
    shown = render(report(BROKEN, before=h.change(QUICK, taken_at="2026-11-19T10:00:00+00:00")))
    assert "#### Changed since 2026-11-19T10:00:00+00:00" in shown
    assert "- nvidia-cudnn-cu12 went from 9.10.2.21 to 9.1.0.70: see torch.cudnn" in shown
    assert drift(QUICK, QUICK).changes == ()


@pytest.mark.parametrize("found", [report(BROKEN), report(NO_GPU), hostile_report()])
def test_only_our_own_tags_are_there(found):
    assert tags(render(found)) <= OURS


def test_a_hostile_name_makes_no_heading_list_link_or_table_of_its_own():
    html = as_html(render(hostile_report()))
    assert html.count("<h3>") == 1
    assert set(re.findall(r"<h4>(.*?)[<:]", html)) <= {
        "What to do first",
        "Findings",
    } | {title for title in re.findall(r"<h4>(.*?)[<:]", html) if title.startswith("Changed since")}
    assert "<a " not in html
    assert "<img" not in html
    rows = {row.count("<td>") for row in re.findall(r"<tr>(.*?)</tr>", html, flags=re.DOTALL)}
    assert rows == {0, 3, 4}
    assert "@octocat" not in re.sub(r"<(code|pre)>.*?</\1>", "", html, flags=re.DOTALL)


@given(st.text(max_size=60))
def test_plain_text_stays_what_it_was(words):
    """As a paragraph: no tag but its own, and the same characters that can be seen."""
    html = as_html("x " + text(words))
    assert re.fullmatch(r"<p>[^<]*</p>\n", html)


@given(st.text(max_size=60))
def test_code_stays_code(words):
    html = as_html(f"| a |\n| --- |\n| {code(words)} |".replace("|\n", "|\n"))
    assert set(re.findall(r"</?([a-z0-9]+)", html)) <= {
        "table", "thead", "tbody", "tr", "th", "td", "code", "p",
    }  # fmt: skip
