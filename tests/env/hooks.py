"""Virtual environments whose hooks misbehave: sitecustomize.py and .pth files, written for real."""

import venv
from pathlib import Path


class Environment:
    """A virtual environment below a folder; its hooks are written one at a time."""

    def __init__(self, folder):
        venv.create(folder, with_pip=False, symlinks=True)
        self.folder = Path(folder)
        self.python = str(self.folder / "bin" / "python")
        (self.site,) = self.folder.glob("lib/python3*/site-packages")

    def hook(self, text, name="sitecustomize.py"):
        (self.site / name).write_text(text)
        return self

    def pth(self, code):
        """A .pth file that runs one line when the interpreter starts."""
        return self.hook(f"import sys; {code}\n", "aaa_hook.pth")

    def files(self):
        return sorted(str(path) for path in self.folder.rglob("*"))
