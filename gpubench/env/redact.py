"""What is taken out of text before it is shown or stored: secrets, homes, terminal codes."""

import functools
import hashlib
import os
import re
from collections.abc import Iterator
from typing import Any

REMOVED = "<removed>"

ESCAPES = (
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI sequences: colours, cursor
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC sequences: titles, links
    r"|\x1b."
)
"""What begins with an escape character, and a terminal obeys."""
_TERMINAL = re.compile(rf"{ESCAPES}|[\x80-\x9f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_NAME = (
    r"(?:token(?!i[sz])(?!s[\"']?\s{0,5}[=:]\s{0,5}\d{1,9}\b)|secret|passw(?:or)?d|passphrase|credential"
    r"|(?:api|access|private)[ _-]?key)[\w-]{0,64}"
)
"""How the name of something secret ends; no tokenizer is one, and no number of tokens."""
_SECRET_NAME = re.compile(rf"(?i){_NAME}$")
_SECRETS = (
    # a private key, up to its end or the end of the text
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----(?:[^-]|-(?!----))*"
            r"(?:-----END [A-Z ]{0,60}-----)?"
        ),
        REMOVED,
    ),
    # a URL's user and password
    (re.compile(r"(?<=://)[^/\s]{1,500}@"), f"{REMOVED}@"),
    # tokens by the prefixes their issuers document
    (
        re.compile(
            r"(?:(?<![A-Za-z0-9-])|(?<=\\[nrt]))(?:hf_[A-Za-z0-9]{16,}|gh[oprsu]_[A-Za-z0-9]{16,}|github_pat_\w{16,}"
            r"|gl[a-z]{2,5}-[\w-]{16,}|sk-[\w-]{16,}|xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,}"
            r"|A[KS]IA[A-Z0-9]{12,}|AIza[\w-]{30,}|ya29\.[\w-]{16,}|nvapi-[\w-]{16,}"
            r"|npm_[A-Za-z0-9]{16,}|gsk_[A-Za-z0-9]{16,}|r8_[A-Za-z0-9]{16,}"
            r"|pypi-[\w-]{16,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
        ),
        REMOVED,
    ),
    # Authorization: Bearer value
    (re.compile(r"(?i)(\b(?:proxy-)?authorization[\"']?\s{0,5}[=:])[^\n]+"), rf"\g<1> {REMOVED}"),
    (re.compile(r"(?i)\b(bearer|basic)\s{1,5}[A-Za-z0-9+/=._~-]{8,}"), rf"\g<1> {REMOVED}"),
    # NAME_TOKEN=value, "password": "value", --api-key value
    (
        re.compile(
            # only the end of the name is matched, and that bounded: a long name costs no time
            rf"(?i)({_NAME}(?:\\?[\"'])?\s{{0,5}}[=:]\s{{0,5}}|(?<=--){_NAME}\s{{1,5}}"
            rf"|--[\w-]{{1,40}}-{_NAME}\s{{1,5}})"
            r"(?:\\?\"[^\"\n]{1,1000}\"?|\\?'[^'\n]{1,1000}'?|[^\s\"']+)"
        ),
        rf"\g<1>{REMOVED}",
    ),
)
_PEOPLE = (
    # alice:secret@proxy:3128 without a scheme; an image's digest is none
    (re.compile(r"(?<![\w@/.+-])[\w.+-]{1,64}:[^\s@/:\"',]{1,200}@(?!sha)(?=\w)"), f"{REMOVED}@"),
    # a shell's prompt and the target of ssh or scp: user@host:~$, [user@host ~]$
    (
        re.compile(
            r"(?<![\w.+-])[\w.-]{1,64}@[\w.-]{1,64}"
            r"(?=:[~/]|:\S{0,100}[$#%](?:\s|$)|\s[~/]\S{0,100}\s?[\]$#%])"
        ),
        REMOVED,
    ),
    (re.compile(r"(?<=ssh )[\w.-]{1,64}@[\w.-]{1,64}"), REMOVED),
    # an address of mail; the version of a symbol (memcpy@GLIBC_2.14) is none
    (
        re.compile(
            r"(?<![\w.+-])[\w.+-]{1,64}@(?!lib)(?:[\w-]{1,63}\.){1,6}(?!so\b)[A-Za-z]{2,24}\b"
        ),
        REMOVED,
    ),
)
"""People and their machines; each holds an at sign."""
_MACHINES = (
    # syslog and the journal: the host between the time and the program
    (
        re.compile(
            r"(?<!\w)((?:[A-Z][a-z]{2} [ \d]\d [\d:.]{8,15}|\d{4}-\d\d-\d\d[T ]\S{8,32}"
            r"|\[[ \d]{1,12}\.\d{1,9}\]) )[\w.-]{1,64}(?= (?:kernel|[\w./-]{1,40}\[\d{1,9}\]): )"
        ),
        rf"\g<1>{REMOVED}",
    ),
    # uname -a, NCCL's log, torchrun's summary, variables of a shell
    (re.compile(r"\b(Linux )[\w.-]{1,64}(?= \d{1,3}\.\d{1,3}\.\S{1,60} #\d)"), rf"\g<1>{REMOVED}"),
    (re.compile(r"(?<![\w.-])[\w.-]{1,64}(?=:\d{1,8}:\d{1,8} \[\d{1,3}\] NCCL)"), REMOVED),
    (re.compile(r"(?<!\S)(host {2,12}: )[\w.-]{1,64}"), rf"\g<1>{REMOVED}"),
    (
        re.compile(
            r"\b((?:HOSTNAME|[Hh]ostname|HOST|USER|USERNAME|LOGNAME|SLURMD_NODENAME)"
            r"(?:=|: ?))[\w.-]{1,64}"
        ),
        rf"\g<1>{REMOVED}",
    ),
    # \\server\share
    (re.compile(r"(?<![\\\w:])\\\\[\w.$-]{1,64}(?=\\)"), rf"\\\\{REMOVED}"),
    (
        re.compile(r"(?i)(\bserial[ _]?(?:number|no\.?)?\s{0,40}[:=#]?\s{0,5})\d{8,32}"),
        rf"\g<1>{REMOVED}",
    ),
)
"""What names a machine; each holds a colon, an equals sign, a blank or a backslash."""
_MARKS = re.compile(r"[:= \\]")
_HOMES = re.compile(
    r"(?i)[A-Z]:(?P<bar>\\{1,2}|/)(?:Users|Documents and Settings)(?P=bar)"
    r"(?:[^\\/:*?\"<>|\n]{1,64}(?=\\)|[^\\/\s:\"',;]+)"
    r"|(?-i:/(?:homes?\d{0,2}|Users)/[^/\s:\"',;]+|(?<![\w./-])/root(?=[/\s:\"',;]|$))"
)

