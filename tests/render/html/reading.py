"""Reads a page as strictly as a page of ours can be read: every element closed, nothing active."""

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

VOID = ("meta", "link", "br", "hr", "img", "input")
ACTIVE = ("script", "iframe", "object", "embed", "img", "form", "base", "foreignobject", "use", "a")
LINKS = ("src", "href", "action", "data", "srcset", "poster", "xlink:href", "formaction")


@dataclasses.dataclass
class Page:
    """What was found: faults in words, the text, and how often each element came up."""

    faults: list
    text: str
    counts: dict
    policy: str
    styles: list
    captions: list
    ids: list


class Reader(HTMLParser):
    """Notes what a page of ours never has."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.words, self.counts = [], [], [], {}
        self.policy, self.styles, self.captions, self.ids = "", [], [], []

    def handle_starttag(self, tag, attrs):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)
        if tag in ACTIVE and tag != "a":
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            self._attribute(tag, name, value or "")
        if tag == "meta" and dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs)["content"]

    def _attribute(self, tag, name, value):
        if name.startswith("on") or name == "style":
            self.faults.append(f"{tag} has {name}")
        if name in LINKS and not (re.fullmatch(r"#s\d+", value) or value == "data:,"):
            self.faults.append(f"{tag} links to {value}")
        if name == "http-equiv" and value != "Content-Security-Policy":
            self.faults.append(f"meta {value}")
        if name == "id":
            if value in self.ids:
                self.faults.append(f"id {value} twice")
            self.ids.append(value)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.styles.append(data)
            return
        if "caption" in self.open:
            self.captions.append(data)
        self.words.append(data)

    def handle_comment(self, data):
        self.faults.append("a comment")


def read(html):
    """The page, with every fault that it has."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    faults = list(reader.faults)
    if reader.open:
        faults.append(f"left open: {reader.open}")
    if not html.startswith("<!DOCTYPE html>"):
        faults.append("no doctype first")
    if len(reader.styles) != 1 or _digest(reader.styles[0]) not in reader.policy:
        faults.append("a style that the policy does not name")
    if not reader.policy.startswith("default-src 'none';") or "unsafe" in reader.policy:
        faults.append(f"policy: {reader.policy}")
    if re.search(r"url\s*\(|@import|expression", "".join(reader.styles)):
        faults.append("a style that loads")
    if any(ord(c) < 32 and c != "\n" for c in html) or "\u202e" in html:
        faults.append("a control character")
    return Page(
        faults=faults,
        text=" ".join("".join(reader.words).split()),
        counts=reader.counts,
        policy=reader.policy,
        styles=reader.styles,
        captions=reader.captions,
        ids=reader.ids,
    )


def _digest(style):
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"'sha256-{digest}'"
