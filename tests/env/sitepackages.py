"""Fabricated site-packages: the files of torch and its libraries, without torch."""

ARCHITECTURES = b"sm_80 sm_90 compute_90"


class Site:
    """A folder of installed distributions that is written one at a time."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def distribution(self, name, version, requires=(), files=None):
        """Metadata with a RECORD, and the files it names."""
        contents = files or {}
        for path, text in contents.items():
            self.library(self.folder / path, text if isinstance(text, bytes) else text.encode())
        info = self.folder / f"{name}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n\nA description.\n")
        record = [f"{path},sha256=x,{len(text)}" for path, text in contents.items()]
        (info / "RECORD").write_text("\n".join([*record, f"{info.name}/RECORD,,"]) + "\n")

    def torch(self, version, cuda="12.8", requires=(), init=""):
        """A torch whose files say what a real one's say."""
        tag = f"cu{cuda.replace('.', '')}" if cuda else "cpu"
        text = f"from typing import Optional\n__version__ = '{version}+{tag}'\ndebug = False\n"
        text += f"cuda: Optional[str] = {cuda!r}\ngit_version = 'abc'\nhip: Optional[str] = None\n"
        flags = b"\0noise sm_\0" + (ARCHITECTURES if cuda else b"") + b"\0more\0sm_60\0"
        if not cuda:
            flags = b"\0nothing\0"
        self.distribution(
            "torch",
            version,
            requires,
            {
                "torch/__init__.py": init,
                "torch/version.py": text,
                "torch/lib/libtorch_python.so": b"\x7fELF" + flags,
            },
        )

    def cudnn(self, version, suffix):
        """A cuDNN whose header alone tells its release."""
        major, minor, patch = version.split(".")[:3]
        header = f"#define CUDNN_MAJOR {major}\n#define CUDNN_MINOR {minor}\n"
        header += f"#define CUDNN_PATCHLEVEL {patch}\n"
        self.distribution(
            f"nvidia_cudnn_{suffix}",
            version,
            files={
                "nvidia/cudnn/include/cudnn_version.h": header,
                f"nvidia/cudnn/lib/libcudnn.so.{major}": b"\x7fELF nothing in it",
            },
        )

    def nccl(self, version, suffix):
        """An NCCL with the banner of its release."""
        banner = f"\0NCCL version info only\0NCCL version {version}+cuda12.8\0".encode()
        self.distribution(
            f"nvidia_nccl_{suffix}", version, files={"nvidia/nccl/lib/libnccl.so.2": banner}
        )

    @staticmethod
    def library(path, content):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
