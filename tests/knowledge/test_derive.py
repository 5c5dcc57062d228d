"""The chore that holds the torch table against released wheels, without an index."""

import io
import json
import zipfile

import pytest

from gpubench.knowledge import tables
from tests.knowledge import derive, released
from tests.knowledge.derive import Default, differences, proposed
from tests.knowledge.released import Wheel, cuda_and_architectures, newest_patches

ROW = next(row for row in tables.load("torch")["release"] if row["torch"] == "2.13")
BUILD = next(build for build in ROW["build"] if build["default"])
FOUND = Default(
    torch="2.13",
    latest=ROW["latest"],
    machine="x86_64",
    python=tuple(ROW["python"]),
    triton=ROW["triton"],
    cuda=BUILD["cuda"],
    cudnn=BUILD["cudnn"],
    nccl=BUILD["nccl"],
    architectures=tuple(BUILD["architectures"]),
)


def change(**fields):
    return Default(
        **{**{name: getattr(FOUND, name) for name in FOUND.__dataclass_fields__}, **fields}
    )


def wheel_of(requires):
    return Wheel(version="1", url="", requires_python=None, requires=tuple(requires))


def archive(version_py, library):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as written:
        written.writestr("torch/version.py", version_py)
        written.writestr("torch/lib/libtorch_python.so", library)
    return stream


def test_a_wheel_that_says_what_is_on_record_agrees():
    assert differences(FOUND) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latest", "2.13.9"),
        ("python", ("3.10", "3.19")),
        ("triton", "9.9.9"),
        ("cuda", "99.0"),
        ("cudnn", "9.99"),
        ("nccl", "2.99"),
        ("architectures", ("sm_10",)),
    ],
)
def test_each_field_that_differs_is_named(field, value):
    (said,) = differences(change(**{field: value}))
    assert said.startswith(f"{field}: ")


@pytest.mark.parametrize("field", ["triton", "cudnn", "nccl", "architectures"])
def test_what_a_wheel_does_not_tell_is_not_compared(field):
    assert differences(change(**{field: None})) == []


def test_a_release_that_is_not_on_record_is_proposed_as_a_row_that_loads():
    unknown = change(torch="9.1", latest="9.1.2")
    assert differences(unknown) == ["no default build for x86_64"]
    (row,) = tables.tomllib.loads(proposed(unknown))["release"]
    assert row["latest"] == "9.1.2"
    assert row["build"][0]["architectures"] == list(FOUND.architectures)
    assert row["build"][0]["default"] is True


def test_a_wheel_without_cuda_is_no_difference_where_none_is_on_record():
    arm = change(torch="2.10", machine="aarch64", cuda=None, architectures=())
    assert differences(arm) == []
    assert differences(change(machine="aarch64", cuda=None, architectures=()))


@pytest.mark.parametrize(
    ("text", "pin"),
    [
        ("nvidia-cudnn-cu12 (==9.1.0.70) ; platform_system == 'Linux'", "9.1.0.70"),
        ("nvidia-cudnn-cu13==9.20.0.48; platform_system == 'Linux'", "9.20.0.48"),
        ("nvidia-cudnn-cu12==9.1; platform_machine == 'aarch64'", None),
        ("nvidia-cudnn-cu12==9.1; extra == 'cuda'", None),
        ("triton~=3.8.0", None),
    ],
)
def test_a_pin_is_read_as_old_and_new_wheels_write_it(text, pin):
    assert wheel_of([text]).pin("nvidia-cudnn") == pin


def test_the_compiled_architectures_are_read_from_the_library():
    library = b"junk\0sm_50 \0ipc_hsm_70 sm_75 sm_80\0sm_90\0sm_50 compute_50\0"
    stream = archive("__version__ = '2.9.1+cu128'\ncuda: Optional[str] = '12.8'\n", library)
    assert cuda_and_architectures(stream) == ("12.8", ("sm_70", "sm_75", "sm_80"))


def test_a_wheel_without_cuda_has_no_architectures():
    stream = archive("cuda = None\nhip = None\n", b"sm_70 sm_80\0")
    assert cuda_and_architectures(stream) == (None, ())


def test_tags_and_pre_releases_are_no_releases():
    found = newest_patches(["2.9.0", "2.9.1", "2.10.0", "2.13.0+cpu", "2.16.0rc1"])
    assert found == {"2.9": "2.9.1", "2.10": "2.10.0"}


def test_the_chore_asks_pip_and_reads_only_what_it_needs(monkeypatch, capsys):
    asked = []

    def pip(*arguments):
        asked.append(arguments)
        if arguments[:2] == ("index", "versions"):
            return json.dumps({"versions": [FOUND.latest]})
        if arguments[0] == "config":
            return "\n"
        return json.dumps({"install": [REPORT]})

    monkeypatch.setattr(released, "_pip", pip)
    monkeypatch.setattr(derive, "PYTHONS", ("3.10", "3.14"))
    stream = archive(
        f"cuda = '{FOUND.cuda}'", b"\0" + " ".join(FOUND.architectures).encode() + b"\0"
    )
    monkeypatch.setattr(derive, "opened", lambda url, cafile: stream)
    assert derive.main(["--machine", "x86_64"]) == 0
    assert "torch 2.13.0 x86_64: agrees" in capsys.readouterr().out
    assert all("--dry-run" in call for call in asked if call[0] == "install")


REPORT = {
    "download_info": {"url": "somewhere/torch.whl"},
    "metadata": {
        "version": FOUND.latest,
        "requires_python": ">=3.10",
        "requires_dist": [
            f"nvidia-cudnn-cu13=={FOUND.cudnn}; platform_system == 'Linux'",
            f"nvidia-nccl-cu13=={FOUND.nccl}; platform_system == 'Linux'",
            f"triton=={FOUND.triton}; platform_system == 'Linux'",
        ],
    },
}