_UUID = re.compile(
    r"(?i)\b(GPU|MIG)-[0-9a-f]{8}(?:-[0-9a-f]{4}){0,3}(?:-[0-9a-f]{1,12})?(?![0-9a-f])"
)


def clean(text: str, *, keep_uuids: bool = False) -> str:
    """``text`` without secrets, home folders and anything a terminal would obey."""
    text = text.encode("utf-8", "replace").decode()  # a lone surrogate can be printed nowhere
    text = _CONTROL.sub(" ", _TERMINAL.sub("", text))
    for pattern, replacement in _rules(text):
        text = pattern.sub(replacement, text)
    if not keep_uuids:
        text = _UUID.sub(lambda found: f"{found[1]}-{anonymous(found[0])}", text)
    own_home = _own_home()
    if own_home:
        text = text.replace(own_home, "~")
    return _HOMES.sub("~", text)


def _rules(text: str) -> Iterator[tuple[re.Pattern[str], str]]:
    """The rules that ``text`` can need: most texts are names and versions."""
    yield from _SECRETS
    if "@" in text:
        yield from _PEOPLE
    if _MARKS.search(text):
        yield from _MACHINES


@functools.cache
def _own_home() -> str | None:
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    return home if len(home) > len("/root") else None


def clean_plain(value: Any) -> Any:
    """Every text in a JSON value, cleaned; keys too, and what a key calls secret is removed."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {
            clean(str(key)): clean_entry(str(key), entry)
            if isinstance(entry, str)
            else clean_plain(entry)
            for key, entry in value.items()
        }
    if isinstance(value, list | tuple):
        return [clean_plain(entry) for entry in value]
    return value


def clean_entry(name: str, value: str) -> str:
    """``value`` cleaned; nothing of it where its name says that it is secret."""
    return REMOVED if value and _SECRET_NAME.search(name) else clean(value)


def anonymous(identifier: str) -> str:
    """A truncated SHA-256: tells machines apart without naming them."""
    return hashlib.sha256(identifier.encode("utf-8", "replace")).hexdigest()[:16]
