"""Takes a picture of a page in a headless browser: page.py PAGE PICTURE [WIDTH HEIGHT]."""

import pathlib
import sys

from tests.html.browser import browser


def photograph(page: str, picture: str, width: int = 1280, height: int = 1440) -> None:
    """The upper part of a page as PNG; nothing is asked of any network."""
    with browser() as started:
        shown = started.new_page(viewport={"width": width, "height": height})
        shown.goto(pathlib.Path(page).resolve().as_uri())
        shown.screenshot(path=picture)


if __name__ == "__main__":
    photograph(*sys.argv[1:3], *map(int, sys.argv[3:5]))
