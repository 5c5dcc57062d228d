"""Compose files and Kubernetes manifests: the images they name, and variables of services."""

import re

from gpubench.plan.files.dockerfile import split_image
from gpubench.plan.files.reading import Reading
from gpubench.plan.files.shell import Word, substituted
from gpubench.plan.files.stated import Source, Stack

_IMAGE = re.compile(r"[ \t-]*image[ \t]*:[ \t]*[\"']?([^\s\"'#]{1,500})")
_VARIABLE = re.compile(r"[ \t]*-[ \t]+[\"']?([A-Za-z_]\w{0,100})=([^\"'#]{0,1000})")

_MAPPED = re.compile(r"[ \t]+[\"']?([A-Z_][A-Z0-9_]{0,100})[\"']?[ \t]*:[ \t]+([^#]{1,1000})")
"""The other form of environment, NAME: value; keys of compose itself are in small letters."""


def recognises(name: str, text: str) -> bool:
    """True where services or containers with images stand in a YAML file."""
    return name.endswith((".yml", ".yaml")) and bool(
        re.search(r"^[ \t-]*image[ \t]*:", text, re.MULTILINE)
    )


def stacks(source: Source) -> tuple[Stack, ...]:
    """One stack per image, with the variables that follow it."""
    reading, found = Reading(source=source), []
    for number, line in enumerate(source.lines, start=source.first_line):
        image = _IMAGE.match(line[:1000])
        variable = _VARIABLE.match(line[:2000])
        if image:
            if reading.facts:
                found.append(tuple(reading.facts))
            reading.facts = []
            name, tag = split_image(substituted(image[1], {}))
            word = Word(text=image[1], raw=image[1], line=number)
            reading.state("image", name, tag, word, via="image")
        elif variable and reading.facts:
            word = Word(text=variable[0], raw=variable[0].strip(" \t-"), line=number)
            reading.state("variable", variable[1], variable[2].strip(), word, via="compose")
        elif (mapped := _MAPPED.match(line[:2000])) and reading.facts:
            word = Word(text=mapped[0], raw=mapped[0].strip(), line=number)
            value = mapped[2].strip().strip("\"'")
            reading.state("variable", mapped[1], value, word, via="compose")
    found.append(tuple(reading.facts))
    return tuple(Stack(name=f"image {n}", facts=facts) for n, facts in enumerate(found, 1))
