"""What shell commands install and set: pip, conda, apt, uv, python -c. One reader per program."""

import itertools
import re
from collections.abc import Callable, Sequence

from gpubench.plan.files import python_code
from gpubench.plan.files.reading import Reading
from gpubench.plan.files.shell import Word, each_command, unquoted
from gpubench.plan.files.specifiers import of_conda, of_pip

_PREFIXES = {"sudo", "env", "time", "exec", "nice", "command", "then", "do", "else", "if", "!"}
_OPENS, _CLOSES = ("if", "for", "while", "until", "case"), ("fi", "done", "esac")
_TESTS = ("[", "[[", "test")
_DECLARES = ("export", "local", "readonly", "declare", "typeset")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w{0,100}=")
_PYTHON = re.compile(r"python(?:\d(?:\.\d{1,2})?)?$")
_PIP = re.compile(r"pip(?:\d(?:\.\d{1,2})?)?$")
_PYTHON_RELEASE = re.compile(r"python(\d\.\d{1,2})(?:-(?:dev|venv|full|minimal|distutils))?$")
_REDIRECTED = re.compile(r"[A-Za-z][\w.\[\]-]{1,60}[<>]=?\d")

_PIP_VALUES = {
    "-t", "--target", "--prefix", "--root", "--python-version", "--platform", "--cache-dir",
    "--timeout", "--retries", "--proxy", "--trusted-host", "--progress-bar", "--no-binary",
    "--only-binary", "--upgrade-strategy", "--abi", "--implementation", "--src", "--python", "-p",
    "--index-strategy", "--log", "--report", "-e", "--editable", "--exclude-newer", "--prerelease",
    "--resolution", "--config-settings", "-C", "--global-option", "--build-option",
}  # fmt: skip
_INDEXES = {
    "-i": "index-url", "--index-url": "index-url", "--default-index": "index-url",
    "--extra-index-url": "extra-index-url", "--index": "extra-index-url",
    "-f": "find-links", "--find-links": "find-links",
}  # fmt: skip
_CONDA_VALUES = {"-n", "--name", "-p", "--prefix", "-f", "--file", "--solver", "--platform"}
_TORCH_BACKEND = "--torch-backend"


def read_shell(reading: Reading, text: str, first_line: int, *, depth: int = 0) -> None:
    """Everything that the commands of ``text`` state."""
    nesting, previous = 0, ""
    for command in each_command(text, first_line, reading.variables):
        program = command[0].text
        nesting += (program in _OPENS) - (program in _CLOSES)
        read_command(reading, command, depth=depth)
        _set(reading, command, is_sure=nesting <= 0 and previous not in _TESTS)
        previous = program


def _set(reading: Reading, words: Sequence[Word], *, is_sure: bool) -> None:
    """The variables that a command sets for those after it; unknown where it may not be run."""
    words = [word for word in words if word.text not in _PREFIXES]
    if words and words[0].text in _DECLARES:
        words = [word for word in words[1:] if not word.text.startswith("-")]
    if not all(_ASSIGNMENT.match(word.text) for word in words):
        return
    for word in words:
        name, _, value = word.text.partition("=")
        if is_sure and "$" not in value and "`" not in value:
            reading.variables[name] = value[:300]
        else:
            reading.variables.pop(name, None)


def read_command(reading: Reading, words: Sequence[Word], *, depth: int = 0) -> None:
    """What one command states; a program that is not known states nothing."""
    words = list(words)
    while words and (words[0].text in _PREFIXES or _ASSIGNMENT.match(words[0].text)):
        if _ASSIGNMENT.match(words[0].text):
            _assigned(reading, words[0], "shell")
        words.pop(0)
    if not words or reading.is_full:
        return None
    program, rest = words[0].text.rsplit("/", 1)[-1], words[1:]
    if _PYTHON.match(program):
        _python(reading, words)
    elif _PIP.match(program):
        _pip(reading, words)
    elif program in ("bash", "sh") and depth < 3:
        for flag, script in itertools.pairwise(rest):
            if re.fullmatch(r"-\w{0,5}c", flag.text):
                return read_shell(reading, unquoted(script.raw), script.line, depth=depth + 1)
    elif program in _READERS:
        _READERS[program](reading, words)
    return None


def _assigned(reading: Reading, word: Word, via: str) -> None:
    name, _, value = word.text.partition("=")
    reading.state("variable", name, value, word, via=via)


def _python(reading: Reading, words: Sequence[Word]) -> None:
    for number, word in enumerate(words[1:], start=1):
        following = words[number + 1 :]
        if word.text == "-m" and following and _PIP.match(following[0].text):
            return _pip(reading, words[number + 1 :])
        if word.text == "-c" and following:
            code = following[0]
            return python_code.read(reading, unquoted(code.raw), code.line)
        if not word.text.startswith("-"):
            return None
    return None


def _pip(reading: Reading, words: Sequence[Word]) -> None:
    if any(word.text in ("install", "download", "wheel") for word in words[1:4]):
        at = next(i for i, w in enumerate(words) if w.text in ("install", "download", "wheel"))
        _pip_words(reading, words[at + 1 :])


def _uv(reading: Reading, words: Sequence[Word]) -> None:
    verbs = [word.text for word in words[1:4]]
    if verbs[:1] == ["pip"]:
        return _pip(reading, words[1:])
    if verbs[:1] == ["add"]:
        return _pip_words(reading, words[2:])
    for number, word in enumerate(words):
        if word.text == "--python" and number + 1 < len(words):
            _python_release(reading, words[number + 1], "uv")
    if verbs[:2] == ["python", "install"]:
        for word in words[3:]:
            _python_release(reading, word, "uv")
    return None


