"""Pages in a real browser: nothing runs, nothing is asked for, everything is seen on any width."""

import io
import unicodedata

import pytest

pytest.importorskip("pandas")
pytest.importorskip("jinja2")
pytest.importorskip("playwright", reason="nox -s html installs it")

from gpubench.gate.prices import parse_prices
from gpubench.render.html.page import render, render_trainings
from tests.fakes.machines import gpu_record
from tests.fakes.records import record
from tests.fakes.sweeps import sweep_record
from tests.html.browser import OUTSIDE, UNSEEN, WIDER, browser, executable, opened, provoked
from tests.render.html.hostile import hostile_record
from tests.render.html.test_page import trained

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(executable() is None, reason="no browser is installed"),
]


def pages():
    """Pages of every kind, by name."""
    others = [
        gpu_record(f"FABRICATED GPU {n}", 1 + at / 3, seed=at, source=f"{n}/record.jsonl")
        for at, n in enumerate("BCD")
    ]
    marked = gpu_record(
        suites=("deit", "bert-ner"),
        trouble={"tf32": ("unstable", "did not settle"), "amp-fp16": ("out-of-memory", "no room")},
    )
    swept = sweep_record("batch-size=8,16,32", lambda n: 0.01 + 0.002 * n, modes=("fp32", "tf32"))
    return {
        "smoke": render([record()]),
        "board": render([marked]),
        "machines": render([marked, *others], parse_prices("2.5,3,4,5", 4)),
        "sweep": render([swept]),
        "training": render_trainings([trained(), trained("run-10")]),
        "claims": render([record()], of_claims=True),
        "hostile": render([hostile_record(), hostile_record()], parse_prices("2.5", 2)),
    }


@pytest.fixture(scope="module")
def started():
    with browser() as engine:
        yield engine


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, html in pages().items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return folder


NAMES = ("smoke", "board", "machines", "sweep", "training", "claims", "hostile")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_a_page_is_quiet_and_whole(started, places, name, width, scheme):
    place = places / f"{name}.html"
    with opened(started, place, width, scheme=scheme) as (page, seen):
        provoked(page)
        assert page.evaluate("window.owned === undefined")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(UNSEEN) == []
        assert page.evaluate("document.scripts.length") == 0
        assert page.locator("table").count() > 0
        assert page.locator("figure").count() > 0
        url = page.url.partition("#")[0]
    assert (seen.console, seen.errors, seen.dialogs) == ([], [], [])
    assert seen.requests == [place.as_uri()]
    assert url == place.as_uri()


@pytest.mark.parametrize("name", NAMES)
def test_print_holds_every_table_and_picture(started, places, name):
    pypdf = pytest.importorskip("pypdf")
    with opened(started, places / f"{name}.html", 1280) as (page, _):
        captions = page.locator("caption").all_inner_texts()
        figures = page.locator("figcaption b").all_inner_texts()
        notes = page.locator(".notes li").all_inner_texts()
        paper = page.pdf(prefer_css_page_size=True)
        page.emulate_media(media="print", color_scheme="dark")
        page.set_viewport_size({"width": 1032, "height": 720})  # a landscape A4 within its margins
        assert page.evaluate(WIDER) == []
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 36, 48)"
    read = "".join(sheet.extract_text() for sheet in pypdf.PdfReader(io.BytesIO(paper)).pages)
    text = _plain(read)
    for said in (*captions, *figures, *notes):
        assert _plain(said)[:24] in text, said
    assert len(captions) > 0
    assert len(figures) > 0


def _plain(said):
    """Words without spaces; letters that a printer joins are taken apart."""
    return "".join(unicodedata.normalize("NFKC", said).split())


def test_a_link_leads_to_its_record(started, places):
    with opened(started, places / "machines.html", 1280) as (page, _):
        page.locator("nav a").nth(2).click()
        top = page.locator("article").nth(2).evaluate("e => e.getBoundingClientRect().top")
        assert abs(top) < 400


def test_a_table_that_is_wider_than_a_phone_scrolls_in_its_own_box(started, places):
    with opened(started, places / "board.html", 360) as (page, _):
        box = page.locator(".scroll").first
        assert box.evaluate("e => e.scrollWidth > e.clientWidth")
        box.focus()
        page.keyboard.press("End")
        box.evaluate("e => e.scrollBy(500, 0)")
        assert box.evaluate("e => e.scrollLeft") > 100
        assert page.evaluate("window.scrollX") == 0


def test_letters_are_dark_enough_in_both_schemes(started, places):
    for scheme in ("light", "dark"):
        with opened(started, places / "board.html", 1280, scheme=scheme) as (page, _):
            faint = page.evaluate(FAINT)
        assert faint == []


FAINT = """() => {
  const parts = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = parts(c).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const paper = e => { for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (parts(c).length === 3 || parts(c)[3] > 0) return c; } return 'rgb(255,255,255)'; };
  const found = new Set();
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    if (e.tagName === 'title') continue;
    const style = getComputedStyle(e);
    const ink = e.tagName === 'text' ? style.fill : style.color;
    const [a, b] = [light(ink), light(paper(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.add(`${e.tagName}.${e.className} ${ink}`);
  }
  return [...found];
}"""
"""Elements whose text has a contrast below 4.5 to 1 (WCAG 2.2, 1.4.3)."""


def test_a_page_that_runs_something_would_be_seen(started, tmp_path):
    """The faults this file looks for, done on purpose."""
    place = tmp_path / "bad.html"
    place.write_text(
        "<!DOCTYPE html><script>alert(1)</script><h1 style='width:900px'>x</h1>"
        "<img src='https://evil.example/x' onerror='window.owned=1;console.error(7)'>"
    )
    with opened(started, place, 360) as (page, seen):
        page.wait_for_function("window.owned === 1")
        assert page.evaluate("document.documentElement.scrollWidth") > 360
        assert page.evaluate(OUTSIDE) != []
    assert seen.dialogs == ["1"]
    assert seen.console != []
    assert "https://evil.example/x" in seen.requests


def test_the_policy_alone_would_stop_what_escaping_let_through(started, places, tmp_path):
    html = (places / "smoke.html").read_text(encoding="utf-8")
    bad = "<img src=x onerror='window.owned=1'><script>window.owned=1</script><p style='color:red'>"
    place = tmp_path / "through.html"
    place.write_text(html.replace("<main>", f"<main>{bad}"), encoding="utf-8")
    with opened(started, place, 360) as (page, seen):
        provoked(page)
        assert page.evaluate("window.owned === undefined")
    assert any("Content Security Policy" in said for said in seen.console)
