"""A strict reader of Prometheus's text format, as the textfile collector reads it."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)")


def parse(text):
    """The samples by name and labels; AssertionError where a line is not as it must be."""
    assert text.endswith("\n")
    helped, typed, samples = [], [], {}
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in helped, f"two HELP lines for {name}"
            helped.append(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind == "gauge"
            assert helped[-1] == name
            typed.append(name)
        else:
            name, labels, value = read_sample(line)
            assert name == typed[-1], f"{name} does not follow its TYPE line"
            assert (name, labels) not in samples, f"{name} {labels} stands twice"
            samples[name, labels] = value
    return samples


def read_sample(line):
    found = SAMPLE.fullmatch(line)
    assert found, f"no sample: {line!r}"
    labels, rest = [], found[2] or ""
    while rest:
        label = LABEL.match(rest)
        assert label, f"no label: {rest!r}"
        labels.append((label[1], re.sub(r"\\(.)", unescaped, label[2])))
        rest = rest[label.end() :]
    return found[1], tuple(labels), float(found[3])


def unescaped(found):
    return "\n" if found[1] == "n" else found[1]