def _pyenv(reading: Reading, words: Sequence[Word]) -> None:
    for word in words[1:]:
        _python_release(reading, word, "pyenv")


def _python_release(reading: Reading, word: Word, via: str) -> None:
    found = re.match(r"(?:python|cpython)?[@-]?(3\.\d{1,2})(?:\.\d{1,2})?$", word.text)
    if found:
        reading.state("python", via, found[1], word, via=via)


def _pip_words(reading: Reading, words: Sequence[Word]) -> None:
    """Options with their values, files of requirements, and requirements."""
    reading.next_command()
    pending = iter(words)
    for word in pending:
        if reading.is_full:
            return
        flag, equals, value = word.text.partition("=")
        if not word.text.startswith("-"):
            _pip_requirement(reading, word)
        elif flag in _INDEXES or flag in ("-r", "--requirement", "-c", "--constraint"):
            holder = word if equals else next(pending, word)
            _pip_option(reading, flag, value if equals else holder.text, holder)
        elif flag == _TORCH_BACKEND:
            holder = word if equals else next(pending, word)
            backend = value if equals else holder.text
            reading.state("index", "index-url", f"/whl/{backend}", holder, via="uv")
        elif flag in _PIP_VALUES and not equals:
            next(pending, None)


def _pip_option(reading: Reading, flag: str, value: str, holder: Word) -> None:
    if flag in _INDEXES:
        reading.state("index", _INDEXES[flag], value, holder, via="pip")
    else:
        reading.follow(value)


def _pip_requirement(reading: Reading, word: Word) -> None:
    if _REDIRECTED.match(word.raw):
        reading.state("use", "redirect", word.raw, word, via="pip")
    text = word.text
    parsed = of_pip(text)
    if parsed is not None:
        reading.state("package", parsed[0], parsed[1], word, via="pip")
    elif "$" in text:
        name = re.match(r"[A-Za-z0-9][\w.-]{0,99}", text)
        if name and text[name.end() : name.end() + 2] in ("==", "~=", ">=", "<="):
            reading.state("package", name[0].lower().replace("_", "-"), None, word, via="pip")
    elif text.startswith("git+") or text.endswith((".git", ".zip", ".tar.gz")):
        name = re.search(r"(?:#egg=|/)([\w.-]{2,60}?)(?:\.git)?(?:@[\w./-]{1,60})?$", text[:500])
        if name:
            reading.state("package", name[1].lower().replace("_", "-"), None, word, via="source")


def _conda(reading: Reading, words: Sequence[Word]) -> None:
    verbs = [word.text for word in words[1:3]]
    if not {"install", "create", "update"} & set(verbs):
        return
    reading.next_command()
    at = next(i for i, w in enumerate(words) if w.text in ("install", "create", "update"))
    pending = iter(words[at + 1 :])
    for word in pending:
        flag, equals, value = word.text.partition("=")
        if flag in ("-c", "--channel"):
            holder = word if equals else next(pending, word)
            reading.state("channel", value if equals else holder.text, None, holder, via="conda")
        elif flag in _CONDA_VALUES and not equals:
            next(pending, None)
        elif not flag.startswith("-"):
            conda_package(reading, word)


def conda_package(reading: Reading, word: Word) -> None:
    """A conda spec: a package, or the Python itself."""
    parsed = of_conda(word.text)
    if parsed is None:
        return
    name, specifier = parsed
    if name == "python":
        reading.state("python", "conda", specifier, word, via="conda")
    else:
        name = {"pytorch": "torch", "pytorch-gpu": "torch"}.get(name, name)
        reading.state("package", name, specifier, word, via="conda")


def _apt(reading: Reading, words: Sequence[Word]) -> None:
    if not any(word.text == "install" for word in words):
        return
    reading.next_command()
    at = next(i for i, word in enumerate(words) if word.text == "install")
    for word in words[at + 1 :]:
        if word.text.startswith("-"):
            continue
        name, _, version = word.text.partition("=")
        reading.state("system-package", name, version, word, via="apt")
        release = _PYTHON_RELEASE.match(name)
        if release:
            reading.state("python", "apt", release[1], word, via="apt")
        elif name in ("python3", "python3-pip", "python3-venv", "python3-dev", "python-is-python3"):
            reading.state("python", "apt", None, word, via="apt")


def _add_repository(reading: Reading, words: Sequence[Word]) -> None:
    for word in words[1:]:
        if word.text.startswith("ppa:") or "://" in word.text:
            reading.state("repository", word.text, None, word, via="apt")


def _echo(reading: Reading, words: Sequence[Word]) -> None:
    """Python that is written to a file: echo "import x" > check.py."""
    if not words[-1].text.endswith(".py"):
        return
    for word in words[1:-1]:
        for statement in unquoted(word.raw).split("\\n"):
            python_code.read(reading, statement, word.line)


def _export(reading: Reading, words: Sequence[Word]) -> None:
    for word in words[1:]:
        if _ASSIGNMENT.match(word.text):
            _assigned(reading, word, "shell")


_READERS: dict[str, Callable[[Reading, Sequence[Word]], None]] = {
    "uv": _uv,
    "pyenv": _pyenv,
    "conda": _conda,
    "mamba": _conda,
    "micromamba": _conda,
    "apt": _apt,
    "apt-get": _apt,
    "add-apt-repository": _add_repository,
    "export": _export,
    "echo": _echo,
    "printf": _echo,
}
