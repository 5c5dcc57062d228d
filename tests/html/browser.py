"""A real browser without a window, and what it saw of a page."""

import contextlib
import dataclasses
import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

OUTSIDE = """() => [...document.querySelectorAll(
    'h1,h2,h3,p,li,dl,figure,figure svg,.scroll,section,article,caption > span')]
  .filter(e => !e.closest('.scroll table') || e.matches('caption > span'))
  .filter(e => { const r = e.getBoundingClientRect();
                 return r.width > 0 && (r.left < -0.5 || r.right > innerWidth + 0.5); })
  .map(e => `${e.tagName} ${e.className.baseVal ?? e.className} ${e.textContent.slice(0, 60)}`)"""

WIDER = """() => [...document.querySelectorAll('table, figure, .plot > svg')]
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
  .map(e => `${e.tagName} ${e.textContent.slice(0, 60)}`)"""

UNSEEN = """() => [...document.querySelectorAll('table, figure, svg.bar, .plot > svg')]
  .filter(e => { const r = e.getBoundingClientRect(); return r.width < 20 || r.height < 10; })
  .map(e => `${e.tagName} ${e.textContent.slice(0, 60)}`)"""


@dataclasses.dataclass
class Seen:
    """What a browser met while it had a page open."""

    console: list = dataclasses.field(default_factory=list)
    requests: list = dataclasses.field(default_factory=list)
    dialogs: list = dataclasses.field(default_factory=list)
    errors: list = dataclasses.field(default_factory=list)


def executable():
    """The browser of this machine, None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextlib.contextmanager
def browser():
    """A headless browser from the machine; nothing is downloaded."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        started = engine.chromium.launch(
            executable_path=executable(), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield started
        finally:
            started.close()


@contextlib.contextmanager
def opened(started, place, width, *, scheme="light"):
    """A page of that width with what the browser sees of it; moving over it is tried as well."""
    context = started.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, service_workers="block"
    )
    page, seen = context.new_page(), Seen()
    page.on("console", lambda message: seen.console.append(f"{message.type}: {message.text}"))
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("pageerror", lambda problem: seen.errors.append(str(problem)))

    def dismiss(dialog):
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.goto(place.as_uri())
    page.wait_for_timeout(200)
    try:
        yield page, seen
    finally:
        context.close()


def provoked(page):
    """Move over everything and press the key that opens links, as a reader might."""
    for element in page.query_selector_all("h1, figcaption, caption, td, .name, dd")[:60]:
        element.dispatch_event("mouseover")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
