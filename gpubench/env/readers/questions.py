"""Questions asked of torch on a console, and what it answered on the same line or the next."""

import re

from gpubench.env.readers.draft import Draft
from gpubench.env.readers.pasted import Pasted, unquoted
from gpubench.env.readers.values import put_torch, truth

_QUESTION = re.compile(
    r"torch\.(?:__version__|version\.(?:cuda|hip)|cuda\.(?:is_available|device_count)\(\)"
    r"|backends\.cudnn\.version\(\))"
)
_SAME_LINE = re.compile(
    r"\)*`?\s*(?:#|=>|->|:|=|is|returns?|gives?|prints?|says?|\s)*\s*['\"`]?(?P<answer>[\w.+]+)['\"`.,]*$"
)
_CODE = re.compile(r"\b(?:if|assert|while|return|and|or|not|else)\b")


def read(pasted: Pasted, draft: Draft) -> bool:
    """Take in what was answered; the lines stay, for that somebody asked is worth keeping."""
    found = False
    for number, raw in pasted.free():
        if "torch." not in raw or len(raw) > 400:
            continue
        line = unquoted(raw)
        asked = _QUESTION.findall(line)
        if asked and not _CODE.search(line.partition("torch.")[0]):
            found = _take(pasted, draft, number, line, asked) or found
    return found


def _take(pasted: Pasted, draft: Draft, number: int, line: str, asked: list[str]) -> bool:
    last = list(_QUESTION.finditer(line))[-1]
    same = _SAME_LINE.fullmatch(line[last.end() :])
    if len(asked) == 1 and same:
        return _answered(draft, asked[0], same["answer"])
    below = _below(pasted, number)
    if asked == ["torch.version.cuda"] and below.lstrip().startswith(">>>"):
        draft.torch.setdefault("cuda", None)  # None is what an interpreter does not print
        return True
    words = re.sub(r"^Out\[\d+\]:", "", unquoted(below)).strip("()").split()
    answers = [word.strip("'\",()") for word in words]
    if len(answers) != len(asked):
        return False
    known = [_answered(draft, *pair) for pair in zip(asked, answers, strict=True)]
    return any(known)


def _below(pasted: Pasted, number: int) -> str:
    """The next line that is not empty."""
    lines = pasted.lines[number + 1 : number + 4]
    return next((line for line in lines if line.strip()), "")


def _answered(draft: Draft, question: str, answer: str) -> bool:
    what = question.removeprefix("torch.")
    is_version = re.match(r"\d+\.\d+", answer) is not None
    if what == "__version__" and is_version:
        put_torch(draft, answer)
    elif what == "version.cuda" and is_version:
        draft.put("torch", cuda=answer)
    elif what == "version.cuda" and answer == "None":
        draft.torch.setdefault("cuda", None)
    elif what.startswith("cuda.is") and truth(answer) is not None:
        draft.paste.setdefault("cuda_available", truth(answer))
    elif what.startswith("cuda.device") and answer == "0":
        draft.paste.setdefault("cuda_available", False)
    else:
        return False
    return True
